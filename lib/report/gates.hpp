#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tidegate/report/report.hpp"

namespace tidegate::report {

/// How the gate behind one canary stood last.
struct GateRow {
    std::string canary;  ///< the cohort's label
    std::string state;   ///< "waiting", "passed", "failed"
    std::string why;
    std::optional<WallTime> at;

    bool operator==(const GateRow&) const = default;
};

/// The newest word on each canary's gate, in order of sending. The ledger keeps them as events of the kind "gate":
/// "LABEL: STATE, WHY".
std::vector<GateRow> gates_of(const RunReport& report);

}  // namespace tidegate::report
