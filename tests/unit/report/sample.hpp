#pragma once

#include <chrono>

#include "tidegate/report/report.hpp"

namespace sample {

using namespace tidegate;
using namespace std::chrono_literals;

inline const WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

inline std::uint64_t& outcome(RunReport& report, Final f) {
    return report.totals.outcomes[static_cast<std::size_t>(f)];
}

/// A finished run with one of everything.
inline RunReport report() {
    RunReport r;
    r.campaign = "check-card-benefit-2026-11";
    r.state = RunState::completed;
    r.totals.rows = 1010;
    r.totals.malformed = 4;
    r.totals.duplicates = 6;
    r.totals.recipients = 1000;
    r.totals.deliveries = 990;
    r.totals.attempts = 1003;
    r.totals.elapsed_s = 120.25;
    outcome(r, Final::accepted) = 900;
    outcome(r, Final::delivered) = 40;
    outcome(r, Final::invalid) = 30;
    outcome(r, Final::unknown) = 5;
    outcome(r, Final::suppressed) = 12;
    outcome(r, Final::no_consent) = 8;
    outcome(r, Final::no_address) = 5;
    r.channels = {{"ios", "apns", {940, 30, 0, 11, 17, 5}}};
    r.cohorts = {{0, "canary 1%", true, 10, 10, kStart, kStart + 20s},
                 {1, "cohort 1", false, 990, 980, kStart + 20s, std::nullopt}};
    r.backends = {{"app-api", 0.3, 0.3125, 2.5}};
    r.holds = {{"app-api", kStart + 40s, kStart + 55s, "p99", 0.3125, "p99 312 ms is over 300 ms"},
               {"app-api", kStart + 80s, std::nullopt, "telemetry", 21, "no sample for 21 s"}};
    r.events = {{kStart, "run", "", "hana"}, {kStart + 60s, "rate", "at most 500/s", "hana"}};
    r.malformed = {{17, "empty key"}, {99, "quote never closed"}};
    r.response = ResponseRecord{
        kStart + 100s,     "attributed",         1234,
        {0.08, 45.0, 1.2}, {0.0612, 38.25, 1.1}, {{1.0, 0.001, 0.0015}, {45.0, 0.04, 0.033}, {800.0, 0.0792, 0.0606}}};
    return r;
}

}  // namespace sample
