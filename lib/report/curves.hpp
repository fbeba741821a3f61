#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tidegate/report/report.hpp"

namespace tidegate::report {

/// A value at a time in seconds since the panel's start; NaN breaks the line.
struct Point {
    double t = 0, v = 0;
    bool operator==(const Point&) const = default;
};
using Curve = std::vector<Point>;

/// A stretch of time with something to say about it.
struct Band {
    double from = 0, to = 0;
    std::string title;
};

struct BackendCurves {
    std::string name;
    double slo_s = 0, worst_p99_s = 0, seconds_over_slo = 0;
    Curve p99, observed, predicted, committed, ceiling;
    std::vector<Band> holds;
};

/// One cohort, or several that share a lane.
struct Lane {
    std::string label;
    bool canary = false, started = false, finished = false;
    double from = 0, to = 0;
    std::uint64_t recipients = 0;
};

/// Everything drawn for one panel, on its own clock: seconds since `start`.
struct PanelCurves {
    WallTime start{};
    double end = 0;
    Curve sends, allowed;
    std::vector<BackendCurves> backends;
    std::vector<Lane> lanes;
};

/// Turns a run into curves. `max_lanes` cohorts at most get a lane of their own; beyond, neighbours share one, canaries
/// never.
PanelCurves curves_of(const RunReport& report, const RunSeries& series, std::size_t max_lanes = 40);

/// At most about four points for each of `columns` equal columns of [0, end], keeping each column's first, lowest,
/// highest and last value, and its gaps.
Curve decimate(const Curve& curve, double end, std::size_t columns);

/// The highest finite value, or 0.
double peak(const Curve& curve);

}  // namespace tidegate::report
