#pragma once

#include <optional>
#include <string>

#include "tidegate/audience/recipient.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/delivery/campaign.hpp"
#include "tidegate/ledger/types.hpp"

namespace tidegate::delivery {

/// The hours of advertising, worked out once a moment for the whole campaign rather than once a recipient.
/// Source: Act on Promotion of Information and Communications Network Utilization (Korea), art. 50(3): separate consent
/// between 21:00 and 08:00 of the recipient's local time.
struct Hours {
    bool night = false;
    WallTime until{};  ///< when that changes: the coming 08:00 or 21:00

    bool operator==(const Hours&) const = default;
};

/// Errors: an unknown zone.
Result<Hours> hours_at(WallTime now, const std::string& zone);

/// May this person be sent to now?
struct Eligibility {
    enum class Kind : std::uint8_t { go, wait, skip } kind = Kind::go;
    WallTime until{};                ///< when waiting
    Final outcome = Final::pending;  ///< when skipped

    bool operator==(const Eligibility&) const = default;
};

/// Consent given as a date counts for two years (art. 50(8): to be confirmed every second year).
Eligibility eligible(const Recipient& person, Purpose purpose, const Hours& hours, WallTime now);

}  // namespace tidegate::delivery
