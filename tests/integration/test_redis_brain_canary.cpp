// A canary whose node sees no backend: the leader's word is what its gate goes by.
#include "support/quota_faults.hpp"
#include "support/steered_node.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::faults;
using namespace std::chrono_literals;

TEST_CASE("a follower's canary is soaked under what the leader sees: green it passes, over the objective it fails") {
    for (const bool trouble : {false, true}) {
        CAPTURE(trouble);
        RedisServer redis;
        Deeds deeds;
        Shared<World> world;
        world->sees[0] = true;
        const SteeredProcess leader(world[0], deeds, options(redis.url(), "node0"), 3);
        REQUIRE(wait_for([&] { return world->leads[0] == 1; }, 30s));
        SteeredNode follower(world[0], deeds, 1, options(redis.url(), "node1"), 5, 1000, [](Campaign& campaign) {
            campaign.cohorts.canary = {0.1};
            campaign.response.spread = 0.5;
        });
        const auto gate = [&] { return follower.progress().gates.at(0); };
        const auto sent = [&] { return handed(deeds, 1, 0, stamp()); };
        REQUIRE(follower.until([&] { return gate().state == GateState::waiting; }, 60s));
        if (trouble) world->p99_s = 0.9;
        double canary = 0;
        REQUIRE(follower.until(
            [&] {
                const double by_now = sent();
                if (gate().state > GateState::waiting) return true;
                canary = by_now;
                return false;
            },
            60s));
        CHECK(canary > 50);
        CHECK(canary < 150);
        CHECK(world->leads[1] == 0);
        if (!trouble) {
            CHECK(gate().state == GateState::passed);
            CHECK(follower.until([&] { return sent() > 250; }, 60s));
            continue;
        }
        CHECK(gate().state == GateState::failed);
        const auto ended = follower.handle().wait(20s);
        REQUIRE(ended);
        CHECK(ended->exit_code == 4);
        CHECK_MESSAGE(ended->why.starts_with("canary 10% failed: app p99 900 ms > 300 ms at "), ended->why);
        CHECK(sent() < 150);
    }
}
