#include "report/curves.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "report/compose.hpp"
#include "report/words.hpp"

namespace tidegate::report {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Seconds between neighbours, in the middle of the distribution; 1 when there are none.
template <class Ticks>
double usual_step(const Ticks& ticks) {
    std::vector<double> steps;
    for (std::size_t i = 1; i < ticks.size(); ++i) steps.push_back(ticks[i] - ticks[i - 1]);
    if (steps.empty()) return 1.0;
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    return std::max(*middle, 1e-3);
}

/// Appends a point and breaks the line first when nothing was recorded for long: a pause of days must not look like a
/// slope.
void append(Curve& curve, Point point, double longest_step) {
    if (!curve.empty() && point.t - curve.back().t > longest_step) curve.push_back({curve.back().t, kNaN});
    curve.push_back(point);
}

double longest(double step) {
    return std::max(8 * step, 10.0);
}

WallTime start_of(const RunReport& report, const RunSeries& series) {
    WallTime start = WallTime::max();
    for (const auto& c : report.cohorts) {
        if (c.started_at) start = std::min(start, *c.started_at);
    }
    for (const auto& t : series.ticks) start = std::min(start, t.at);
    for (const auto& t : series.backend_ticks) start = std::min(start, t.at);
    for (const auto& h : report.holds) start = std::min(start, h.from);
    return start == WallTime::max() ? WallTime{} : start;
}

/// Messages per second as steps of at least a second; control ticks are shorter and would show beats instead of a rate.
void add_sends(PanelCurves& out, const RunSeries& series, const std::vector<double>& at) {
    const double step = usual_step(at);
    double from = 0, held = 0;
    std::uint64_t messages = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
        const bool fresh = i == 0 || at[i] - at[i - 1] > longest(step);
        if (fresh) from = at[i] - step;
        messages += series.ticks[i].released;
        held = at[i] - from;
        const bool last = i + 1 == at.size() || at[i + 1] - at[i] > longest(step);
        if (held < 1.0 - 1e-9 && !last) continue;
        const double rate = static_cast<double>(messages) / std::max(held, std::min(step, 1.0));
        if (fresh && !out.sends.empty()) out.sends.push_back({out.sends.back().t, kNaN});
        out.sends.push_back({std::max(from, 0.0), rate});
        out.sends.push_back({at[i], rate});
        from = at[i];
        messages = 0;
    }
}

void add_campaign(PanelCurves& out, const RunSeries& series, const auto& since) {
    std::vector<double> at;
    for (const auto& tick : series.ticks) at.push_back(since(tick.at));
    add_sends(out, series, at);
    const double gap = longest(usual_step(at));
    for (std::size_t i = 0; i < at.size(); ++i) {
        // An allowance lasts until the next one: corners, not slopes.
        const bool joined = !out.allowed.empty() && at[i] - out.allowed.back().t <= gap;
        if (joined) out.allowed.push_back({at[i], out.allowed.back().v});
        const double allowed = series.ticks[i].allowed;
        append(out.allowed, {at[i], std::isfinite(allowed) ? allowed : kNaN}, gap);
    }
}

void add_backends(PanelCurves& out, const RunReport& report, const RunSeries& series, const auto& since) {
    std::map<std::string, std::size_t> index;
    const auto backend = [&](const std::string& name) -> BackendCurves& {
        const auto [it, fresh] = index.emplace(name, out.backends.size());
        if (fresh) out.backends.emplace_back().name = name;
        return out.backends[it->second];
    };
    for (const auto& b : all_backends(report)) {
        BackendCurves& curves = backend(b.name);
        curves.slo_s = b.slo_s;
        curves.worst_p99_s = b.worst_p99_s;
        curves.seconds_over_slo = b.seconds_over_slo;
    }
    std::map<std::string, std::vector<double>> at;
    for (const auto& tick : series.backend_ticks) at[tick.backend].push_back(since(tick.at));
    std::map<std::string, double> gaps;
    for (const auto& [name, times] : at) gaps[name] = longest(usual_step(times));
    for (const auto& tick : series.backend_ticks) {
        BackendCurves& b = backend(tick.backend);
        const double t = since(tick.at), gap = gaps[tick.backend];
        if (tick.slo_s > 0) b.slo_s = tick.slo_s;
        append(b.p99, {t, tick.p99_s}, gap);
        append(b.observed, {t, tick.load}, gap);
        append(b.predicted, {t, tick.baseline + tick.expected}, gap);
        append(b.committed, {t, tick.baseline + tick.committed}, gap);
        append(b.ceiling, {t, std::isfinite(tick.ceiling) ? tick.ceiling : kNaN}, gap);
    }
    for (auto& b : out.backends) b.worst_p99_s = std::max(b.worst_p99_s, peak(b.p99));
}

