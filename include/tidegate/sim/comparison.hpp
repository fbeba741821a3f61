#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidegate/sim/simulate.hpp"

namespace tidegate::sim {

/// One policy's runs of a scenario, one for each seed.
struct PolicyRuns {
    Policy policy{};                   ///< who decided
    std::vector<SimResult> runs = {};  ///< in the order of the seeds

    bool operator==(const PolicyRuns&) const = default;
};

/// Policies on one scenario over several seeds, on equal terms. Pictures show the first seed and need its series.
struct Comparison {
    Scenario scenario{};                    ///< what happened
    std::vector<std::uint64_t> seeds{};     ///< in the order asked for; the first one is drawn
    std::vector<SimResult> oracle{};        ///< the measure, one for each seed
    std::vector<PolicyRuns> policies = {};  ///< in the order asked for
    Grain grain = Grain::flow;              ///< of the policies' runs; the oracle's are a flow by nature

    bool operator==(const Comparison&) const = default;
    /// Each policy's record, in the same order.
    TIDEGATE_EXPORT std::vector<Record> records() const;
};

/// For a terminal. One scenario: a line for each policy. Several: a line for each scenario, and for each policy a cell
/// such as "1.067 · 0(3)": completion as a multiple of the oracle's, median and worst seconds over. One scenario in the
/// exact grain: below, what became of everybody on the first seed.
TIDEGATE_EXPORT std::string to_text(const std::vector<Comparison>& comparisons);

/// One line of JSON, schema 1; the simulator's README describes it.
TIDEGATE_EXPORT std::string to_json(const std::vector<Comparison>& comparisons);

/// One self-contained page: for each scenario the policies' curves laid over each other, each with the same backend
/// without the campaign, the table, and when and why the gate held.
TIDEGATE_EXPORT std::string to_html(const std::vector<Comparison>& comparisons);

/// One picture that stands alone: latency and messages sent of each policy.
TIDEGATE_EXPORT std::string to_svg(const Comparison& comparison);

}  // namespace tidegate::sim
