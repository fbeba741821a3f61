// A gate whose Redis goes away in the middle: how long it sends, how it holds, how it goes on or ends.

#include <doctest/doctest.h>

#include "support/shared_node.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

TEST_CASE(
    "without Redis a node goes on to the end of its lease, holds and says so, and goes on by itself when it is back") {
    constexpr double cap = 200;
    RedisServer redis;
    Arrivals arrivals;
    SharedNode node("seoul", redis.url(), arrivals, cap);
    CampaignHandle run = node.start(SharedNode::campaign("held"), 600);
    REQUIRE(within(20s, [&] { return arrivals.count() > 100; }));
    redis.kill();
    const std::size_t at_kill = arrivals.count();
    REQUIRE(within(20s, [&] { return run.progress().reason.starts_with("holding: the shared quota has been away"); }));
    const std::size_t at_hold = arrivals.count();
    CHECK(at_hold > at_kill);
    CHECK(static_cast<double>(at_hold - at_kill) <= cap * (SharedNode::lease + 0.3) + 4);
    CHECK(run.progress().allowed == 0);
    std::this_thread::sleep_for(500ms);
    CHECK(arrivals.count() == at_hold);

    redis.restart();
    const auto result = run.wait(60s);
    REQUIRE(result);
    CHECK(result->state == RunState::completed);
    CHECK(arrivals.count() == 600);
    CHECK(arrivals.different() == 600);
    CHECK(arrivals.busiest_second() <= cap * 1.02 + 8);
    const auto report = run.report();
    REQUIRE(report);
    const bool told = std::any_of(report->holds.begin(), report->holds.end(), [](const HoldRecord& hold) {
        return hold.backend == "shared quota" && hold.to && hold.reason.find("cannot be reached") == 0;
    });
    CHECK(told);
    CHECK(broken_invariants(*report, false).empty());
}

TEST_CASE("Redis that stays away past the grace ends the run with 5; the next run goes on and nobody is lost") {
    RedisServer redis;
    Arrivals arrivals;
    SharedNode node("seoul", redis.url(), arrivals, 200, 1s);
    CampaignHandle run = node.start(SharedNode::campaign("given-up"), 400);
    REQUIRE(within(20s, [&] { return arrivals.count() > 50; }));
    redis.kill();
    const auto result = run.wait(30s);
    REQUIRE(result);
    CHECK(result->state == RunState::incomplete);
    CHECK(result->exit_code == 5);
    CHECK(result->why.find("the shared quota was away for more than 1s") == 0);
    CHECK(arrivals.count() < 400);

    redis.restart();
    // A grace of a second is shorter than the longest pause between two attempts to connect.
    REQUIRE(within(20s, [&] { return node.gate->quota()->reachable; }));
    const auto again = node.start(SharedNode::campaign("given-up"), 400).wait(60s);
    REQUIRE(again);
    CHECK(again->state == RunState::completed);
    CHECK(arrivals.count() == 400);
    CHECK(arrivals.different() == 400);
}
