#include <doctest/doctest.h>

#include <cmath>

#include "sim/exporter.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace {

PlantSecond second(double load, double p99) {
    return {.attempts = load, .p50_s = 0.3 * p99, .p99_s = p99, .errors = 0.0, .signal = 20.0, .capacity = 1600.0};
}

Telemetry quiet() {
    return {.noise = 0.0};
}

std::vector<Sample> samples(Exporter& exporter, std::int64_t from, std::int64_t to, const BackendEffects& effects,
                            double load = 100.0) {
    for (std::int64_t t = from; t < to; ++t) exporter.take(t, second(load + static_cast<double>(t), 0.1), effects);
    return exporter.arrived(to + 1000);
}

}  // namespace

TEST_CASE("a sample is the mean of its period, bears the time of its end and arrives later") {
    Exporter exporter(quiet(), 1);
    for (std::int64_t t = 0; t < 5; ++t) exporter.take(t, second(100.0 * static_cast<double>(t), 0.1), {});
    CHECK(exporter.arrived(9).empty());
    const auto samples = exporter.arrived(10);
    REQUIRE(samples.size() == 1);
    CHECK(seconds_between(kStart, samples[0].seen.at) == 5.0);
    CHECK(*samples[0].seen.load == doctest::Approx(200.0));
    CHECK(samples[0].seen.p99.count() == doctest::Approx(0.1));
    CHECK(*samples[0].seen.samples == 1000);
    CHECK(samples[0].seen.extra.empty());
}

TEST_CASE("telemetry shows what it was told to show") {
    Telemetry telemetry = quiet();
    telemetry.load = telemetry.errors = false;
    telemetry.leading_signal = true;
    Exporter exporter(telemetry, 1);
    const auto seen = samples(exporter, 0, 5, {}).front().seen;
    CHECK_FALSE(seen.load);
    CHECK_FALSE(seen.errors);
    REQUIRE(seen.extra.size() == 1);
    CHECK(seen.extra[0].value == doctest::Approx(20.0));
    CHECK(seen.extra[0].limit == 40.0);
}

TEST_CASE("noise and collection pauses disturb the p99 and nothing else") {
    Telemetry telemetry;
    telemetry.spike_chance = 0.5;
    Exporter exporter(telemetry, 1);
    int spikes = 0;
    const auto seen = samples(exporter, 0, 1000, {});
    for (const Sample& sample : seen) spikes += sample.seen.p99.count() > 0.4;
    CHECK(seen.size() == 200);
    CHECK(spikes > 70);
    CHECK(spikes < 130);
}

TEST_CASE("a gap loses samples, and late ones arrive late") {
    Exporter exporter(quiet(), 1);
    BackendEffects gap, late;
    gap.gap = true;
    late.late_s = 30.0;
    CHECK(samples(exporter, 0, 10, gap).empty());
    for (std::int64_t t = 10; t < 15; ++t) exporter.take(t, second(1.0, 0.1), late);
    CHECK(exporter.arrived(49).empty());
    CHECK(exporter.arrived(50).size() == 1);
}

TEST_CASE("a frozen exporter repeats its last values with fresh times") {
    Exporter exporter(quiet(), 1);
    BackendEffects frozen;
    frozen.frozen = true;
    const auto before = samples(exporter, 0, 5, {});
    const auto after_it = samples(exporter, 5, 20, frozen);
    REQUIRE(after_it.size() == 3);
    for (const Sample& sample : after_it) CHECK(*sample.seen.load == *before.front().seen.load);
    CHECK(after_it[2].seen.at > after_it[1].seen.at);
}

TEST_CASE("broken values are broken in the way exporters break them") {
    Exporter exporter(quiet(), 1);
    BackendEffects nan, reset;
    nan.nan = true;
    reset.reset = true;
    CHECK(std::isnan(samples(exporter, 0, 5, nan).front().seen.p99.count()));
    const auto after_reset = samples(exporter, 5, 15, reset);
    CHECK(*after_reset[0].seen.load < 0.0);
    CHECK(*after_reset[1].seen.load == 0.0);
}
