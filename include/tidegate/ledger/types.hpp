#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/audience/recipient.hpp"
#include "tidegate/base/clock.hpp"
#include "tidegate/ledger/records.hpp"
#include "tidegate/message/attempt.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate {

/// What finally became of a recipient; the values are what the ledger stores. Best first when several deliveries
/// compete: delivered, accepted, unknown, undelivered, failed, expired, rejected, invalid, skipped.
enum class Final : std::uint8_t {
    pending = 0,  ///< nothing final yet
    accepted,     ///< the provider took it
    delivered,    ///< a later report says it arrived
    undelivered,  ///< a later report says it did not
    invalid,      ///< the address is dead or was never right
    rejected,     ///< the provider refuses this message
    failed,       ///< retries are used up
    expired,      ///< its time to live ran out first
    unknown,      ///< it may have left, and may not be sent again
    suppressed,   ///< on an opt-out list
    no_consent,   ///< advertising without consent
    no_address    ///< no address that any step could use
};
/// How many values `Final` has.
inline constexpr std::size_t final_count = 12;
/// As reports spell it.
TIDEGATE_EXPORT std::string_view to_string(Final outcome);
/// The better of two by the order above.
TIDEGATE_EXPORT Final better(Final a, Final b);

/// Where one delivery stands. `intended` without more is what "in doubt" means after a crash.
enum class DeliveryState : std::uint8_t { intended = 1, waiting = 2, done = 3 };

/// A recipient as the ledger keeps it.
struct LedgerRecipient {
    std::int64_t id = 0;             ///< 1.. in order of the audience, suppressed ones included
    std::uint32_t cohort = 0;        ///< index; canaries first
    std::uint32_t shard = 0;         ///< within the cohort
    Final outcome = Final::pending;  ///< the best of its deliveries
    Recipient person{};              ///< `addresses` and `fields` are empty after `purge`

    bool operator==(const LedgerRecipient&) const = default;
};

/// A delivery as the ledger keeps it.
struct LedgerDelivery {
    DeliveryId id = 0;                              ///< recipient, step and address in one number
    DeliveryState state = DeliveryState::intended;  ///< where it stands
    std::uint32_t attempts = 0;                     ///< intended so far
    Final outcome = Final::pending;                 ///< meaningful when done
    Outcome last{};                                 ///< class, reason, code, text, provider id of the newest answer
    std::optional<WallTime> retry_at{};             ///< when waiting
    WallTime intended_at{};                         ///< newest attempt

    bool operator==(const LedgerDelivery&) const = default;
};

/// A recipient with everything that was begun for them.
struct LedgerEntry {
    LedgerRecipient recipient{};               ///< number 0 when the ledger has nobody of that number
    std::vector<LedgerDelivery> deliveries{};  ///< in order of id

    bool operator==(const LedgerEntry&) const = default;
};

/// What became of one recipient.
struct RecipientFinal {
    std::int64_t id = 0;             ///< the ledger's number of the recipient
    Final outcome = Final::pending;  ///< final unless `pending`
    bool operator==(const RecipientFinal&) const = default;
};

}  // namespace tidegate
