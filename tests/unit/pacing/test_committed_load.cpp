#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "tidegate/base/rng.hpp"
#include "tidegate/pacing/committed_load.hpp"

using namespace tidegate;

namespace {

constexpr TimePoint kStart{std::chrono::seconds(1000)};

double sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

TEST_CASE("messages are found again by their age") {
    CommittedLoad load(700.0, 1.0, kStart);
    for (int t = 0; t < 600; ++t) load.add(t < 300 ? 10.0 : 20.0, after(kStart, t));
    const TimePoint now = after(kStart, 600);
    CHECK(load.between(0.0, 100.0, now) == doctest::Approx(2000.0).epsilon(0.02));
    CHECK(load.between(400.0, 500.0, now) == doctest::Approx(1000.0).epsilon(0.02));
    CHECK(load.between(700.0, 900.0, now) == 0.0);
    CHECK(load.between(50.0, 50.0, now) == 0.0);
}

TEST_CASE("what lies between the edges adds up to everything that is young enough") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Rng rng(seed);
        CommittedLoad load(400.0, 0.7, kStart);
        double t = 0.0;
        for (int i = 0; i < 500; ++i) load.add(std::floor(rng.uniform() * 50.0), after(kStart, t += rng.uniform()));
        const std::vector<double> edges{0.0, 3.0, 11.0, 40.0, 123.4, 390.0};
        const TimePoint at = after(kStart, t + 5.0 * rng.uniform());
        const std::vector<double> messages = load.by_age(edges, at);
        REQUIRE(messages.size() == edges.size() - 1);
        for (std::size_t j = 0; j < messages.size(); ++j) {
            REQUIRE(messages[j] >= 0.0);
            REQUIRE(messages[j] == doctest::Approx(load.between(edges[j], edges[j + 1], at)));
        }
        CHECK(sum(messages) == doctest::Approx(load.between(0.0, 390.0, at)));
        std::vector<double> again(99, 7.0);
        load.by_age(edges, at, again);
        CHECK(again == messages);
    }
    CHECK(CommittedLoad(10.0, 1.0, kStart).by_age({}, kStart).empty());
}

TEST_CASE("the answer for a moment in the past leaves out what was sent after it") {
    CommittedLoad load(100.0, 1.0, kStart);
    load.add(1000.0, after(kStart, 10));
    const double before = load.between(20.0, 40.0, after(kStart, 40));
    load.add(1e6, after(kStart, 45));
    CHECK(load.between(20.0, 40.0, after(kStart, 40)) == before);
    CHECK(load.between(0.0, 20.0, after(kStart, 40)) < 1.0);
}

TEST_CASE("a long silence, steps beyond the ring and adds at one instant are booked right") {
    CommittedLoad load(700.0, 1.0, kStart);
    for (int i = 0; i < 100; ++i) load.add(10.0, after(kStart, 1));
    CHECK(load.total() == doctest::Approx(1000.0));
    CHECK(load.between(0.0, 60.0, after(kStart, 2)) == doctest::Approx(1000.0));
    load.add(0.0, after(kStart, 1e7));
    CHECK(load.between(0.0, 600.0, after(kStart, 1e7)) == 0.0);
    load.add(500.0, after(kStart, 2e7));
    CHECK(load.total() == doctest::Approx(1500.0));
    CHECK(load.between(0.0, 10.0, after(kStart, 2e7 + 2.0)) == doctest::Approx(500.0));
    load.add(1.0, after(kStart, 5.0));  // an old time is booked as now, never lost
    CHECK(load.total() == doctest::Approx(1501.0));
}

TEST_CASE("what is taken back never happened, and nothing below zero or nonsense is booked") {
    CommittedLoad load(100.0, 1.0, kStart), without(100.0, 1.0, kStart);
    for (double t = 0.0; t < 20.0; t += 1.0) {
        load.add(100.0, after(kStart, t));
        if (t < 15.0) without.add(100.0, after(kStart, t));
    }
    load.remove(500.0, after(kStart, 20));
    CHECK(load.total() == doctest::Approx(1500.0));
    CHECK(load.between(0.0, 90.0, after(kStart, 60)) == doctest::Approx(without.between(0.0, 90.0, after(kStart, 60))));
    load.remove(1e9, after(kStart, 20));
    CHECK(load.total() == 0.0);
    CHECK(load.between(0.0, 90.0, after(kStart, 60)) == 0.0);
    load.add(std::nan(""), after(kStart, 21));
    load.add(-5.0, after(kStart, 21));
    load.add(INFINITY, after(kStart, 21));
    CHECK(load.total() == 0.0);
}

TEST_CASE("what a provider held counts from the moment it lets go, and what was sent before keeps its age") {
    CommittedLoad load(400.0, 1.0, kStart);
    for (int t = 0; t < 200; ++t) load.add(10.0, after(kStart, t));
    load.redate(after(kStart, 150), after(kStart, 200));
    const TimePoint now = after(kStart, 201);
    CHECK(load.total() == doctest::Approx(2000.0));
    CHECK(load.between(0.0, 3.0, now) == doctest::Approx(500.0).epsilon(0.03));
    CHECK(load.between(4.0, 50.0, now) == doctest::Approx(0.0));
    CHECK(load.between(52.0, 202.0, now) == doctest::Approx(1500.0).epsilon(0.03));
    // A moment before the campaign or after now changes nothing that could be lost.
    load.redate(after(kStart, 500), after(kStart, 202));
    load.redate(after(kStart, -500), after(kStart, 203));
    CHECK(load.total() == doctest::Approx(2000.0));
    CHECK(load.between(0.0, 3.0, after(kStart, 204)) == doctest::Approx(2000.0));
}
