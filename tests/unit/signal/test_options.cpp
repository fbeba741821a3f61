#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include "tidegate/signal/options.hpp"
#include "tidegate/signal/sensor.hpp"

using namespace tidegate;
using namespace std::chrono_literals;

namespace {

std::set<std::string> wheres(const Faults& faults) {
    std::set<std::string> out;
    for (const auto& fault : faults) {
        CHECK(fault.code == Errc::invalid);
        CHECK_FALSE(fault.what.empty());
        out.insert(fault.where);
    }
    return out;
}

PrometheusSignal good() {
    PrometheusSignal signal;
    signal.url = "http://127.0.0.1:9090";
    signal.p99 = "p";
    signal.at = "min(timestamp(up))";
    return signal;
}

}  // namespace

TEST_CASE("a Prometheus signal without the time of its evidence is refused") {
    CHECK(validate(good(), 15s).empty());
    auto signal = good();
    signal.at.clear();
    CHECK(wheres(validate(signal, 15s)) == std::set<std::string>{"at"});
}

TEST_CASE("all faults of a signal are told at once") {
    PrometheusSignal signal;
    signal.url = "ftp://x";
    signal.every = 0s;
    signal.timeout = 0s;
    signal.extra = {{"", "", 0}, {"a", "q", 1}, {"a", "q", std::numeric_limits<double>::quiet_NaN()}};
    CHECK(wheres(validate(signal, 15s)) == std::set<std::string>{"url", "every", "timeout", "p99", "at",
                                                                 "extra[0].name", "extra[0].query", "extra[0].limit",
                                                                 "extra[2].name", "extra[2].limit"});
}

TEST_CASE("a signal that comes less often than telemetry may be old is refused") {
    auto signal = good();
    signal.every = 16s;
    CHECK(wheres(validate(signal, 15s)) == std::set<std::string>{"every"});
    CHECK(wheres(validate(PushSignal{16s}, 15s)) == std::set<std::string>{"every"});
    CHECK(validate(PushSignal{5s}, 15s).empty());
}

TEST_CASE("a probe whose fifty samples do not fit the age limit is refused") {
    ProbeSignal signal;
    signal.url = "https://bank.example/health";
    signal.per_second = 5;
    CHECK(period_of(signal) == 10s);
    CHECK(validate(signal, 10s).empty());
    CHECK(wheres(validate(signal, 9s)) == std::set<std::string>{"per_second"});
    for (const double rate :
         {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        signal.per_second = rate;
        CHECK(wheres(validate(signal, 24h)) == std::set<std::string>{"per_second"});
        CHECK(period_of(signal) > 0s);
    }
}

TEST_CASE("JSON Pointers are checked before anything runs") {
    JsonSignal signal;
    signal.url = "http://127.0.0.1:1/json";
    signal.load = "/a~1b/~0";
    CHECK(validate(signal, 15s).empty());
    signal.load = "load";
    signal.errors = "/a~2";
    signal.extra = {{"x", "y", 1}};
    CHECK(wheres(validate(signal, 15s)) == std::set<std::string>{"load", "errors", "extra[0].query"});
    signal = {};
    signal.url = "http://127.0.0.1:1/json";
    signal.p99.clear();
    CHECK(wheres(validate(signal, 15s)) == std::set<std::string>{"p99"});
}

TEST_CASE("a pushed sample counts only when it is newer") {
    PushSensor sensor;
    const TimePoint t0(100s);
    CHECK_FALSE(sensor.poll(t0));
    sensor.push({t0, Seconds(0.2), {}, {}, {}, {}, {}});
    sensor.push({t0, Seconds(0.9), {}, {}, {}, {}, {}});
    sensor.push({t0 - 1s, Seconds(0.9), {}, {}, {}, {}, {}});
    CHECK(sensor.poll(t0 + 1h)->p99 == Seconds(0.2));
    sensor.push({t0 + 1s, Seconds(0.3), {}, {}, {}, {}, {}});
    CHECK(sensor.poll(t0)->p99 == Seconds(0.3));
}
