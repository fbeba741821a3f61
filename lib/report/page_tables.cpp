#include <algorithm>
#include <cmath>
#include <functional>

#include "report/compose.hpp"
#include "report/markup.hpp"
#include "report/page.hpp"
#include "report/words.hpp"

namespace tidegate::report {

namespace {

constexpr std::size_t kMostRows = 200;

struct Meaning {
    Final outcome;
    const char* look;
    const char* words;
};
constexpr Meaning kMeanings[] = {
    {Final::delivered, "o-sure", "the provider reported it on the device"},
    {Final::accepted, "o-ok", "the provider took it"},
    {Final::unknown, "o-doubt", "it left and no answer came: it may or may not have arrived"},
    {Final::undelivered, "o-late", "the provider reported that it did not arrive"},
    {Final::failed, "o-bad", "every try failed"},
    {Final::expired, "o-late", "its time to live ran out first"},
    {Final::rejected, "o-bad", "the provider refused the message"},
    {Final::invalid, "o-bad", "the address is dead or wrong"},
    {Final::suppressed, "o-skip", "not sent: opted out"},
    {Final::no_consent, "o-skip", "not sent: no consent"},
    {Final::no_address, "o-skip", "not sent: no address for any channel"},
    {Final::pending, "o-wait", "not yet sent or not yet settled"}};

std::string share_of(std::uint64_t part, std::uint64_t whole) {
    const double percent = whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    return decimal(percent, 3);
}

std::string and_more(std::size_t all, std::size_t shown) {
    return all > shown ? "… and " + grouped(all - shown) + " more." : std::string();
}

std::string since(const Sheet& s, WallTime t) {
    const double seconds = std::chrono::duration<double>(t - s.curves.start).count();
    return seconds < 0 ? "before" : elapsed(seconds);
}

std::string outcomes(const RunReport& r) {
    std::string bar = "<div class=\"stack\" aria-hidden=\"true\">", rows;
    for (const Meaning& m : kMeanings) {
        const std::uint64_t n = count(r.totals, m.outcome);
        if (n == 0) continue;
        bar += "<i class=\"" + std::string(m.look) + "\" style=\"flex-grow:" + share_of(n, r.totals.recipients) +
               "\"></i>";
        rows += "<tr><th scope=\"row\"><i class=\"key box " + std::string(m.look) + "\"></i> " +
                escape(to_string(m.outcome)) + "</th>" + cell(grouped(n), "n") +
                cell(share(n, r.totals.recipients), "n") + cell(m.words, "soft") + "</tr>";
    }
    return table("What became of each recipient", {"outcome", "#recipients", "#share", "meaning"}, rows, "",
                 bar + "</div>");
}

std::string audience(const RunReport& r) {
    const LedgerTotals& t = r.totals;
    std::string rows;
    const auto row = [&](const char* name, std::uint64_t n) {
        rows += std::string("<tr><th scope=\"row\">") + name + "</th>" + cell(grouped(n), "n") + "</tr>";
    };
    row("rows read", t.rows);
    row("malformed", t.malformed);
    row("duplicates", t.duplicates);
    row("recipients", t.recipients);
    row("deliveries", t.deliveries);
    row("attempts", t.attempts);
    return table("From rows to attempts", {"", "#count"}, rows);
}

std::string channels(const RunReport& r) {
    if (r.channels.empty()) return {};
    std::string rows;
    for (const auto& c : r.channels) {
        rows += "<tr><th scope=\"row\">" + escape(c.name) + " <span class=\"soft\">" +
                escape(c.kind == c.name ? "" : c.kind) + "</span></th>";
        for (const std::uint64_t n : c.answers) rows += cell(grouped(n), "n");
        rows += "</tr>";
    }
    return table("Answers by channel",
                 {"channel", "#accepted", "#invalid", "#rejected", "#throttled", "#transient", "#unknown"}, rows);
}

std::string holds(const Sheet& s) {
    const auto& all = s.panel->report.holds;
    if (all.empty()) return {};
    const std::size_t shown = std::min(all.size(), kMostRows);
    std::string rows;
    for (std::size_t i = 0; i < shown; ++i) {
        const HoldRecord& h = all[i];
        // Times are told by signals in seconds; shown as a person reads them.
        const bool latency_signal = h.signal == "p99";
        rows += "<tr>" + cell(escape(h.backend)) + cell(since(s, h.from), "n") + cell(time_tag(h.from)) +
                cell(h.to ? time_tag(*h.to) : "not lifted") + cell(escape(h.signal)) +
                cell(latency_signal ? latency(h.value) : decimal(h.value, 3), "n") + cell(escape(h.reason), "text") +
                "</tr>";
    }
    return table("Holds", {"backend", "#since start", "from", "to", "signal", "#value", "reason"}, rows,
                 and_more(all.size(), shown));
}

std::string events(const Sheet& s) {
    const auto& all = s.panel->report.events;
    if (all.empty()) return {};
    const std::size_t shown = std::min(all.size(), kMostRows);
    std::string rows;
    for (std::size_t i = all.size() - shown; i < all.size(); ++i) {
        const EventRecord& e = all[i];
        rows += "<tr>" + cell(since(s, e.at), "n") + cell(time_tag(e.at)) + cell(escape(e.kind)) +
                cell(escape(e.detail), "text") + cell(escape(e.operator_name)) + "</tr>";
    }
    return table("Events", {"#since start", "time", "what", "detail", "operator"}, rows,
                 all.size() > shown ? "The newest " + grouped(shown) + " of " + grouped(all.size()) + "." : "");
}

std::string malformed(const RunReport& r) {
    if (r.malformed.empty()) return {};
    std::string rows;
    for (const auto& m : r.malformed) {
        rows += "<tr>" + cell(grouped(m.row), "n") + cell(escape(m.reason), "text") + "</tr>";
    }
    return table(
        "Malformed rows", {"#row", "reason"}, rows,
        and_more(std::max(r.malformed.size(), static_cast<std::size_t>(r.totals.malformed)), r.malformed.size()));
}

struct Worst {
    const BackendCurves* backend = nullptr;
    bool over = false;
};

/// The backend that came closest to its objective, or furthest beyond.
Worst worst_of(const Sheet& s) {
    Worst worst;
    double share = -1;
    for (const auto& b : s.curves.backends) {
        const double of_slo = b.slo_s > 0 ? b.worst_p99_s / b.slo_s : 0;
        if (of_slo > share) worst.backend = &b, share = of_slo;
    }
    worst.over = share > 1;
    return worst;
}

double seconds_over(const Sheet& s) {
    double most = 0;
    for (const auto& b : s.curves.backends) most = std::max(most, b.seconds_over_slo);
    return most;
}

std::string tile(const std::string& name, const std::string& value, const std::string& note, const char* look = "") {
    return "<div class=\"tile\"><dt>" + name + "</dt><dd><b class=\"" + look + "\">" + value + "</b><small>" + note +
           "</small></dd></div>";
}

std::uint64_t taken(const LedgerTotals& t) {
    return count(t, Final::accepted) + count(t, Final::delivered);
}

}  // namespace

std::string state_pill(RunState state) {
    const char* look = "";
    switch (state) {
        case RunState::completed:
            look = "good";
            break;
        case RunState::running:
            look = "live";
            break;
        case RunState::aborted:
            look = "bad";
            break;
        default:
            look = "warn";
    }
    std::string words(to_string(state));
    std::replace(words.begin(), words.end(), '_', ' ');
    return "<span class=\"pill " + std::string(look) + "\">" + words + "</span>";
}

std::string tiles(const Sheet& s) {
    const LedgerTotals& t = s.panel->report.totals;
    const Worst worst = worst_of(s);
    const double over = seconds_over(s);
    const std::uint64_t unknown = count(t, Final::unknown), invalid = count(t, Final::invalid);
    std::string out = "<dl class=\"tiles\">";
    out += tile("Recipients", grouped(t.recipients), "of " + grouped(t.rows) + " rows");
    out += tile("Accepted", grouped(taken(t)), share(taken(t), t.recipients));
    out += tile("Elapsed", elapsed(t.elapsed_s), "peak " + rate(peak(s.curves.sends)));
    if (worst.backend != nullptr) {
        const bool known = worst.backend->worst_p99_s > 0;
        out += tile("Worst p99", known ? latency(worst.backend->worst_p99_s) : "–",
                    "SLO " + latency(worst.backend->slo_s) +
                        (s.curves.backends.size() > 1 ? ", " + escape(worst.backend->name) : std::string()),
                    worst.over ? "bad" : "");
    }
    out += tile("Over SLO", elapsed(over), over > 0 ? "of " + elapsed(s.curves.end) : "never", over > 0 ? "bad" : "");
    out += tile("Attempts", grouped(t.attempts), grouped(t.deliveries) + " deliveries");
    out += tile("Unknown", grouped(unknown), grouped(invalid) + " invalid", unknown > 0 ? "warn" : "");
    return out + "</dl>";
}

std::string duel(const std::vector<Sheet>& sheets) {
    std::string out = "<div class=\"duel\">";
    for (const auto& s : sheets) {
        const Worst worst = worst_of(s);
        out += "<div class=\"card " + s.look + "\"><div class=\"who\"><h3>" + escape(s.panel->title) + "</h3>" +
               state_pill(s.panel->report.state) + "</div>";
        if (worst.backend == nullptr) {
            out += "<p class=\"soft\">no backend was watched</p></div>";
            continue;
        }
        const double over = worst.backend->seconds_over_slo;
        out += "<b" + std::string(worst.over ? " class=\"bad\"" : "") + ">" +
               (worst.backend->worst_p99_s > 0 ? latency(worst.backend->worst_p99_s) : "–") +
               "</b><p class=\"soft\">worst p99 of " + escape(worst.backend->name) + ", SLO " +
               latency(worst.backend->slo_s) + "<br>" +
               (over > 0 ? elapsed(over) + " over it" : std::string("never over it")) + ", " +
               grouped(s.panel->report.totals.recipients) + " recipients in " +
               elapsed(s.panel->report.totals.elapsed_s) + "</p></div>";
    }
    return out + "</div>";
}

std::string comparison(const std::vector<Sheet>& sheets, const Common& common) {
    std::string head = "<th scope=\"col\"></th>", rows;
    for (const auto& s : sheets) {
        head += "<th scope=\"col\" class=\"n\"><i class=\"key box " + s.look + "\"></i> " + escape(s.panel->title) +
                "</th>";
    }
    struct Told {
        std::string words;
        bool bad = false;
    };
    const auto row = [&](const std::string& name, const std::function<Told(const Sheet&)>& tell) {
        rows += "<tr><th scope=\"row\">" + name + "</th>";
        for (const auto& s : sheets) {
            const Told told = tell(s);
            rows += cell(told.words, told.bad ? "n bad" : "n");
        }
        rows += "</tr>";
    };
    const auto totals = [](const Sheet& s) -> const LedgerTotals& { return s.panel->report.totals; };
    row("Recipients", [&](const Sheet& s) { return Told{grouped(totals(s).recipients)}; });
    row("Accepted", [&](const Sheet& s) {
        return Told{grouped(taken(totals(s))) + " <span class=\"soft\">" +
                    share(taken(totals(s)), totals(s).recipients) + "</span>"};
    });
    row("Elapsed", [&](const Sheet& s) { return Told{elapsed(totals(s).elapsed_s)}; });
    row("Peak sends", [&](const Sheet& s) { return Told{rate(peak(s.curves.sends))}; });
    for (const auto& name : common.backends) {
        const std::string of = common.backends.size() > 1 ? " <span class=\"soft\">" + escape(name) + "</span>" : "";
        const auto ask = [&](const std::function<Told(const BackendCurves&)>& tell) {
            return [&, tell](const Sheet& s) { return find(s, name) ? tell(*find(s, name)) : Told{"–"}; };
        };
        row("Worst p99" + of, ask([](const BackendCurves& b) {
                return Told{b.worst_p99_s > 0 ? latency(b.worst_p99_s) : "–", b.slo_s > 0 && b.worst_p99_s > b.slo_s};
            }));
        row("Time over SLO" + of, ask([](const BackendCurves& b) {
                return Told{elapsed(b.seconds_over_slo), b.seconds_over_slo > 0};
            }));
        row("Peak load" + of,
            ask([](const BackendCurves& b) { return Told{b.observed.empty() ? "–" : rate(peak(b.observed))}; }));
        row("Holds" + of, ask([](const BackendCurves& b) {
                double held = 0;
                for (const auto& h : b.holds) held += h.to - h.from;
                return Told{grouped(b.holds.size()) +
                            (held > 0 ? " <span class=\"soft\">" + elapsed(held) + "</span>" : "")};
            }));
    }
    row("Attempts", [&](const Sheet& s) { return Told{grouped(totals(s).attempts)}; });
    row("Unknown", [&](const Sheet& s) { return Told{grouped(count(totals(s), Final::unknown))}; });
    row("Invalid", [&](const Sheet& s) { return Told{grouped(count(totals(s), Final::invalid))}; });
    return "<h2>Side by side</h2><div class=\"card\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
           "aria-label=\"Side by "
           "side\"><table class=\"compare\"><thead><tr>" +
           head + "</tr></thead><tbody>" + rows + "</tbody></table></div></div>";
}

std::string tables(const Sheet& s) {
    const RunReport& r = s.panel->report;
    return outcomes(r) + "<div class=\"two\" style=\"margin-top:16px\">" + channels(r) + audience(r) +
           "</div><div style=\"margin-top:16px\">" + holds(s) + events(s) + malformed(r) + "</div>";
}

Common common_of(const std::vector<Sheet>& sheets) {
    Common common;
    common.end = 0;
    std::size_t curves = 0;
    for (const auto& s : sheets) {
        common.end = std::max(common.end, s.curves.end);
        curves += 3;
        for (const auto& b : s.curves.backends) {
            curves += 8;
            if (std::find(common.backends.begin(), common.backends.end(), b.name) == common.backends.end()) {
                common.backends.push_back(b.name);
            }
        }
    }
    if (common.end <= 0) common.end = 1;
    // A point costs about ten bytes and a column four points at worst: the page stays well under a megabyte.
    common.columns = std::clamp<std::size_t>(16000 / std::max<std::size_t>(curves, 1), 60, 400);
    return common;
}

const BackendCurves* find(const Sheet& sheet, const std::string& backend) {
    for (const auto& b : sheet.curves.backends) {
        if (b.name == backend) return &b;
    }
    return nullptr;
}

}  // namespace tidegate::report
