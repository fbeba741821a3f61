#include <doctest/doctest.h>

#include "signal/probe_window.hpp"

using namespace tidegate;
using namespace tidegate::signal;
using namespace std::chrono_literals;

namespace {
const TimePoint kStart(1000s);
}

TEST_CASE("fewer than fifty probes are no evidence") {
    ProbeWindow window(15s);
    for (int i = 0; i < 49; ++i) window.add(kStart + i * 100ms, Seconds(0.01), false);
    CHECK_FALSE(window.take(kStart + 5s));
    window.add(kStart + 4900ms, Seconds(0.5), false);
    const auto seen = window.take(kStart + 5400ms);
    REQUIRE(seen);
    CHECK(seen->samples == 50U);
    CHECK(seen->p99 == Seconds(0.5));
    CHECK(seen->errors == 0.0);
    CHECK_FALSE(seen->load);
    CHECK(seen->at == kStart + 4900ms);
}

TEST_CASE("windows do not overlap: a slow probe is seen in one observation only") {
    ProbeWindow window(60s);
    TimePoint t = kStart;
    const auto fill = [&](double worst) {
        for (int i = 0; i < 50; ++i, t += 100ms) window.add(t, Seconds(i == 0 ? worst : 0.01), false);
        return window.take(t);
    };
    CHECK(fill(2.0)->p99 == Seconds(2.0));
    CHECK(fill(0.01)->p99 == Seconds(0.01));
    CHECK(window.size() == 0);
}

TEST_CASE("probes too old for the backend's limit leave the window") {
    ProbeWindow window(15s);
    for (int i = 0; i < 40; ++i) window.add(kStart, Seconds(0.01), false);
    for (int i = 0; i < 40; ++i) window.add(kStart + 14s, Seconds(0.01), false);
    CHECK_FALSE(window.take(kStart + 16s));
    CHECK(window.size() == 40);
}

TEST_CASE("failures count in the error ratio and with their latency") {
    ProbeWindow window(15s);
    for (int i = 0; i < 45; ++i) window.add(kStart, Seconds(0.01), false);
    for (int i = 0; i < 5; ++i) window.add(kStart, Seconds(2.0), true);
    const auto seen = window.take(kStart + 1s);
    REQUIRE(seen);
    CHECK(*seen->errors == doctest::Approx(0.1));
    CHECK(seen->p99 == Seconds(2.0));
}
