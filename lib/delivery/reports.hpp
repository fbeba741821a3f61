#pragma once

#include <span>

#include "channel/vendor.hpp"
#include "tidegate/delivery/collect.hpp"
#include "tidegate/ledger/types.hpp"

namespace tidegate::delivery {

/// Whether a later word may still change this delivery: the vendor took it and has said no more, or nobody knows
/// whether it did, or the report was not waited for any longer.
bool open_to_report(const LedgerDelivery& delivery);

/// Puts a report into the delivery it is about. False when it changes nothing: it is about an earlier try, not decided
/// yet, or not the first; the first word stands.
bool take_report(LedgerDelivery& delivery, const channel::VendorReport& report);

/// The vendor's request that a `provider_id` belongs to: what reports are asked for by. Empty when there is none.
std::string request_of(const std::string& provider_id);

/// Puts reports into the ledger of a campaign that nobody runs: what `collect_reports` does, without asking. Reports of
/// steps that went over another account change nothing.
Result<Collected, Faults> take_in_reports(const Site& site, const Campaign& campaign, const CollectOptions& options,
                                          const Clock& clock, const std::string& account,
                                          std::span<const channel::VendorReport> reports);

}  // namespace tidegate::delivery
