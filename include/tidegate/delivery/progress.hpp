#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/ledger/ledger.hpp"
#include "tidegate/ledger/types.hpp"
#include "tidegate/report/report.hpp"

namespace tidegate {

/// One backend as it stands now.
struct BackendProgress {
    std::string name;
    double p99_s = 0, slo_s = 0;       ///< NaN = not known yet
    double load = 0;                   ///< requests/s; NaN = not known
    double committed = 0;              ///< predicted peak of ours, requests/s
    double baseline = 0, ceiling = 0;  ///< requests/s; ceiling infinity = unbounded
    double age_s = 0;
    bool held_by_operator = false;
    std::string state, reason;

    bool operator==(const BackendProgress&) const = default;
};

/// A campaign as it stands now; a copy, consistent in itself.
struct Progress {
    std::string campaign;
    RunState state = RunState::running;
    bool paused = false;
    LedgerTotals totals;          ///< final outcomes are counted once durable
    std::uint64_t in_flight = 0;  ///< attempts without a durable result
    double rate = 0;              ///< messages/s over the last seconds
    double allowed = 0;           ///< messages/s
    std::string reason;           ///< what sets the allowed rate, or why it holds
    std::uint32_t cohort = 0, cohorts = 0;
    std::optional<Duration> eta;  ///< at the present rate; absent while nothing moves
    std::optional<bool> deadline_holds;
    std::vector<BackendProgress> backends;

    bool operator==(const Progress&) const = default;
};

/// How a run ended.
struct RunResult {
    RunState state = RunState::running;
    int exit_code = 0;  ///< as the command line's table: 0, 3, 4 or 5
    std::string why;    ///< one line

    bool operator==(const RunResult&) const = default;
};

}  // namespace tidegate
