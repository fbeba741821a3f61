#pragma once

#include <cstdint>
#include <optional>

#include "tidegate/delivery/campaign.hpp"
#include "tidegate/ledger/types.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::delivery {

/// How long and how often a delivery is tried.
struct RetryOptions {
    std::uint32_t max_attempts = 12;          ///< own tries before a provider's trouble makes it `failed`
    std::uint32_t max_throttled = 30;         ///< the same of excused ones
    Duration base = std::chrono::seconds(1);  ///< first back-off; doubles with each try
    Duration cap = std::chrono::minutes(10);  ///< of the doubling, not of what the provider asks
};

/// The tries of one delivery so far, this one included.
struct Tries {
    std::uint32_t own = 0;      ///< which the provider answered, or where nobody knows
    std::uint32_t excused = 0;  ///< which cost the delivery nothing: see `excused`

    std::uint32_t all() const { return own + excused; }
    bool operator==(const Tries&) const = default;
};

/// The provider asked for patience, or was not reached. Such tries are counted apart: many of them do not make a
/// later fault of the provider's the last one.
bool excused(const Outcome& answer);

/// What one answer means for its delivery.
struct Verdict {
    DeliveryState state = DeliveryState::done;
    Final outcome = Final::pending;  ///< when done
    Duration delay{0};               ///< when waiting: from now

    bool operator==(const Verdict&) const = default;
};

/// Judges an answer. `chance` in [0, 1) spreads retries; `collapsible` says that a repeat would merge on the device. A
/// fault of the account or its configuration is never the recipient's fate: such a delivery waits for a person to
/// repair it (the breaker stops the campaign meanwhile).
Verdict judge(const Outcome& answer, const Tries& tries, OnUnknown policy, bool collapsible,
              const RetryOptions& options, double chance);

/// What a provider's later word makes of an accepted delivery; nothing while it says that it is not decided yet.
std::optional<Final> judge_report(const Outcome& report);

/// What a delivery found `intended` after a crash becomes.
Verdict judge_doubt(OnUnknown policy, bool collapsible);

}  // namespace tidegate::delivery
