#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tidegate/delivery/progress.hpp"
#include "tidegate/report/report.hpp"

namespace tidegate::sim {

/// How finely a rehearsal goes.
enum class Grain : std::uint8_t {
    flow,   ///< people and messages are counts: millions in a second
    exact,  ///< the whole delivery machine, person by person: up to 200,000 people
};

/// "flow", "exact".
TIDEGATE_EXPORT std::string_view name_of(Grain grain);
/// The grain of that name; nothing when there is none.
TIDEGATE_EXPORT std::optional<Grain> grain_named(std::string_view name);

/// What only the exact grain shows of a campaign.
struct ExactResult {
    RunReport report{};         ///< as `report` would tell it; the rehearsal begins on 2026-11-23 at 09:00 in Seoul
    RunResult end{};            ///< how the run ended
    std::uint64_t reached = 0;  ///< people whose device got the message
    std::uint64_t twice = 0;    ///< of them, whose device got it more than once and merged it

    bool operator==(const ExactResult&) const = default;
};

}  // namespace tidegate::sim
