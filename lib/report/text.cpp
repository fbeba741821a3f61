#include <algorithm>
#include <array>
#include <cmath>

#include "report/compose.hpp"
#include "report/gates.hpp"
#include "report/words.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {

namespace {

using namespace report;

constexpr std::size_t kWidth = 100;
constexpr std::size_t kRows = 20;

std::string line(std::string text) {
    const std::size_t end = text.find_last_not_of(' ');
    text.erase(end == std::string::npos ? 0 : end + 1);
    return text + "\n";
}

std::string heading(std::string_view name) {
    return "\n" + std::string(name) + "\n";
}

/// "2026-11-23 00:00:05".
std::string moment(const std::optional<WallTime>& t) {
    if (!t) return "–";
    std::string text = format_wall_time(*t);
    text[10] = ' ';
    return text.substr(0, 19);
}

std::string more(std::size_t shown, std::size_t all) {
    return all > shown ? "  … and " + grouped(all - shown) + " more\n" : "";
}

std::string outcomes(const LedgerTotals& t) {
    std::string out = heading("Outcomes");
    const auto row = [&](std::string_view name, std::uint64_t n, bool always) {
        if (n == 0 && !always) return;
        out += line("  " + fit(name, 14) + fit_right(grouped(n), 15) + fit_right(share(n, t.recipients), 10));
    };
    for (const Final f :
         {Final::accepted, Final::delivered, Final::undelivered, Final::invalid, Final::rejected, Final::failed,
          Final::expired, Final::unknown, Final::suppressed, Final::no_consent, Final::no_address, Final::pending}) {
        row(to_string(f), count(t, f), f == Final::accepted || f == Final::pending);
    }
    row("recipients", t.recipients, true);
    return out;
}

std::string channels(const RunReport& report) {
    if (report.channels.empty()) return {};
    constexpr std::array<std::string_view, 6> names{"accepted",  "invalid",   "rejected",
                                                    "throttled", "transient", "unknown"};
    std::string head = "  " + fit("", 26);
    for (const auto name : names) head += fit_right(name, 12);
    std::string out = heading("Answers by channel") + line(head);
    for (const auto& c : report.channels) {
        std::string row = "  " + fit(c.name == c.kind ? c.name : c.name + " (" + c.kind + ")", 26);
        for (const std::uint64_t n : c.answers) row += fit_right(grouped(n), 12);
        out += line(row);
    }
    return out;
}

std::string backends(const RunReport& report) {
    const auto all = all_backends(report);
    if (all.empty()) return {};
    std::string out =
        heading("Backends") + line("  " + fit("", 30) + fit_right("worst p99", 14) + fit_right("SLO", 12) +
                                   fit_right("over SLO", 14) + fit_right("holds", 10));
    for (const auto& b : all) {
        const auto holds = std::count_if(report.holds.begin(), report.holds.end(),
                                         [&](const HoldRecord& h) { return h.backend == b.name; });
        const bool over = b.seconds_over_slo > 0 || (b.slo_s > 0 && b.worst_p99_s > b.slo_s);
        out += line("  " + fit(b.name, 30) + fit_right(b.worst_p99_s > 0 ? latency(b.worst_p99_s) : "–", 14) +
                    fit_right(b.slo_s > 0 ? latency(b.slo_s) : "–", 12) + fit_right(elapsed(b.seconds_over_slo), 14) +
                    fit_right(grouped(static_cast<std::uint64_t>(holds)), 10) + (over ? "  !" : ""));
    }
    return out;
}

std::string holds(const RunReport& report) {
    if (report.holds.empty()) return {};
    std::string out = heading("Holds (UTC)");
    const std::size_t shown = std::min(kRows, report.holds.size());
    for (std::size_t i = 0; i < shown; ++i) {
        const HoldRecord& h = report.holds[i];
        const std::string lasted =
            h.to ? elapsed(std::chrono::duration<double>(*h.to - h.from).count()) : std::string("not lifted");
        out += line("  " + moment(h.from) + "  " + fit_right(lasted, 10) + "  " + fit(h.backend, 16) + "  " +
                    fit(h.reason.empty() ? h.signal : h.reason, 47));
    }
    return out + more(shown, report.holds.size());
}

std::string cohorts(const RunReport& report) {
    if (report.cohorts.empty()) return {};
    std::string out =
        heading("Cohorts (UTC)") + line("  " + fit("", 24) + fit_right("recipients", 14) + fit_right("released", 14) +
                                        "  " + fit("started", 19) + "  " + fit("finished", 19));
    const std::size_t shown = std::min(kRows, report.cohorts.size());
    for (std::size_t i = 0; i < shown; ++i) {
        const CohortRecord& c = report.cohorts[i];
        out += line("  " + fit(c.label.empty() ? "cohort " + std::to_string(c.index) : c.label, 24) +
                    fit_right(grouped(c.recipients), 14) + fit_right(grouped(c.released), 14) + "  " +
                    fit(moment(c.started_at), 19) + "  " + fit(moment(c.finished_at), 19));
    }
    return out + more(shown, report.cohorts.size());
}

std::string gates(const RunReport& report) {
    const std::vector<GateRow> all = gates_of(report);
    if (all.empty()) return {};
    std::string out = heading("Canary gates (UTC)");
    for (const GateRow& gate : all)
        out += line("  " + moment(gate.at) + "  " + fit(gate.canary, 16) + "  " + fit(gate.state, 8) + "  " +
                    fit(gate.why, 49));
    return out;
}

std::string malformed(const RunReport& report) {
    if (report.malformed.empty()) return {};
    std::string out = heading("Malformed rows");
    const std::size_t shown = std::min(kRows, report.malformed.size());
    for (std::size_t i = 0; i < shown; ++i) {
        out += line("  row " + fit_right(grouped(report.malformed[i].row), 12) + "  " +
                    fit(report.malformed[i].reason, 78));
    }
    return out + more(shown, std::max(report.malformed.size(), static_cast<std::size_t>(report.totals.malformed)));
}

std::string events(const RunReport& report) {
    if (report.events.empty()) return {};
    std::string out = heading("Events (UTC)");
    const std::size_t shown = std::min(kRows, report.events.size());
    for (std::size_t i = report.events.size() - shown; i < report.events.size(); ++i) {
        const EventRecord& e = report.events[i];
        out += line("  " + moment(e.at) + "  " + fit(e.kind, 10) + "  " + fit(e.operator_name, 16) + "  " +
                    fit(e.detail, 47));
    }
    return out + (report.events.size() > shown ? "  (the newest " + grouped(shown) + ")\n" : "");
}

std::string how_known(const ResponseRecord& r) {
    if (r.known == "none") return "believed, nobody told of opens";
    return "learnt from " + grouped(r.opens) + " opens (" + r.known + ")";
}

std::string response(const RunReport& report) {
    if (!report.response) return {};
    const ResponseRecord& r = *report.response;
    std::string out = heading("Response: " + how_known(r)) + line("  " + fit("", 14) + fit_right("open rate", 15) +
                                                                  fit_right("median", 14) + fit_right("spread", 10));
    const auto row = [&](std::string_view name, const ResponseFigures& f) {
        out += line("  " + fit(name, 14) + fit_right(decimal(100 * f.open_rate, 2) + "%", 15) +
                    fit_right(elapsed(f.median_s), 14) + fit_right(decimal(f.spread, 2), 10));
    };
    row("believed", r.believed);
    if (r.known != "none") row("learnt", r.learnt);
    return out;
}

}  // namespace

std::string to_text(const RunReport& report) {
    const LedgerTotals& t = report.totals;
    std::string out = line(fit(report.campaign, 80) + "  " + fit(to_string(report.state), kWidth - 82));
    out += line(grouped(t.recipients) + " recipients from " + grouped(t.rows) + " rows (" + grouped(t.malformed) +
                " malformed, " + grouped(t.duplicates) + " duplicates)");
    out += line(grouped(t.deliveries) + " deliveries, " + grouped(t.attempts) + " attempts in " + elapsed(t.elapsed_s));
    return out + outcomes(t) + channels(report) + backends(report) + holds(report) + cohorts(report) + gates(report) +
           response(report) + malformed(report) + events(report);
}

}  // namespace tidegate
