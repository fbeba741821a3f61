#include <doctest/doctest.h>

#include <future>
#include <stdexcept>
#include <thread>

#include "tidegate/testing/manual_clock.hpp"

using namespace tidegate;
using namespace std::chrono_literals;
using tidegate::testing::ManualClock;

TEST_CASE("a manual clock stands still until it is told to move") {
    ManualClock clock(WallTime{5s});
    const TimePoint start = clock.now();
    CHECK(clock.now() == start);
    CHECK(clock.wall() == WallTime{5s});
    clock.advance(1500ms);
    CHECK(clock.now() == start + 1500ms);
    CHECK(clock.wall() == WallTime{6500ms});
}

TEST_CASE("steps below a millisecond add up on the wall") {
    ManualClock clock(WallTime{0ms});
    for (int i = 0; i < 1000; ++i) clock.advance(1us * 10);
    CHECK(clock.wall() == WallTime{10ms});
}

TEST_CASE("waiting for a time that has passed returns at once") {
    ManualClock clock;
    CHECK(clock.wait_until(clock.now(), {}));
}

TEST_CASE("a waiter wakes when its deadline passes and not before") {
    ManualClock clock;
    const TimePoint deadline = clock.now() + 10s;
    auto reached = std::async(std::launch::async, [&] { return clock.wait_until(deadline, {}); });
    clock.advance(9s);
    CHECK(reached.wait_for(0s) != std::future_status::ready);
    clock.advance(1s);
    CHECK(reached.get());
}

TEST_CASE("a stop request wakes a waiter before its deadline") {
    ManualClock clock;
    std::stop_source stop;
    auto reached = std::async(std::launch::async, [&] { return clock.wait_until(TimePoint::max(), stop.get_token()); });
    stop.request_stop();
    CHECK_FALSE(reached.get());
}

TEST_CASE("moving a manual clock backwards is a programmer's mistake") {
    ManualClock clock;
    CHECK_THROWS_AS(clock.advance(-1s), std::invalid_argument);
}
