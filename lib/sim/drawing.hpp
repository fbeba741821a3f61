#pragma once

#include <string>
#include <vector>

#include "report/curves.hpp"
#include "report/plot.hpp"
#include "tidegate/sim/comparison.hpp"

namespace tidegate::sim {

// From what a rehearsal recorded to what is drawn of it. Pure.

/// Curves that say one thing of each policy, in the order of the policies. When all of them are the same, one is kept.
struct Overlay {
    std::vector<report::Curve> curves;
    bool shared = false;
};

/// What is drawn of one backend.
struct DrawnBackend {
    std::string name;
    double slo_s = 0.0;
    Overlay p99{}, p99_without{}, load{}, load_without{}, capacity{};
};

/// What is drawn of a comparison: its first seed.
struct Drawing {
    double end = 1.0;                 ///< seconds at the right edge
    std::vector<std::string> labels;  ///< of the policies
    std::vector<std::string> looks;   ///< their colour classes
    std::vector<DrawnBackend> backends;
    std::vector<report::Curve> sent;  ///< messages so far, of each policy
    std::vector<double> struck_s;     ///< when the first event struck, of each policy; negative: none did
};
Drawing drawing_of(const Comparison& comparison);

/// The colour class a policy wears in every picture.
std::string look_of(PolicyKind kind);

/// A stretch of seconds in which one campaign was told the same thing, numbers aside.
struct Verdict {
    double from = 0.0, to = 0.0;
    bool held = false;   ///< nothing was allowed
    std::string kind;    ///< the reason with its numbers left out
    std::string reason;  ///< as it was told first
};
/// What the policy told a campaign, from its start to its last message.
std::vector<Verdict> verdicts_of(const SimResult& run, std::size_t campaign, double starts_s);
/// The verdicts as a time table: a track for each kind, the longest first; what is beyond `most` tracks shares one.
std::vector<report::Track> tracks_of(const std::vector<Verdict>& verdicts, std::size_t most = 7);

/// Latency of one backend, and messages sent, as they stand in every picture.
report::Plot latency_plot(const std::string& id, const Drawing& drawing, const DrawnBackend& backend, int height,
                          std::size_t columns);
report::Plot sent_plot(const std::string& id, const Drawing& drawing, int height, std::size_t columns);

}  // namespace tidegate::sim
