#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/base/result.hpp"
#include "tidegate/ledger/response_record.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"

namespace tidegate {

/// The state a campaign is in, as people and programs read it.
enum class RunState : std::uint8_t { running, completed, awaiting_reports, stopped, aborted, incomplete };
/// As reports spell it.
TIDEGATE_EXPORT std::string_view to_string(RunState state);

/// Everything a run has to answer for; the fields of `report --json`, schema 1.
struct RunReport {
    std::string campaign{};                    ///< its id
    RunState state = RunState::incomplete;     ///< as the ledger has it
    LedgerTotals totals{};                     ///< counts and outcomes
    std::vector<ChannelTally> channels{};      ///< answers by channel
    std::vector<CohortRecord> cohorts{};       ///< in order of sending
    std::vector<BackendSummary> backends{};    ///< what they went through
    std::vector<HoldRecord> holds{};           ///< when, why, how long
    std::vector<EventRecord> events{};         ///< what operators and brakes did
    std::vector<MalformedRecord> malformed{};  ///< the first 100
    std::optional<ResponseRecord> response{};  ///< how people react: believed and learnt; absent before the first run

    bool operator==(const RunReport&) const = default;
};

/// The curves of a run, for the picture.
struct RunSeries {
    std::vector<CampaignTick> ticks{};         ///< of the campaign
    std::vector<BackendTick> backend_ticks{};  ///< of each backend
    bool operator==(const RunSeries&) const = default;
};

/// Reads a report out of a ledger. Errors: the ledger cannot be read.
TIDEGATE_EXPORT Result<RunReport> read_report(SqliteLedger& ledger);
/// Reads a run's curves out of a ledger. Errors: the ledger cannot be read.
TIDEGATE_EXPORT Result<RunSeries> read_series(SqliteLedger& ledger);

/// One report over the parts that several nodes sent, each to its own share of the audience.
/// Errors: different campaigns; the same ledger twice; no part at all.
TIDEGATE_EXPORT Result<RunReport> merge(const std::vector<RunReport>& parts);

/// The invariants of a report that do not hold, in words; empty when all is well.
TIDEGATE_EXPORT std::vector<std::string> broken_invariants(const RunReport& report, bool all_devices);

/// Schema 1, one line.
TIDEGATE_EXPORT std::string to_json(const RunReport& report);
/// A table for people, at most 100 columns wide.
TIDEGATE_EXPORT std::string to_text(const RunReport& report);

/// A run in the picture: its name ("without the gate"), report and curves.
struct ReportPanel {
    std::string title{};  ///< as the picture names it
    RunReport report{};   ///< its figures
    RunSeries series{};   ///< its curves
};
/// One self-contained HTML page: no script or font from elsewhere, light and dark, curves as inline SVG. Several panels
/// are laid side by side on common axes (seconds since each start).
TIDEGATE_EXPORT std::string to_html(const std::vector<ReportPanel>& panels);

/// Writes recipients with one of the outcomes as CSV: key, outcome, channel, reason, code, attempts. Addresses stay in
/// the ledger. RFC 4180; a cell that a spreadsheet would run as a formula gets an apostrophe in front (plain numbers do
/// not). The file is new, mode 0600. Returns the number of rows.
/// Errors: the file exists, cannot be written, or the disk is full.
TIDEGATE_EXPORT Result<std::uint64_t> export_recipients(SqliteLedger& ledger, const std::vector<Final>& outcomes,
                                                        const std::string& path);

/// Writes the addresses that providers condemned, one row for each: key, channel, address (its number among those of
/// the person for that channel), verdict ("dead" = delete it; "doubtful" = delete it when it is said again), reason,
/// code, since (when the provider says it died, or empty). By answer or by report, also of people whom another channel
/// reached. Passing trouble condemns nobody. File and errors as for `export_recipients`. Returns the number of rows.
TIDEGATE_EXPORT Result<std::uint64_t> export_condemned(SqliteLedger& ledger, const std::string& path);

}  // namespace tidegate
