// A leader that dies while people still react to what it sent: who takes over has to reckon with them.
#include "support/quota_faults.hpp"
#include "support/steered_node.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

TEST_CASE("the leader is killed: who takes over goes by the record of its sends and by opens, and the crowd fits") {
    RedisServer redis;
    Deeds deeds;
    Shared<World> world;
    world->sees[0] = world->sees[1] = true;
    world->open_rate = 0.5;
    world->median_s = 3.0;
    world->spread = 0.5;
    const auto shape = [](Campaign& campaign) {
        campaign.impact["app"] = {1.0, 0.0};
        campaign.response = {0.4, 3s, 0.5};  // believed; more of them open
    };
    SteeredProcess first(world[0], deeds, options(redis.url(), "node0"), 9, shape);
    REQUIRE(wait_for([&] { return world->leads[0] == 1; }, 30s));
    SteeredNode second(world[0], deeds, 1, options(redis.url(), "node1"), 3, 30000, shape);
    // The urgent campaign of the leader causes most of what comes, and goes on until it is killed.
    REQUIRE(second.until(
        [&] {
            const auto now = stamp();
            return between(requests(world[0], deeds, 0), now - 1'000'000'000, now) > 30 &&
                   second.progress().opens.seen > 10;
        },
        90s));
    CHECK(world->leads[1] == 0);
    CHECK(second.progress().opens.known == OpensKnown::counted);
    first.kill();
    REQUIRE(second.until([&] { return world->leads[1] == 1; }, 20s));
    const auto led = stamp();
    CHECK(second.until([&] { return world->allowed[1] > 0; }, 30s));
    const double committed = second.backend().committed;
    const auto went_on = stamp();
    const double theirs = between(requests(world[0], deeds, 0), went_on, went_on + 1'000'000'000),
                 own = between(requests(world[0], deeds, 1), went_on, went_on + 1'000'000'000);
    MESSAGE("believed " << committed << "/s when it went on " << (went_on - led) / 1'000'000
                        << " ms later; due from the dead " << theirs << ", own " << own);
    if (!sanitized()) CHECK(theirs > 2 * own);  // or the next line would show nothing
    CHECK(committed > 0.7 * (theirs + own));
    // It has the room for itself as the other's crowd leaves.
    CHECK(second.until([&] { return handed(deeds, 1, stamp() - 1'000'000'000, stamp()) > 60; }, 60s));
    const double busiest = busiest_second(requests(world[0], deeds));
    MESSAGE("busiest second: " << busiest);
    CHECK(busiest <= hint);
}
