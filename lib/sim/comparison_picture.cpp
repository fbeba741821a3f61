#include <cmath>

#include "report/markup.hpp"
#include "report/words.hpp"
#include "sim/drawing.hpp"
#include "sim/telling.hpp"

namespace tidegate::sim {
namespace {

using report::elapsed;
using report::escape;

constexpr int kWidth = 880, kLeft = 62, kRight = 22, kHead = 64, kLine = 21, kTall = 220, kLow = 96;
constexpr std::size_t kColumns = 300;

std::string text(int x, int y, const std::string& look, const std::string& words) {
    return "<text class=\"" + look + "\" x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\">" +
           escape(words) + "</text>";
}

/// A plot at its place; it fills the width it is given.
std::string placed(int y, int height, const std::string& plot) {
    return "<svg x=\"" + std::to_string(kLeft) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
           std::to_string(kWidth - kLeft - kRight) + "\" height=\"" + std::to_string(height + report::kAxis) +
           "\" overflow=\"visible\">" + plot + "</svg>";
}

std::string told(const Record& record, const SimResult& drawn) {
    const std::string over = drawn.seconds_over > 0.0 ? seconds_word(drawn.seconds_over) + " over the SLO"
                                                      : std::string("never over the SLO");
    return label_of(record.policy) + ": " + over + ", " +
           (drawn.finished ? "everybody sent to after " + elapsed(drawn.completion_s) : std::string("not finished"));
}

}  // namespace

std::string to_svg(const Comparison& comparison) {
    const Drawing drawing = drawing_of(comparison);
    const std::vector<Record> records = comparison.records();
    const Scenario& scenario = comparison.scenario;
    std::string inside =
        text(kRight, 32, "head", scenario.name) +
        text(kRight, 53, "note",
             scenario.about + (scenario.about.empty() ? "" : ". ") + report::decimal(recipients_of(scenario), 0) +
                 " recipients, seed " + std::to_string(comparison.seeds.front()));
    int y = kHead;
    for (std::size_t p = 0; p < records.size(); ++p) {
        y += kLine;
        inside += "<rect class=\"track " + drawing.looks[p] + "\" x=\"" + std::to_string(kRight) + "\" y=\"" +
                  std::to_string(y - 10) + "\" width=\"11\" height=\"11\" rx=\"3\"/>" +
                  text(kRight + 19, y, "who", told(records[p], comparison.policies[p].runs.front()));
    }
    report::Ids ids;
    for (const DrawnBackend& backend : drawing.backends) {
        y += 36;
        inside += text(kRight, y, "what", "Latency of " + backend.name + ", p99. Dotted: without the campaign");
        y += 14;
        inside += placed(y, kTall,
                         latency_plot(ids.next(), drawing, backend, kTall, kColumns)
                             .svg("Latency of " + backend.name, "p99 of each policy"));
        y += kTall + report::kAxis;
    }
    y += 32;
    inside += text(kRight, y, "what", "Messages sent so far");
    y += 14;
    inside += placed(
        y, kLow,
        sent_plot(ids.next(), drawing, kLow, kColumns).svg("Messages sent so far", "Messages each policy has sent"));
    y += kLow + report::kAxis + 14;
    const std::string height = std::to_string(y), width = std::to_string(kWidth);
    std::string words = scenario.name;
    for (std::size_t p = 0; p < records.size(); ++p)
        words += ". " + told(records[p], comparison.policies[p].runs.front());
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height +
           "\" viewBox=\"0 0 " + width + " " + height + "\" role=\"img\"><title>" + escape(words) + "</title><style>" +
           std::string(report::plot_style) +
           "svg{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\n"
           ".head{font-size:19px;font-weight:650;fill:var(--ink)}.note{font-size:13px;fill:var(--soft)}"
           ".who{font-size:14px;font-weight:600;fill:var(--ink)}.what{font-size:13px;font-weight:600;fill:var(--ink)}\n"
           ".paper{fill:var(--card);stroke:var(--rule)}</style><rect class=\"paper\" x=\".5\" y=\".5\" width=\"" +
           std::to_string(kWidth - 1) + "\" height=\"" + std::to_string(y - 1) + "\" rx=\"12\"/>" + inside + "</svg>\n";
}

}  // namespace tidegate::sim
