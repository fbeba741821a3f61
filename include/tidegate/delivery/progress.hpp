#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/delivery/opens.hpp"
#include "tidegate/ledger/ledger.hpp"
#include "tidegate/ledger/types.hpp"
#include "tidegate/report/report.hpp"
#include "tidegate/signal/history.hpp"

namespace tidegate {

/// One backend as it stands now.
struct BackendProgress {
    std::string name{};             ///< as the site names it
    double p99_s = 0;               ///< newest sample; NaN = not known yet
    double slo_s = 0;               ///< its objective
    double load = 0;                ///< requests/s; NaN = not known
    double committed = 0;           ///< predicted peak of ours, requests/s
    double baseline = 0;            ///< requests/s that are not ours
    double ceiling = 0;             ///< requests/s it is trusted with; infinity = unbounded
    double age_s = 0;               ///< of the newest sample; infinity before the first
    bool held_by_operator = false;  ///< the red button is pressed
    std::string state{};            ///< "open", "hold", "pause", "stale"
    std::string reason{};           ///< one line for people
    HistorySummary history{};       ///< what was kept from before anything was sent
    std::uint64_t remembered = 0;   ///< samples of it that the controller began with; 0 = it began uninformed

    bool operator==(const BackendProgress&) const = default;
};

/// How a canary's gate stands.
enum class GateState : std::uint8_t {
    ahead,    ///< the canary is not wholly out
    waiting,  ///< for its response
    passed,
    failed  ///< the run ends; run again to begin the soak anew
};
/// As reports spell it.
TIDEGATE_EXPORT std::string_view to_string(GateState state);

/// The gate after one canary.
struct GateProgress {
    std::string canary{};                ///< the cohort's label
    GateState state = GateState::ahead;  ///< how it stands
    double seen = 0;                     ///< share of the response curve that has been seen, 0..1
    std::string reason{};                ///< what it waits for, how it passed, or why it failed

    bool operator==(const GateProgress&) const = default;
};

/// A campaign as it stands now; a copy, consistent in itself.
struct Progress {
    std::string campaign{};                   ///< its id
    RunState state = RunState::running;       ///< running until the run has ended
    bool paused = false;                      ///< by an operator
    LedgerTotals totals{};                    ///< final outcomes are counted once durable
    std::uint64_t in_flight = 0;              ///< attempts without a durable result
    double rate = 0;                          ///< messages/s over the last seconds
    double allowed = 0;                       ///< messages/s
    std::string reason{};                     ///< what sets the allowed rate, or why it holds
    std::uint32_t cohort = 0;                 ///< index of the newest one open
    std::uint32_t cohorts = 0;                ///< canaries included
    std::optional<Duration> eta{};            ///< at the present rate; absent while nothing moves
    std::optional<bool> deadline_holds{};     ///< at the present rate; absent without a deadline
    std::vector<GateProgress> gates{};        ///< one for each canary
    OpensProgress opens{};                    ///< how people react, and how that is known
    std::vector<BackendProgress> backends{};  ///< those this campaign has an impact on

    bool operator==(const Progress&) const = default;
};

/// How a run ended.
struct RunResult {
    RunState state = RunState::running;  ///< how the campaign stands now
    int exit_code = 0;                   ///< as the command line's table: 0, 3, 4 or 5
    std::string why{};                   ///< one line

    bool operator==(const RunResult&) const = default;
};

}  // namespace tidegate
