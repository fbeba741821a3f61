#include <algorithm>

#include "report/compose.hpp"
#include "report/markup.hpp"
#include "report/page.hpp"
#include "report/words.hpp"

namespace tidegate {

namespace {

using namespace report;

std::string begin_and_end(const Sheet& sheet) {
    if (sheet.curves.start == WallTime{}) return "never started";
    const auto end = sheet.curves.start + std::chrono::milliseconds(static_cast<std::int64_t>(sheet.curves.end * 1000));
    return time_tag(sheet.curves.start) + " to " + time_tag(end) + " UTC";
}

std::string head_of_one(const Sheet& sheet) {
    const RunReport& r = sheet.panel->report;
    std::string out = "<header>" + brand("tidegate report") + "<div class=\"title\"><h1>" + escape(r.campaign) +
                      "</h1>" + state_pill(r.state) + "</div><p class=\"lede\">";
    if (!sheet.panel->title.empty()) out += escape(sheet.panel->title) + " · ";
    return out + begin_and_end(sheet) + "</p></header>";
}

std::string head_of_many(const std::vector<Sheet>& sheets) {
    const std::string& first = sheets.front().panel->report.campaign;
    const bool same =
        std::all_of(sheets.begin(), sheets.end(), [&](const Sheet& s) { return s.panel->report.campaign == first; });
    std::string names;
    for (const auto& s : sheets) names += (names.empty() ? "" : " · ") + escape(s.panel->title);
    return "<header>" + brand("tidegate report") + "<div class=\"title\"><h1>" + (same ? escape(first) : names) +
           "</h1></div><p class=\"lede\">" + (same ? names + ", " : std::string()) +
           "on one scale, each counted from its own start</p></header>";
}

std::string details(const Sheet& sheet) {
    return "<details><summary>Details: " + escape(sheet.panel->title) + "</summary><p class=\"soft\">" +
           begin_and_end(sheet) + "</p>" + tables(sheet) + "</details>";
}

std::string body_of(const std::vector<Sheet>& sheets) {
    if (sheets.empty()) return "<header>" + brand("tidegate report") + "<h1>Nothing to show</h1></header>";
    const Common common = common_of(sheets);
    if (sheets.size() == 1) {
        const Sheet& sheet = sheets.front();
        return head_of_one(sheet) + tiles(sheet) + charts_of_one(sheet, common) + "<h2>In numbers</h2>" + tables(sheet);
    }
    std::string out = head_of_many(sheets) + duel(sheets) + comparison(sheets, common) +
                      charts_of_many(sheets, common) + "<h2>In numbers</h2>";
    for (const auto& sheet : sheets) out += details(sheet);
    return out;
}

}  // namespace

std::string to_html(const std::vector<ReportPanel>& panels) {
    std::vector<Sheet> sheets;
    for (std::size_t i = 0; i < panels.size(); ++i) {
        // A single run wears the gate's colour; compared runs take one each.
        const std::size_t look = panels.size() == 1 ? 1 : i % 4;
        sheets.push_back({&panels[i], curves_of(panels[i].report, panels[i].series), "p" + std::to_string(look)});
    }
    const std::string title =
        panels.empty() ? "tidegate report" : escape(panels.front().report.campaign) + " · tidegate";
    return page(
        title, body_of(sheets),
        "Times are UTC; rest the pointer on one for your own zone. Charts count from the run's start. Latency is "
        "the 99th percentile, as the backend's own telemetry told it.");
}

}  // namespace tidegate
