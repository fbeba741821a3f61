#include <doctest/doctest.h>

#include "sim/timeline.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace {

Scenario with(Event event) {
    Scenario scenario;
    scenario.events = {event};
    return scenario;
}

}  // namespace

TEST_CASE("an event strikes when its share has been sent, and ends") {
    const Scenario scenario = with({.kind = EventKind::surge, .value = 8.0, .lasts_s = 10.0});
    Timeline timeline(scenario);
    CHECK(timeline.at(99.0, 0.39).backends[0].surge == 1.0);
    CHECK(timeline.struck() < 0.0);
    CHECK(timeline.at(100.0, 0.41).backends[0].surge == 8.0);
    CHECK(timeline.at(109.0, 0.41).backends[0].surge == 8.0);
    CHECK(timeline.at(110.0, 0.42).backends[0].surge == 1.0);
    CHECK(timeline.struck() == 100.0);
}

TEST_CASE("an event at a time needs no share, may begin later and may repeat") {
    const Scenario scenario =
        with({.kind = EventKind::pause, .at_s = 50.0, .after_s = 5.0, .lasts_s = 2.0, .every_s = 10.0, .times = 2});
    Timeline timeline(scenario);
    CHECK_FALSE(timeline.at(54.0, 0.0).paused);
    CHECK(timeline.at(55.0, 0.0).paused);
    CHECK_FALSE(timeline.at(57.0, 0.0).paused);
    CHECK(timeline.at(65.0, 0.0).paused);
    CHECK_FALSE(timeline.at(75.0, 0.0).paused);
}

TEST_CASE("capacity leaks by the minute and only where it was told to") {
    Scenario scenario = with({.kind = EventKind::leak, .value = 0.01, .at_s = 0.0, .backend = "b"});
    scenario.backends.push_back(scenario.backends[0]);
    scenario.backends[1].limits.name = scenario.events[0].backend;
    Timeline timeline(scenario);
    const Effects effects = timeline.at(600.0, 0.0);
    CHECK(effects.backends[0].capacity == 1.0);
    CHECK(effects.backends[1].capacity == doctest::Approx(0.9));
}

TEST_CASE("what happens at once happens in one second only") {
    const Scenario scenario = with({.kind = EventKind::takeover, .at_s = 5.0});
    Timeline timeline(scenario);
    CHECK_FALSE(timeline.at(4.0, 0.0).takeover);
    CHECK(timeline.at(5.0, 0.0).takeover);
    CHECK_FALSE(timeline.at(6.0, 0.0).takeover);
}
