#include <algorithm>
#include <cmath>

#include "report/markup.hpp"
#include "report/page.hpp"
#include "report/plot.hpp"
#include "report/words.hpp"

namespace tidegate::report {

namespace {

/// The highest allowed rate worth making room for: an allowance far above what was ever sent is cut at the edge.
double sends_top(const PanelCurves& c) {
    const double sent = peak(c.sends), allowed = peak(c.allowed);
    return sent > 0 ? std::max(sent, std::min(allowed, 1.6 * sent)) : allowed;
}

double load_top(const BackendCurves& b) {
    const double ours = std::max({peak(b.observed), peak(b.predicted), peak(b.committed)});
    const double ceiling = peak(b.ceiling);
    return ours > 0 && ceiling > 2.5 * ours ? ours : std::max(ours, ceiling);
}

std::string sends_text(const Sheet& s) {
    return "Peak " + rate(peak(s.curves.sends)) + "; allowed at most " + rate(peak(s.curves.allowed)) + ".";
}

std::string latency_text(const BackendCurves& b) {
    return "Highest p99 " + latency(b.worst_p99_s) + " against an objective of " + latency(b.slo_s) + "; " +
           elapsed(b.seconds_over_slo) + " above it; " + grouped(b.holds.size()) + " holds.";
}

/// Bands that would lie in the same few pixels are drawn as one.
void draw_holds(Plot& plot, const std::vector<Band>& holds, double end) {
    std::vector<Band> merged;
    std::size_t joined = 0;
    for (const Band& band : holds) {
        if (!merged.empty() && band.from - merged.back().to < end / 400 && band.to - merged.back().to < end / 100) {
            merged.back().to = std::max(merged.back().to, band.to);
            if (joined++ == 0) merged.back().title += "; and more";
            continue;
        }
        merged.push_back(band);
        joined = 0;
    }
    for (const Band& band : merged) plot.band(band);
}

std::string sends_chart(const Sheet& s, const Common& common, Ids& ids) {
    Plot plot(ids.next(), scale_for(common.end, sends_top(s.curves), 0, 150, Unit::per_second), common.columns);
    plot.area(s.curves.sends, "k0");
    plot.line(s.curves.sends, "k0", "sent");
    plot.line(s.curves.allowed, "k3 thin dash", "allowed");
    return figure("Messages sent per second", {{"k0", "sent"}, {"k3 dash", "allowed"}},
                  plot.svg("Messages sent per second", sends_text(s)));
}

std::string load_chart(const BackendCurves& b, const std::string& heading, double top, const Common& common, Ids& ids) {
    Plot plot(ids.next(), scale_for(common.end, top, 0, 180, Unit::per_second), common.columns);
    plot.area(b.observed, "k0");
    plot.line(b.committed, "k1 dot", "committed peak");
    plot.line(b.ceiling, "k3 dash", "ceiling");
    plot.line(b.predicted, "k1 thin", "predicted now");
    plot.line(b.observed, "k0", "observed");
    std::vector<Key> keys;
    if (peak(b.observed) > 0) keys.push_back({"k0", "observed"});
    keys.push_back({"k1", "predicted now"});
    keys.push_back({"k1 dot", "peak already committed"});
    if (peak(b.ceiling) > 0) {
        keys.push_back({"k3 dash", peak(b.ceiling) > 1.12 * top
                                       ? "ceiling (beyond the chart, up to " + rate(peak(b.ceiling)) + ")"
                                       : "ceiling"});
    }
    return figure(heading, keys,
                  plot.svg(heading, "Observed at most " + rate(peak(b.observed)) + ", predicted at most " +
                                        rate(peak(b.predicted)) + "."));
}

std::string latency_chart(const BackendCurves& b, const Common& common, Ids& ids) {
    Plot plot(ids.next(), scale_for(common.end, peak(b.p99), b.slo_s, 180, Unit::latency), common.columns);
    draw_holds(plot, b.holds, common.end);
    plot.line_over(b.p99, b.slo_s, "k0", "p99");
    if (b.slo_s > 0) plot.limit(b.slo_s, "SLO " + latency(b.slo_s));
    plot.mark_peak(b.p99, peak(b.p99) > b.slo_s && b.slo_s > 0 ? "red" : "k0");
    std::vector<Key> keys{{"k0", "p99"}};
    if (b.slo_s > 0 && peak(b.p99) > b.slo_s) keys.push_back({"red", "over SLO"});
    if (!b.holds.empty()) keys.push_back({"hatch", "held"});
    return figure("Latency of " + b.name + " (p99)", keys, plot.svg("Latency of " + b.name, latency_text(b)));
}

std::string lanes_chart(const Sheet& s, const std::string& heading, const Common& common, Ids& ids) {
    if (s.curves.lanes.empty()) return {};
    std::vector<Key> keys;
    const auto canaries =
        std::count_if(s.curves.lanes.begin(), s.curves.lanes.end(), [](const Lane& l) { return l.canary; });
    if (canaries > 0) keys.push_back({"box p3", "canary"});
    keys.push_back({"box p1", "cohort"});
    return figure(heading, keys,
                  lanes_svg(ids.next(), s.curves.lanes, common.end, heading,
                            grouped(s.panel->report.cohorts.size()) + " cohorts, the canaries first."));
}

std::string latency_overlay(const std::vector<Sheet>& sheets, const std::string& backend, const Common& common,
                            Ids& ids) {
    double top = 0, slo = 0;
    std::vector<Key> keys;
    std::string text;
    for (const auto& s : sheets) {
        const BackendCurves* b = find(s, backend);
        if (b == nullptr) continue;
        top = std::max(top, peak(b->p99));
        slo = std::max(slo, b->slo_s);
        keys.push_back({s.look, s.panel->title});
        text += s.panel->title + ": " + latency_text(*b) + " ";
    }
    Plot plot(ids.next(), scale_for(common.end, top, slo, 290, Unit::latency), common.columns);
    for (const auto& s : sheets) {
        if (const BackendCurves* b = find(s, backend)) plot.line_over(b->p99, b->slo_s, s.look, s.panel->title);
    }
    if (slo > 0) plot.limit(slo, "SLO " + latency(slo));
    for (const auto& s : sheets) {
        if (const BackendCurves* b = find(s, backend)) plot.mark_peak(b->p99, s.look);
    }
    if (slo > 0 && top > slo) keys.push_back({"red", "over SLO"});
    return figure("Latency of " + backend + " (p99)", keys, plot.svg("Latency of " + backend, text));
}

std::string sends_overlay(const std::vector<Sheet>& sheets, const Common& common, Ids& ids) {
    double top = 0;
    std::vector<Key> keys;
    std::string text;
    for (const auto& s : sheets) {
        top = std::max(top, peak(s.curves.sends));
        keys.push_back({s.look, s.panel->title});
        text += s.panel->title + ": peak " + rate(peak(s.curves.sends)) + ". ";
    }
    Plot plot(ids.next(), scale_for(common.end, top, 0, 190, Unit::per_second), common.columns);
    for (const auto& s : sheets) plot.area(s.curves.sends, s.look);
    for (const auto& s : sheets) plot.line(s.curves.sends, s.look, s.panel->title);
    for (const auto& s : sheets) plot.mark_peak(s.curves.sends, s.look);
    return figure("Messages sent per second", keys, plot.svg("Messages sent per second", text));
}

std::string pair(const std::string& inside) {
    return inside.empty() ? inside : "<div class=\"card\"><div class=\"pair\">" + inside + "</div></div>";
}

/// Opens of a hundred messages up to a lag, as believed and as learnt.
std::string response_chart(const ReportPanel& panel, const std::string& heading, Ids& ids) {
    if (!panel.report.response || panel.report.response->curve.size() < 2) return {};
    const ResponseRecord& r = *panel.report.response;
    const bool known = r.known != "none";
    Curve believed{{0, 0}}, learnt{{0, 0}};
    for (const ResponsePoint& point : r.curve) {
        believed.push_back({point.lag_s, 100 * point.believed});
        learnt.push_back({point.lag_s, 100 * point.learnt});
    }
    // Most of the curve happens in its first part; the tail would squeeze it to the left.
    double end = r.curve.back().lag_s;
    const double nearly = 0.95 * std::max(believed.back().v, learnt.back().v);
    for (std::size_t i = believed.size(); i-- > 1;)
        if (believed[i].v >= std::min(nearly, 0.95 * believed.back().v) &&
            learnt[i].v >= std::min(nearly, 0.95 * learnt.back().v))
            end = believed[i].t;
    const auto beyond = [&](const Point& point) { return point.t > end; };
    std::erase_if(believed, beyond);
    std::erase_if(learnt, beyond);
    Plot plot(ids.next(), scale_for(end, std::max(peak(believed), peak(learnt)), 0, 180, Unit::per_second), 200);
    if (known) plot.area(learnt, "k0");
    plot.line(believed, "k3 dash", "believed");
    if (known) plot.line(learnt, "k0", "learnt");
    std::vector<Key> keys{{"k3 dash", "believed: " + decimal(100 * r.believed.open_rate, 2) + "%, median " +
                                          elapsed(r.believed.median_s) + ", spread " + decimal(r.believed.spread, 2)}};
    std::string told = "Nobody told of opens.";
    if (known) {
        keys.push_back({"k0", "learnt: " + decimal(100 * r.learnt.open_rate, 2) + "%, median " +
                                  elapsed(r.learnt.median_s) + ", spread " + decimal(r.learnt.spread, 2)});
        told = "Learnt from " + grouped(r.opens) + " opens (" + r.known + ").";
    }
    return figure(heading, keys, plot.svg(heading, told));
}

bool drawable(const Sheet& s) {
    return !s.curves.sends.empty() || !s.curves.lanes.empty() ||
           std::any_of(s.curves.backends.begin(), s.curves.backends.end(),
                       [](const auto& b) { return !b.p99.empty(); });
}

constexpr const char* kNothing = "<h2>Over time</h2><p class=\"soft\">No curves were recorded.</p>";

}  // namespace

std::string charts_of_one(const Sheet& s, const Common& common) {
    if (!drawable(s)) return kNothing;
    Ids ids;
    std::string out = "<h2>Over time</h2><div class=\"card\">";
    if (!s.curves.sends.empty()) out += sends_chart(s, common, ids);
    for (const auto& b : s.curves.backends) {
        if (b.p99.empty()) continue;
        out += load_chart(b, "Load on " + b.name + " (requests/s)", load_top(b), common, ids);
        out += latency_chart(b, common, ids);
    }
    out += lanes_chart(s, "Cohorts", common, ids) + "</div>";
    const std::string response = response_chart(*s.panel, "Opens of 100 messages, by the time since they left", ids);
    return response.empty() ? out : out + "<h2>How people react</h2><div class=\"card\">" + response + "</div>";
}

std::string charts_of_many(const std::vector<Sheet>& sheets, const Common& common) {
    if (std::none_of(sheets.begin(), sheets.end(), drawable)) return kNothing;
    Ids ids;
    std::string out = "<h2>Over time</h2>";
    for (const auto& name : common.backends) {
        out += "<div class=\"card\">" + latency_overlay(sheets, name, common, ids) + "</div>";
    }
    out += "<div class=\"card\">" + sends_overlay(sheets, common, ids) + "</div>";
    for (const auto& name : common.backends) {
        double top = 0;
        std::string side_by_side;
        for (const auto& s : sheets) {
            if (const BackendCurves* b = find(s, name)) top = std::max(top, load_top(*b));
        }
        for (const auto& s : sheets) {
            const BackendCurves* b = find(s, name);
            if (b == nullptr || b->p99.empty()) continue;
            side_by_side += load_chart(*b, "Load on " + name + ", " + s.panel->title, top, common, ids);
        }
        out += pair(side_by_side);
    }
    std::string reactions;
    for (const auto& s : sheets) reactions += response_chart(*s.panel, "Opens of 100 messages, " + s.panel->title, ids);
    out += pair(reactions);
    std::string lanes;
    for (const auto& s : sheets) lanes += lanes_chart(s, "Cohorts, " + s.panel->title, common, ids);
    return out + pair(lanes);
}

}  // namespace tidegate::report
