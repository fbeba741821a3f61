#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/audience/recipient.hpp"
#include "tidegate/base/clock.hpp"
#include "tidegate/message/attempt.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate {

/// What finally became of a recipient; the values are what the ledger stores. Best first when several deliveries
/// compete: delivered, accepted, unknown, undelivered, failed, expired, rejected, invalid, skipped.
enum class Final : std::uint8_t {
    pending = 0,
    accepted,
    delivered,
    undelivered,
    invalid,
    rejected,
    failed,
    expired,
    unknown,
    suppressed,
    no_consent,
    no_address
};
inline constexpr std::size_t final_count = 12;
TIDEGATE_EXPORT std::string_view to_string(Final outcome);
/// The better of two by the order above.
TIDEGATE_EXPORT Final better(Final a, Final b);

/// Where one delivery stands. `intended` without more is what "in doubt" means after a crash.
enum class DeliveryState : std::uint8_t { intended = 1, waiting = 2, done = 3 };

/// A recipient as the ledger keeps it.
struct LedgerRecipient {
    std::int64_t id = 0;  ///< 1.. in order of the audience, suppressed ones included
    std::uint32_t cohort = 0;
    std::uint32_t shard = 0;
    Final outcome = Final::pending;
    Recipient person;  ///< `addresses` and `fields` are empty after `purge`

    bool operator==(const LedgerRecipient&) const = default;
};

/// A delivery as the ledger keeps it.
struct LedgerDelivery {
    DeliveryId id = 0;
    DeliveryState state = DeliveryState::intended;
    std::uint32_t attempts = 0;
    Final outcome = Final::pending;    ///< meaningful when done
    Outcome last;                      ///< class, reason, code, text, provider id of the newest answer
    std::optional<WallTime> retry_at;  ///< when waiting
    WallTime intended_at{};

    bool operator==(const LedgerDelivery&) const = default;
};

struct RecipientFinal {
    std::int64_t id = 0;
    Final outcome = Final::pending;
    bool operator==(const RecipientFinal&) const = default;
};

/// One backend at one control tick, for the report and for replay.
struct BackendTick {
    WallTime at{};
    std::string backend;
    double p99_s = 0, slo_s = 0, load = 0, errors = 0;  ///< newest sample; NaN = unknown
    double committed = 0;                               ///< predicted requests/s of ours at the worst horizon
    double expected = 0;                                ///< predicted requests/s of ours now
    double baseline = 0, ceiling = 0;                   ///< requests/s; ceiling NaN = not known
    double age_s = 0;                                   ///< of the newest sample
    std::string state;                                  ///< "open", "hold", "pause", "stale"
    std::string reason;

    bool operator==(const BackendTick&) const = default;
};

/// The campaign at one control tick.
struct CampaignTick {
    WallTime at{};
    double allowed = 0;          ///< messages/s; NaN = unlimited
    std::uint64_t released = 0;  ///< messages handed to channels since the previous tick
    std::uint32_t cohort = 0;    ///< newest cohort open
    std::string reason;          ///< what sets the rate

    bool operator==(const CampaignTick&) const = default;
};

struct HoldRecord {
    std::string backend;
    WallTime from{};
    std::optional<WallTime> to;
    std::string signal;
    double value = 0;
    std::string reason;

    bool operator==(const HoldRecord&) const = default;
};

struct CohortRecord {
    std::uint32_t index = 0;
    std::string label;
    bool canary = false;
    std::uint64_t recipients = 0;
    std::uint64_t released = 0;  ///< first attempts
    std::optional<WallTime> started_at, finished_at;

    bool operator==(const CohortRecord&) const = default;
};

struct EventRecord {
    WallTime at{};
    std::string
        kind;  ///< "created", "run", "pause", "resume", "rate", "abort", "stop", "limits", "breaker", "purge", ...
    std::string detail;
    std::string operator_name;

    bool operator==(const EventRecord&) const = default;
};

struct MalformedRecord {
    std::uint64_t row = 0;
    std::string reason;
    bool operator==(const MalformedRecord&) const = default;
};

/// Answers counted by channel.
struct ChannelTally {
    std::string name, kind;
    std::array<std::uint64_t, 6> answers{};  ///< indexed by OutcomeClass
    bool operator==(const ChannelTally&) const = default;
};

/// What a backend went through while the campaign ran.
struct BackendSummary {
    std::string name;
    double slo_s = 0, worst_p99_s = 0, seconds_over_slo = 0;
    bool operator==(const BackendSummary&) const = default;
};

}  // namespace tidegate
