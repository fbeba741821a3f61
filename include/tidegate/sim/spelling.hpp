#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/sim/simulate.hpp"

namespace tidegate::sim {

/// Seeds one rehearsal may have.
inline constexpr std::size_t max_seeds = 10'000;

/// "1-20", "1,3,7-9": in the order written. Errors: not a number, a range that runs backwards, a seed named twice, more
/// than `max_seeds`.
TIDEGATE_EXPORT Result<std::vector<std::uint64_t>> parse_seeds(std::string_view text);
/// The shortest such text: {1, 2, 3, 7} is "1-3,7".
TIDEGATE_EXPORT std::string format_seeds(const std::vector<std::uint64_t>& seeds);

/// "blast,impact"; "static=3200" sets the rate of static. Errors: unknown policies with the nearest known one, one
/// named twice, a rate that is none.
TIDEGATE_EXPORT Result<std::vector<Policy>> parse_policies(std::string_view text);
/// All six, in the order of `PolicyKind`; those already given keep their settings.
TIDEGATE_EXPORT std::vector<Policy> every_policy(const std::vector<Policy>& given = {});

/// What a scenario's name stands for: "nominal" is built in, a file is itself, a folder is its scenario files by name.
/// Errors: every fault of every file, with file:line.
TIDEGATE_EXPORT Result<std::vector<Scenario>, Faults> scenarios_named(const std::string& name);

}  // namespace tidegate::sim
