#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/cohort/plan.hpp"
#include "tidegate/delivery/on_unknown.hpp"
#include "tidegate/pacing/first_come.hpp"
#include "tidegate/pacing/options.hpp"
#include "tidegate/sim/provider.hpp"

namespace tidegate::sim {

/// One log-normal part of a response curve.
struct LagPart {
    double share = 1.0;      ///< of the opens
    double median_s = 45.0;  ///< from delivery to open
    double spread = 1.2;     ///< sigma of the logarithm

    bool operator==(const LagPart&) const = default;
};

/// From this share of the audience on, people open this many times as often; straight lines between.
struct Engagement {
    double share = 0.0;   ///< of the audience, in the order of sending
    double factor = 1.0;  ///< times the open rate from there on

    bool operator==(const Engagement&) const = default;
};

/// A fixed instant everybody waits for: who was told before comes then, not a lag after the message.
struct Rush {
    double at_s = 1800.0;      ///< after the campaign's start
    double rate = 0.6;         ///< share of the told who come
    double median_s = 6.0;     ///< after the instant
    double spread = 0.9;       ///< sigma of the logarithm
    double again_share = 0.5;  ///< of those who came, come again after the disappointment
    double again_s = 60.0;     ///< that much later, median

    bool operator==(const Rush&) const = default;
    /// The same as a campaign file states it.
    TIDEGATE_EXPORT RushOptions options() const;
};

/// Who really reads the message, and when.
struct Crowd {
    double open_rate = 0.08;                  ///< share who open
    std::vector<LagPart> lags = {LagPart{}};  ///< parts of the response curve; shares add up to 1
    std::vector<Engagement> engagement{};  ///< along the audience, in the order it is sent; empty: everywhere the same
    std::optional<Rush> rush{};            ///< absent: nobody waits for an instant

    bool operator==(const Crowd&) const = default;
};

/// How opens become known.
enum class OpensSeen : std::uint8_t {
    attributed,  ///< each with the message it answers
    counted,     ///< so many in this interval
    none
};

/// One campaign of the rehearsal: what is believed of it and what is true.
struct Campaign {
    std::string id = "campaign";  ///< for the result
    double recipients = 5e6;      ///< how many people
    double starts_s = 0.0;        ///< after the rehearsal began
    Crowd crowd{};                ///< what is true
    ResponseOptions belief{};     ///< the campaign file's [response]
    /// True when the plan knows of the crowd's fixed instant.
    bool rush_known = true;
    /// requests one recipient causes, by backend
    std::map<std::string, Impact> impact = {{"app-api", {.per_open = 3.0}}};
    /// What it really causes directly, when that differs from `impact`, the campaign file's [impact]. A call that one
    /// backend makes to another is not direct.
    std::map<std::string, Impact> caused{};
    OpensSeen opens = OpensSeen::attributed;  ///< what the gate is told of them
    double per_second = 0.0;                  ///< the campaign's own limit; 0: none

    Rows audience{};  ///< exact grain: rows that do not become messages
    /// Exact grain: how the campaign is staggered. Default: everybody in one cohort, as the flow grain sends.
    CohortOptions cohorts{.count = 1, .gap = Duration{0}};
    OnUnknown on_unknown = OnUnknown::resend_if_collapsible;  ///< exact grain; the message is collapsible

    bool operator==(const Campaign&) const = default;
};

}  // namespace tidegate::sim
