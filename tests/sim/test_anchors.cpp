// The reference plant against the figures that were measured on it (pacing notes, "what it must reach"). They pin the
// plant, the crowd, the telemetry and the simple policies; the law itself is judged elsewhere.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "support.hpp"

using namespace tidegate;
using namespace tidegate::sim;
using sim_test::row;

namespace {

Record run(const Scenario& scenario, PolicyKind kind, std::uint64_t seeds = 5) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) all.push_back(seed);
    return compare(scenario, {{kind}}, all).front();
}

}  // namespace

TEST_CASE("a blast takes a fourteenth of the time and breaks the backend for 339 seconds") {
    const Record blast = run(row("nominal"), PolicyKind::blast);
    CHECK(blast.median_completion == doctest::Approx(0.07).epsilon(0.06));
    CHECK(blast.median_over == doctest::Approx(339.0).epsilon(0.03));
}

TEST_CASE("the tuned AIMD is safe in the case it was tuned for, and half as slow again as it need be") {
    const Record aimd = run(row("nominal"), PolicyKind::aimd);
    CHECK(aimd.median_completion == doctest::Approx(1.43).epsilon(0.06));
    CHECK(aimd.median_over == 0.0);
    CHECK(aimd.worst_over <= 10.0);
}

TEST_CASE("Gradient2 is as slow and as safe there") {
    const Record gradient = run(row("nominal"), PolicyKind::gradient);
    CHECK(gradient.median_completion == doctest::Approx(1.47).epsilon(0.08));
    CHECK(gradient.median_over == 0.0);
}

TEST_CASE("a rate that fits today fails when people open five times as often") {
    const Policy fixed{PolicyKind::fixed, 3200.0};
    CHECK(compare(row("nominal"), {fixed}, {1, 2, 3}).front().median_over == 0.0);
    CHECK(compare(row("opens-5x"), {fixed}, {1, 2, 3}).front().median_over > 100.0);
}

TEST_CASE("a surge of eight hides most of what a blast does, because the twin is down as well") {
    CHECK(run(row("surge-8x"), PolicyKind::blast, 3).median_over == doctest::Approx(32.0).epsilon(0.1));
}

TEST_CASE("the provider's release is what breaks the backend when sends went on into a stall") {
    CHECK(run(row("stall-3min"), PolicyKind::blast, 3).median_over == doctest::Approx(459.0).epsilon(0.05));
    CHECK(run(row("stall-10min"), PolicyKind::aimd, 3).median_over == doctest::Approx(242.0).epsilon(0.12));
}

TEST_CASE("past a lock's knee the outage outlives the blast by far") {
    CHECK(run(row("sharp"), PolicyKind::blast, 3).median_over == doctest::Approx(338.0).epsilon(0.05));
    CHECK(run(row("lock-signal"), PolicyKind::blast).worst_over > 900.0);
    CHECK(run(row("lock-signal"), PolicyKind::aimd).median_over > 500.0);
}

TEST_CASE("a backend a tenth as large is the same for a blast and too noisy for AIMD's fixed steps") {
    const Record aimd = run(row("capacity-160"), PolicyKind::aimd, 3);
    CHECK(aimd.median_completion == doctest::Approx(1.10).epsilon(0.06));
    CHECK(aimd.median_over == doctest::Approx(275.0).epsilon(0.2));
}

TEST_CASE("the oracle fills the room: its load is its share of the capacity, at hardly any second over") {
    const SimResult oracle = simulate(row("n-500k"), {PolicyKind::oracle}, 4);
    CHECK(oracle.seconds_over == 0.0);
    const auto& series = oracle.backends[0].series;
    double load = 0.0;
    for (std::size_t t = 20; t < 80; ++t) load += series[t].load / 60.0;
    CHECK(load == doctest::Approx(0.80 * 1600.0).epsilon(0.05));
}

TEST_CASE("five million messages are rehearsed in well under five seconds") {
    const auto began = std::chrono::steady_clock::now();
    simulate(row("nominal"), {PolicyKind::impact}, 1);
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}
