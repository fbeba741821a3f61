// What rehearsing costs: five million recipients in virtual time, by the deciding code of production.

#include <benchmark/benchmark.h>

#include "tidegate/sim/simulate.hpp"

namespace tidegate {
namespace {

/// The nominal scenario with a day of history before it, on one core.
void nominal_rehearsal(benchmark::State& state) {
    const sim::Scenario nominal;
    std::uint64_t seed = 0;
    for (auto _ : state) {
        const sim::SimResult result = sim::simulate(nominal, {sim::PolicyKind::impact}, ++seed, false);
        if (!result.finished) state.SkipWithError("it did not finish");
        benchmark::DoNotOptimize(result.seconds_over);
    }
    state.SetLabel("5,000,000 recipients");
}
BENCHMARK(nominal_rehearsal)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tidegate