void add_holds(PanelCurves& out, const RunReport& report, const auto& since) {
    for (const auto& h : report.holds) {
        const double from = since(h.from), to = h.to ? since(*h.to) : out.end;
        std::string title = "held " + (h.to ? "for " + elapsed(to - from) : std::string("and not lifted")) + ": ";
        title += h.reason.empty() ? h.signal : h.reason;
        for (auto& b : out.backends) {
            if (b.name == h.backend) b.holds.push_back({from, to, title});
        }
    }
}

Lane lane_of(const CohortRecord& c, double end, const auto& since) {
    Lane lane;
    lane.label = c.label.empty() ? "cohort " + std::to_string(c.index) : c.label;
    lane.canary = c.canary;
    lane.recipients = c.recipients;
    lane.started = c.started_at.has_value();
    lane.finished = c.finished_at.has_value();
    if (c.started_at) {
        lane.from = since(*c.started_at);
        lane.to = c.finished_at ? since(*c.finished_at) : end;
    }
    return lane;
}

Lane together(const std::vector<Lane>& lanes, std::size_t from, std::size_t to) {
    Lane whole = lanes[from];
    for (std::size_t i = from + 1; i < to; ++i) {
        const Lane& lane = lanes[i];
        whole.recipients += lane.recipients;
        whole.finished = whole.finished && lane.finished;
        if (!lane.started) continue;
        whole.from = whole.started ? std::min(whole.from, lane.from) : lane.from;
        whole.to = whole.started ? std::max(whole.to, lane.to) : lane.to;
        whole.started = true;
    }
    if (to - from > 1) whole.label = lanes[from].label + " … " + lanes[to - 1].label;
    return whole;
}

std::vector<Lane> lanes_of(const RunReport& report, double end, std::size_t most, const auto& since) {
    std::vector<Lane> canaries, others;
    for (const auto& c : report.cohorts) (c.canary ? canaries : others).push_back(lane_of(c, end, since));
    if (canaries.size() + others.size() > most) {
        const std::size_t room = most > canaries.size() ? most - canaries.size() : 1;
        const std::size_t size = (others.size() + room - 1) / room;
        std::vector<Lane> groups;
        for (std::size_t i = 0; i < others.size(); i += size) {
            groups.push_back(together(others, i, std::min(i + size, others.size())));
        }
        others = std::move(groups);
    }
    canaries.insert(canaries.end(), others.begin(), others.end());
    return canaries;
}

}  // namespace

PanelCurves curves_of(const RunReport& report, const RunSeries& series, std::size_t max_lanes) {
    PanelCurves out;
    out.start = start_of(report, series);
    const auto since = [start = out.start](WallTime t) {
        return std::max(0.0, std::chrono::duration<double>(t - start).count());
    };
    for (const auto& t : series.ticks) out.end = std::max(out.end, since(t.at));
    for (const auto& t : series.backend_ticks) out.end = std::max(out.end, since(t.at));
    for (const auto& c : report.cohorts) {
        if (c.finished_at) out.end = std::max(out.end, since(*c.finished_at));
    }
    for (const auto& h : report.holds) out.end = std::max(out.end, since(h.to.value_or(h.from)));
    add_campaign(out, series, since);
    add_backends(out, report, series, since);
    add_holds(out, report, since);
    out.lanes = lanes_of(report, out.end, max_lanes, since);
    return out;
}

Curve decimate(const Curve& curve, double end, std::size_t columns) {
    if (curve.size() <= 4 * columns || end <= 0) return curve;
    const auto column = [&](double t) {
        return std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(t / end * static_cast<double>(columns)), 0,
                                          static_cast<std::ptrdiff_t>(columns) - 1);
    };
    Curve out;
    for (std::size_t i = 0; i < curve.size();) {
        std::size_t low = i, high = i, last = i;
        bool gap = std::isnan(curve[i].v);
        std::size_t next = i + 1;
        for (; next < curve.size() && column(curve[next].t) == column(curve[i].t); ++next) {
            if (std::isnan(curve[next].v)) {
                gap = true;
                continue;
            }
            if (std::isnan(curve[low].v)) low = high = next;
            if (curve[next].v < curve[low].v) low = next;
            if (curve[next].v > curve[high].v) high = next;
            last = next;
        }
        std::vector<std::size_t> kept{i, low, high, last};
        std::sort(kept.begin(), kept.end());
        kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
        for (const std::size_t k : kept) out.push_back(curve[k]);
        // The gap moves to the column's end: a few pixels of time, while extremes stay exact.
        if (gap && !std::isnan(out.back().v)) out.push_back({out.back().t, kNaN});
        i = next;
    }
    return out;
}

double peak(const Curve& curve) {
    double highest = 0;
    for (const Point& p : curve) {
        if (std::isfinite(p.v)) highest = std::max(highest, p.v);
    }
    return highest;
}

}  // namespace tidegate::report
