#include "tidegate/pacing/options.hpp"

#include <cmath>

namespace tidegate {
namespace {

void expect(Faults& faults, bool fine, std::string where, std::string what, std::string hint) {
    if (!fine) faults.push_back({Errc::invalid, std::move(what), std::move(where), std::move(hint)});
}

}  // namespace

Faults BackendOptions::validate() const {
    Faults faults;
    expect(faults, !name.empty(), "name", "a backend has no name", "give it one, e.g. name = \"app-api\"");
    expect(faults, latency_slo > Duration::zero(), "latency_slo", "the latency objective is not above zero",
           "state the p99 that must hold, e.g. \"300ms\"");
    expect(faults, error_slo > 0.0 && error_slo < 1.0, "error_slo", "the error objective is not between 0 and 1",
           "state a share of requests, e.g. 0.01");
    expect(faults, reserve >= 0.0 && reserve <= 0.9, "reserve", "the reserve is not between 0 and 0.9",
           "state the share of capacity that may vanish, e.g. 0.3");
    expect(faults, !capacity_hint || (std::isfinite(*capacity_hint) && *capacity_hint > 0.0), "capacity_hint",
           "the capacity hint is not a positive number",
           "state requests/s proven inside the objective, or leave it out");
    expect(faults, max_age >= std::chrono::seconds(1), "max_age", "max_age is under one second",
           "state how old telemetry may be, e.g. \"15s\"");
    return faults;
}

Faults ResponseOptions::validate() const {
    Faults faults;
    expect(faults, open_rate > 0.0 && open_rate <= 1.0, "open_rate", "the open rate is not above 0 and at most 1",
           "state the share who open, e.g. 0.08");
    expect(faults, median >= std::chrono::milliseconds(100) && median <= std::chrono::hours(24 * 7), "median",
           "the median lag is not between 100 ms and 7 days", "state the time from send to open, e.g. \"45s\"");
    expect(faults, spread > 0.0 && spread <= 4.0, "spread", "the spread is not above 0 and at most 4",
           "state the sigma of the log-normal lag, e.g. 1.2");
    return faults;
}

}  // namespace tidegate
