#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/delivery/campaign.hpp"
#include "tidegate/delivery/site.hpp"

namespace tidegate {

/// What one backend can serve at the instant of a first-come event.
struct EventCapacity {
    std::string backend{};            ///< its name
    std::optional<double> room{};     ///< requests/s that may be ours then; absent = nobody knows
    std::optional<double> largest{};  ///< people told who can be served; absent = nobody knows
    std::string from{};               ///< what the room rests on, or what to state so that it is known

    bool operator==(const EventCapacity&) const = default;
};

/// One lot of an audience that is staggered, with an instant of its own.
struct EventLot {
    WallTime instant{};            ///< when it opens for this lot
    std::uint64_t recipients = 0;  ///< told before it

    bool operator==(const EventLot&) const = default;
};

/// A first-come event, looked at before anything is sent.
struct EventPlan {
    WallTime at{};                           ///< the instant
    WallTime rest_from{};                    ///< when those who were held are told: the crowd has been served
    std::vector<EventCapacity> backends{};   ///< those that an open loads
    std::optional<std::uint64_t> largest{};  ///< audience that all of them can serve; absent = not known of each
    std::uint64_t told = 0;                  ///< recipients told before the instant; 0 while `largest` is not known
    std::uint64_t held = 0;                  ///< recipients held until `rest_from`
    double comers = 0;                       ///< of the told, expected at the instant
    std::uint64_t lot_count = 0;             ///< instants it would take to let everybody take part; 0 = not known
    Duration lots_apart{0};                  ///< between two such instants
    std::vector<EventLot> lots{};            ///< the first of them, and the last
    std::vector<std::string> remarks{};      ///< what should be known before sending, one line each

    bool operator==(const EventPlan&) const = default;
};

/// Says how large an audience the backends can serve at the campaign's instant, what is held, and how it could be
/// staggered by lots. `baseline`: requests/s that are not ours, by backend. `proven`: requests/s that history has shown
/// inside the objective, used where the site states no hint. It never guesses: without either it says what to state.
/// Pure. Call only for a campaign with an event.
TIDEGATE_EXPORT EventPlan plan_event(const Site& site, const Campaign& campaign, std::uint64_t recipients,
                                     const std::map<std::string, double>& baseline,
                                     const std::map<std::string, double>& proven = {});

}  // namespace tidegate
