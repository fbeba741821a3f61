#include "tidegate/report/report.hpp"

#include <algorithm>
#include <array>

#include "report/compose.hpp"

namespace tidegate {

namespace {

constexpr std::array<std::string_view, 6> kStates{"running", "completed", "awaiting_reports",
                                                  "stopped", "aborted",   "incomplete"};

}  // namespace

std::string_view to_string(RunState state) {
    return kStates[static_cast<std::size_t>(state)];
}

namespace report {

RunState settle_state(const std::optional<std::string>& recorded, const LedgerTotals& totals) {
    if (recorded) {
        const auto it = std::find(kStates.begin(), kStates.end(), *recorded);
        const bool known = it != kStates.end() && *it != "incomplete";
        if (known) return static_cast<RunState>(it - kStates.begin());
    }
    // A process that died between its last outcome and its last word has still reached everybody.
    const bool all_final = totals.recipients > 0 && totals.outcomes[static_cast<std::size_t>(Final::pending)] == 0;
    return all_final ? RunState::completed : RunState::incomplete;
}

}  // namespace report

Result<RunReport> read_report(SqliteLedger& ledger) {
    RunReport out;
    const auto take = [](auto result, auto& into) -> Result<void> {
        if (!result) return result.error();
        into = *std::move(result);
        return {};
    };
    std::optional<std::string> campaign, state, response;
    for (const auto& step :
         {take(ledger.meta(report::kMetaCampaign), campaign), take(ledger.meta("state"), state),
          take(ledger.meta(meta_response), response), take(ledger.totals(), out.totals),
          take(ledger.tallies(), out.channels), take(ledger.cohorts(), out.cohorts),
          take(ledger.backends(), out.backends), take(ledger.holds(), out.holds), take(ledger.events(), out.events),
          take(ledger.malformed(report::kMalformedKept), out.malformed)}) {
        if (!step) return step.error();
    }
    out.campaign = campaign.value_or("");
    if (response) out.response = parse_response_record(*response);
    if (state == "running" && !ledger.has_sender()) state.reset();  // killed: its last word is not on record
    out.state = report::settle_state(state, out.totals);
    return out;
}

Result<RunSeries> read_series(SqliteLedger& ledger) {
    RunSeries out;
    auto ticks = ledger.ticks();
    if (!ticks) return ticks.error();
    auto backend_ticks = ledger.backend_ticks();
    if (!backend_ticks) return backend_ticks.error();
    out.ticks = *std::move(ticks);
    out.backend_ticks = *std::move(backend_ticks);
    return out;
}

}  // namespace tidegate
