#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tidegate/base/clock.hpp"

namespace tidegate {

/// One backend at one control tick, for the report and for replay.
struct BackendTick {
    WallTime at{};          ///< wall time of the tick
    std::string backend{};  ///< its name
    double p99_s = 0;       ///< newest sample; NaN = unknown
    double slo_s = 0;       ///< the objective
    double load = 0;        ///< requests/s of everyone; NaN = unknown
    double errors = 0;      ///< share of requests; NaN = unknown
    double committed = 0;   ///< predicted requests/s of ours at the worst horizon
    double expected = 0;    ///< predicted requests/s of ours now
    double baseline = 0;    ///< requests/s that are not ours
    double ceiling = 0;     ///< requests/s it is trusted with; NaN = not known
    double age_s = 0;       ///< of the newest sample
    std::string state{};    ///< "open", "hold", "pause", "stale"
    std::string reason{};   ///< one line for people

    bool operator==(const BackendTick&) const = default;
};

/// The campaign at one control tick.
struct CampaignTick {
    WallTime at{};               ///< wall time of the tick
    double allowed = 0;          ///< messages/s; NaN = unlimited
    std::uint64_t released = 0;  ///< messages handed to channels since the previous tick
    std::uint32_t cohort = 0;    ///< newest cohort open
    std::string reason{};        ///< what sets the rate

    bool operator==(const CampaignTick&) const = default;
};

/// A span of time in which nothing was released because of one backend.
struct HoldRecord {
    std::string backend{};         ///< its name
    WallTime from{};               ///< when it began
    std::optional<WallTime> to{};  ///< absent while it lasts
    std::string signal{};          ///< which one decided: "p99", "errors", "telemetry", ...
    double value = 0;              ///< of that signal
    std::string reason{};          ///< one line for people

    bool operator==(const HoldRecord&) const = default;
};

/// A cohort and how far it has come.
struct CohortRecord {
    std::uint32_t index = 0;                ///< in order of sending
    std::string label{};                    ///< as `CohortPlan::label` names it
    bool canary = false;                    ///< whether the next one waited for its response
    std::uint64_t recipients = 0;           ///< the suppressed included
    std::uint64_t released = 0;             ///< first attempts
    std::optional<WallTime> started_at{};   ///< first message
    std::optional<WallTime> finished_at{};  ///< last recipient final

    bool operator==(const CohortRecord&) const = default;
};

/// Something an operator, a brake or the run itself did.
struct EventRecord {
    WallTime at{};  ///< when
    /// "created", "run", "pause", "resume", "rate", "abort", "stop", "limits", "breaker", "purge", ...
    std::string kind{};
    std::string detail{};         ///< in words
    std::string operator_name{};  ///< who; empty = nobody

    bool operator==(const EventRecord&) const = default;
};

/// A row of the audience that could not be used; its content is not kept.
struct MalformedRecord {
    std::uint64_t row = 0;  ///< number, from 1
    std::string reason{};   ///< what is wrong with it
    bool operator==(const MalformedRecord&) const = default;
};

/// Answers counted by channel.
struct ChannelTally {
    std::string name{};                      ///< as the site names it
    std::string kind{};                      ///< "apns", "fcm", ...
    std::array<std::uint64_t, 6> answers{};  ///< indexed by OutcomeClass
    bool operator==(const ChannelTally&) const = default;
};

/// What a backend went through while the campaign ran.
struct BackendSummary {
    std::string name{};           ///< as the site names it
    double slo_s = 0;             ///< the objective
    double worst_p99_s = 0;       ///< highest sample
    double seconds_over_slo = 0;  ///< sum over the run
    bool operator==(const BackendSummary&) const = default;
};

}  // namespace tidegate
