// Gates on several nodes, one of which sees the backend and steers all their campaigns.
#include "support/quota_faults.hpp"
#include "support/steered_node.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

TEST_CASE("one node sees the backend and steers both; it is killed, and the other takes over") {
    RedisServer redis;
    Deeds deeds;
    Shared<World> world;
    world->sees[0] = true;
    SteeredProcess first(world[0], deeds, options(redis.url(), "node0"), 3);
    REQUIRE(wait_for([&] { return world->leads[0] == 1; }, 30s));
    SteeredNode second(world[0], deeds, 1, options(redis.url(), "node1"), 9);
    const auto until = [&](auto condition, std::chrono::milliseconds limit) { return second.until(condition, limit); };

    // The follower has no sensor that answers, and yet sends: the urgent part of the room, at the leader's word.
    CHECK(until([&] { return world->allowed[1] > 4 * world->allowed[0] && world->allowed[0] > 0; }, 60s));
    const std::int64_t settled = stamp();
    CHECK(until([&] { return handed(deeds, 0, settled, stamp()) >= 3; }, 30s));  // who waits keeps a floor
    const std::int64_t before = stamp();
    CHECK(world->leads[1] == 0);
    CHECK(second.reason().find("app: ") == 0);
    CHECK(second.backend().state == "open");
    const double urgent = handed(deeds, 1, settled, before), patient = handed(deeds, 0, settled, before);
    MESSAGE("urgent " << urgent << ", patient " << patient << ": " << second.reason());
    CHECK(urgent > 3 * patient);

    // Killed: nothing goes without a leader's word. When another sees, it leads, and knows what both had sent.
    first.kill();
    CHECK(until([&] { return world->allowed[1] == 0; }, 20s));
    CHECK(world->leads[1] == 0);
    world->sees[1] = true;
    CHECK(until([&] { return world->leads[1] == 1; }, 20s));
    CHECK(until([&] { return world->allowed[1] > 0.5 * (hint - 50) * 0.5; }, 60s));
    until([] { return false; }, 1000ms);

    const Verdict verdict = judge(deeds.all());
    MESSAGE("busiest second: " << verdict.worst_second);
    CHECK(verdict.worst_second <= hint);
}
