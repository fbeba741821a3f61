#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/rate.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/delivery/opens.hpp"
#include "tidegate/signal/observation.hpp"

namespace tidegate::control {

/// The same moment by both clocks.
struct Moment {
    TimePoint now{};
    WallTime wall{};
};

/// What a POST to a campaign asks for.
struct CampaignOrder {
    enum class Verb : std::uint8_t { pause, resume, rate, abort, opens };
    Verb verb = Verb::pause;
    std::optional<Rate> rate;  ///< none: the configured one
    double opens = 0;
    TimePoint from{}, to{};                   ///< when those opens happened
    std::optional<std::vector<Open>> opened;  ///< or who opened and when, since the last order
};

/// What a POST to a backend asks for.
struct BackendOrder {
    bool is_sample = false;
    bool held = true;
    Observation sample;
};

/// Read the body of a request; an empty one counts as `{}`. `verb` is the last part of the path. Pure.
/// Errors: what the body lacks or says wrong.
Result<CampaignOrder> read_campaign_order(std::string_view verb, std::string_view body, const Moment& moment);
Result<BackendOrder> read_backend_order(std::string_view verb, std::string_view body, const Moment& moment);

}  // namespace tidegate::control
