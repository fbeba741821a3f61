#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/delivery/campaign.hpp"
#include "tidegate/delivery/site.hpp"

namespace tidegate {

/// How delivery reports are fetched.
struct CollectOptions {
    std::string ledger_dir = "ledger";  ///< where the campaign's ledger lies
    std::string operator_name{};        ///< for the record
    /// From the newest attempt: whoever has no report by then ends `unknown`. Kakao may deliver for three days, and
    /// carriers report an LMS within 80 hours.
    Duration give_up = std::chrono::hours(96);

    bool operator==(const CollectOptions&) const = default;
};

/// What one round of asking brought.
struct Collected {
    std::uint64_t delivered = 0;    ///< deliveries that arrived
    std::uint64_t undelivered = 0;  ///< deliveries that did not
    std::uint64_t unknown = 0;      ///< deliveries whose report is not coming any more, or says that nobody knows
    std::uint64_t awaiting = 0;     ///< deliveries still without a report
    std::uint64_t to_resend = 0;  ///< recipients whom the next step of the route may reach: the next run sends to them

    bool operator==(const Collected&) const = default;
};

/// What was handed in at once.
struct ReportsTaken {
    std::uint64_t reports = 0;  ///< about messages of tidegate's, also those not decided yet
    std::uint64_t ours = 0;     ///< of these, about campaigns of this gate; each counts once however often it comes

    bool operator==(const ReportsTaken&) const = default;
};

/// A request's headers; names in any case.
using ReportHeaders = std::vector<std::pair<std::string, std::string>>;

/// Asks the vendors of Alimtalk and SMS what became of what they accepted, and records it: `delivered` or
/// `undelivered`, and where the route allows it the next step, which `Gate::start` then sends through the gate like
/// everything else. Asks each vendor's request once, for at most 50,000 people, on the calling thread; call it again
/// while `awaiting` is above 0. A round that cannot reach a vendor records what it has and says so. An aborted or
/// purged campaign goes nowhere next. Errors: no ledger; held by a run; another route than the ledger was begun with; a
/// vendor that gives no reports.
TIDEGATE_EXPORT Result<Collected, Faults> collect_reports(const Site& site, const Campaign& campaign,
                                                          const CollectOptions& options = {},
                                                          const Clock& clock = system_clock());

}  // namespace tidegate
