#include <algorithm>
#include <cmath>

#include "report/markup.hpp"
#include "report/words.hpp"
#include "sim/drawing.hpp"
#include "sim/telling.hpp"
#include "tidegate/sim/spelling.hpp"

namespace tidegate::sim {
namespace {

using report::cell;
using report::elapsed;
using report::escape;
using report::grouped;
using report::Key;

constexpr std::size_t kMostRows = 60;

/// What stands in the table of one policy.
std::string policy_row(const Record& record, const SimResult& drawn) {
    double worst_p99 = 0.0;
    for (const BackendResult& backend : drawn.backends) worst_p99 = std::max(worst_p99, backend.worst_p99_s);
    const auto bad = [](bool is) { return is ? "n bad" : "n"; };
    const bool all = record.finished == record.completion.size();
    return "<tr><th scope=\"row\"><i class=\"key box " + look_of(record.policy.kind) + "\"></i> " +
           escape(label_of(record.policy)) + "</th>" + cell(multiple(record.median_completion), "n") +
           cell(elapsed(record.median_completion_s), "n") +
           cell(seconds_word(record.median_over), bad(record.median_over > 0.0)) +
           cell(seconds_word(record.worst_over), bad(record.worst_over > 0.0)) +
           cell(grouped(record.finished) + " of " + grouped(record.completion.size()), bad(!all)) +
           cell(report::latency(worst_p99), "n") + "</tr>";
}

std::string numbers(const Comparison& comparison, const std::vector<Record>& records) {
    std::string rows;
    for (std::size_t p = 0; p < records.size(); ++p)
        rows += policy_row(records[p], comparison.policies[p].runs.front());
    const Record oracle = record_of({PolicyKind::oracle}, comparison.oracle, comparison.oracle);
    return report::table("Over all seeds",
                         {"policy", "#completion", "#takes", "#over SLO", "#worst seed", "#finished",
                          "#highest p99, seed " + std::to_string(comparison.seeds.front())},
                         rows,
                         "Completion is the median multiple of the oracle's time on the same seed (" +
                             elapsed(oracle.median_completion_s) +
                             "). Over SLO counts only seconds in which the same backend without the campaign is fine.");
}

/// One card for a policy, with the figure that matters most.
std::string duel_card(const Record& record) {
    const bool over = record.median_over > 0.0;
    return "<div class=\"card " + look_of(record.policy.kind) + "\"><div class=\"who\"><h3>" +
           escape(label_of(record.policy)) + "</h3></div><b" + (over ? " class=\"bad\"" : "") + ">" +
           seconds_word(record.median_over) +
           "</b><p class=\"soft\">over the SLO because of the campaign, worst seed " + seconds_word(record.worst_over) +
           "<br>" +
           (record.finished > 0 ? "takes " + elapsed(record.median_completion_s) + ", " +
                                      multiple(record.median_completion) + " times the oracle"
                                : std::string("does not finish")) +
           "</p></div>";
}

std::string duel(const std::vector<Record>& records) {
    std::string cards;
    for (const Record& record : records)
        if (records.size() <= 3 || record.policy.kind == PolicyKind::blast || record.policy.kind == PolicyKind::impact)
            cards += duel_card(record);
    return cards.empty() ? "" : "<div class=\"duel\" style=\"margin:18px 0 16px\">" + cards + "</div>";
}

std::vector<Key> keys_of(const Drawing& drawing) {
    std::vector<Key> keys;
    for (std::size_t i = 0; i < drawing.labels.size(); ++i) keys.push_back({drawing.looks[i], drawing.labels[i]});
    return keys;
}

void add_without(std::vector<Key>& keys, const Overlay& without) {
    keys.push_back(without.shared || without.curves.size() == 1
                       ? Key{"k4 dot", "the same without the campaign"}
                       : Key{"dot", "dotted: the same without the campaign, events as they struck"});
}

std::string latency_figure(const Drawing& drawing, const DrawnBackend& backend, report::Ids& ids, std::size_t columns) {
    std::vector<Key> keys = keys_of(drawing);
    add_without(keys, backend.p99_without);
    std::string words;
    for (std::size_t i = 0; i < drawing.labels.size(); ++i)
        words += drawing.labels[i] + ": highest p99 " + report::latency(report::peak(backend.p99.curves[i])) + ". ";
    const std::string heading = "Latency of " + backend.name + " (p99)";
    return report::figure(heading, keys, latency_plot(ids.next(), drawing, backend, 270, columns).svg(heading, words));
}

std::string load_figure(const Drawing& drawing, const DrawnBackend& backend, report::Ids& ids, std::size_t columns) {
    double top = 0.0, capacity = 0.0;
    for (const report::Curve& curve : backend.load.curves) top = std::max(top, report::peak(curve));
    for (const report::Curve& curve : backend.capacity.curves) capacity = std::max(capacity, report::peak(curve));
    // A blast's load is many times the capacity; beyond three of them the rest would lie on the axis.
    const double shown = std::max(capacity, std::min(top, 3.0 * capacity));
    report::Plot plot(ids.next(), report::scale_for(drawing.end, shown, 0.0, 210, report::Unit::per_second), columns);
    const auto lay = [&](const Overlay& overlay, const std::string& alone, const std::string& shape,
                         const std::string& what) {
        for (std::size_t i = 0; i < overlay.curves.size(); ++i)
            plot.line(overlay.curves[i], (overlay.shared ? alone : drawing.looks[i]) + shape,
                      overlay.shared ? what : drawing.labels[i] + ", " + what);
    };
    lay(backend.load_without, "k4", " thin dot", "without");
    lay(backend.capacity, "k3", " dash", "capacity");
    for (std::size_t i = 0; i < backend.load.curves.size(); ++i)
        plot.line(backend.load.curves[i], drawing.looks[i], drawing.labels[i]);
    std::vector<Key> keys = keys_of(drawing);
    keys.push_back({backend.capacity.shared ? "k3 dash" : "dash",
                    backend.capacity.shared ? "capacity" : "dashed: capacity left by contention and events"});
    add_without(keys, backend.load_without);
    if (top > shown) keys.push_back({"", "beyond the chart, up to " + report::rate(top)});
    const std::string heading = "Load on " + backend.name + " (requests/s, retries included)";
    return report::figure(heading, keys, plot.svg(heading, "Highest load " + report::rate(top) + "."));
}

std::string sent_figure(const Drawing& drawing, report::Ids& ids, std::size_t columns) {
    std::string words;
    for (std::size_t i = 0; i < drawing.labels.size(); ++i)
        words += drawing.labels[i] + ": " + report::brief_count(drawing.sent[i].back().v) + " sent. ";
    return report::figure("Messages sent so far", keys_of(drawing),
                          sent_plot(ids.next(), drawing, 170, columns).svg("Messages sent so far", words));
}

/// What the gate told each campaign, and why.
std::string verdict_figures(const Comparison& comparison, const Drawing& drawing, report::Ids& ids) {
    const auto gate = std::find_if(comparison.policies.begin(), comparison.policies.end(),
                                   [](const PolicyRuns& one) { return one.policy.kind == PolicyKind::impact; });
    if (gate == comparison.policies.end()) return {};
    std::string figures, rows;
    std::size_t count = 0;
    const auto& campaigns = comparison.scenario.campaigns;
    for (std::size_t c = 0; c < campaigns.size(); ++c) {
        const std::vector<Verdict> verdicts = verdicts_of(gate->runs.front(), c, campaigns[c].starts_s);
        const std::string heading =
            "What bound the gate" + (campaigns.size() > 1 ? ", campaign " + campaigns[c].id : std::string());
        figures += report::figure(heading, {{"box p1", "sending"}, {"box p0", "held"}},
                                  report::tracks_svg(ids.next(), tracks_of(verdicts), drawing.end, heading,
                                                     grouped(verdicts.size()) + " stretches, in order of length."));
        for (const Verdict& verdict : verdicts) {
            if (!verdict.held || ++count > kMostRows) continue;
            rows += "<tr>" + (campaigns.size() > 1 ? cell(escape(campaigns[c].id)) : "") +
                    cell(elapsed(verdict.from), "n") + cell(elapsed(verdict.to - verdict.from), "n") +
                    cell(escape(verdict.reason), "text") + "</tr>";
        }
    }
    std::string out = "<div class=\"card\">" + figures + "</div>";
    if (rows.empty()) return out;
    std::vector<std::string> head{"#after", "#for", "reason"};
    if (campaigns.size() > 1) head.insert(head.begin(), "campaign");
    out +=
        "<details><summary>Every hold of the gate on seed " + std::to_string(comparison.seeds.front()) + "</summary>" +
        report::table("Holds", head, rows, count > kMostRows ? "… and " + grouped(count - kMostRows) + " more." : "") +
        "</details>";
    return out;
}

/// "seeds 101-109 · seed 101 is drawn".
std::string seeds_word(const Comparison& comparison) {
    const std::string drawn = std::to_string(comparison.seeds.front());
    return comparison.seeds.size() == 1 ? "seed " + drawn + " is drawn"
                                        : "seeds " + format_seeds(comparison.seeds) + " · seed " + drawn + " is drawn";
}

std::string lede(const Comparison& comparison) {
    return report::decimal(recipients_of(comparison.scenario), 0) + " recipients · " + seeds_word(comparison);
}

std::string charts(const Comparison& comparison, report::Ids& ids, std::size_t columns) {
    const Drawing drawing = drawing_of(comparison);
    std::string out;
    for (const DrawnBackend& backend : drawing.backends)
        out += "<div class=\"card\">" + latency_figure(drawing, backend, ids, columns) +
               load_figure(drawing, backend, ids, columns) + "</div>";
    return out + "<div class=\"card\">" + sent_figure(drawing, ids, columns) + "</div>" +
           verdict_figures(comparison, drawing, ids);
}

/// How fine curves may be drawn so that the page stays small: a column costs about forty bytes a curve.
std::size_t columns_for(const std::vector<Comparison>& comparisons) {
    std::size_t curves = 1;
    for (const Comparison& comparison : comparisons)
        curves += comparison.policies.size() * (1 + 4 * comparison.scenario.backends.size());
    return std::clamp<std::size_t>(20000 / curves, 60, 400);
}

std::string overview(const std::vector<Comparison>& comparisons) {
    std::string rows;
    std::vector<std::string> head{"scenario"};
    for (const PolicyRuns& one : comparisons.front().policies) head.push_back("#" + escape(label_of(one.policy)));
    for (std::size_t i = 0; i < comparisons.size(); ++i) {
        rows += "<tr><th scope=\"row\"><a href=\"#s" + std::to_string(i + 1) + "\">" +
                escape(comparisons[i].scenario.name) + "</a></th>";
        for (const Record& record : comparisons[i].records())
            rows += cell(cell_of(record), record.median_over > 0.0 ? "n bad" : "n");
        rows += "</tr>";
    }
    return report::table("All scenarios", head, rows,
                         "Completion as a multiple of the oracle's · median seconds over the SLO because of the "
                         "campaign (worst seed).");
}

std::string section(const Comparison& comparison, report::Ids& ids, std::size_t columns) {
    const std::vector<Record> records = comparison.records();
    return duel(records) + numbers(comparison, records) + "<h2>Over time</h2>" + charts(comparison, ids, columns);
}

}  // namespace

std::string to_html(const std::vector<Comparison>& comparisons) {
    const std::string footer =
        "Rehearsed in virtual time against a model of the backends (one-second flow); the impact policy is the "
        "deciding "
        "code of production. The oracle knows capacity, baseline and response of the moment. Nothing was sent.";
    if (comparisons.empty())
        return report::page("tidegate rehearsal", "<header><h1>Nothing to show</h1></header>", footer);
    report::Ids ids;
    const std::size_t columns = columns_for(comparisons);
    const Comparison& first = comparisons.front();
    const bool one = comparisons.size() == 1;
    std::string body = "<header>" + report::brand("tidegate rehearsal") + "<div class=\"title\"><h1>" +
                       (one ? escape(first.scenario.name) : grouped(comparisons.size()) + " scenarios") +
                       "</h1></div><p class=\"lede\">" +
                       (one ? escape(first.scenario.about) + "<br>" + escape(lede(first)) : escape(seeds_word(first))) +
                       "</p></header>";
    if (one) {
        body += section(first, ids, columns);
    } else {
        body += "<h2>In one table</h2>" + overview(comparisons);
        for (std::size_t i = 0; i < comparisons.size(); ++i)
            body += "<h2 id=\"s" + std::to_string(i + 1) + "\">" + escape(comparisons[i].scenario.name) +
                    "</h2><p class=\"soft\">" + escape(comparisons[i].scenario.about) + "<br>" +
                    escape(lede(comparisons[i])) + "</p>" + section(comparisons[i], ids, columns);
    }
    return report::page((one ? escape(first.scenario.name) + " · " : std::string()) + "tidegate rehearsal", body,
                        footer);
}

}  // namespace tidegate::sim
