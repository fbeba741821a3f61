#pragma once

#include <optional>
#include <string>

#include "tidegate/report/report.hpp"

namespace tidegate::report {

/// Names under which the ledger's meta keeps what a report needs.
inline constexpr const char* kMetaCampaign = "campaign_id";
inline constexpr const char* kMetaSends = "sends";  ///< channel names in order of `[[send]]`, one a line

/// Malformed rows a report carries at most.
inline constexpr std::size_t kMalformedKept = 100;

/// The state to show for what delivery recorded last. Nothing (or nothing intelligible) recorded is `incomplete`,
/// unless every recipient is final.
RunState settle_state(const std::optional<std::string>& recorded, const LedgerTotals& totals);

/// Recipients of a report that were never sent to on purpose.
inline std::uint64_t skipped(const LedgerTotals& totals) {
    return totals.outcomes[static_cast<std::size_t>(Final::suppressed)] +
           totals.outcomes[static_cast<std::size_t>(Final::no_consent)] +
           totals.outcomes[static_cast<std::size_t>(Final::no_address)];
}

inline std::uint64_t count(const LedgerTotals& totals, Final outcome) {
    return totals.outcomes[static_cast<std::size_t>(outcome)];
}

/// Backends by name: the summaries, plus a bare one for each backend that appears in holds alone.
std::vector<BackendSummary> all_backends(const RunReport& report);

}  // namespace tidegate::report
