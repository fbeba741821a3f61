// An operator's look at a domain, out of what the audit script answers.
#include <doctest/doctest.h>

#include "quota/redis_state_json.hpp"

using namespace tidegate;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// Two nodes on one account, as the script tells it: thousandths and microseconds.
json answer() {
    return json::parse(R"({
        "epoch": 3, "v": "5000000", "quiet": 250000, "gen": 7,
        "leader": {"n": "b#2", "t": 4, "x": "6500000"}, "domain": [7, "hold", -1],
        "nodes": [
            {"node": "b#2", "left": 1500000, "seq": 9,
             "flows": [{"i": "spring/push", "p": "9", "c": {"acct:push": 300000}, "w": {"acct:push": 400000}}]},
            {"node": "a#1", "left": -1, "seq": 2,
             "flows": [{"i": "spring/push", "p": "5", "c": {"acct:push": 100500}, "w": {"acct:push": 100500}}]}],
        "resources": {
            "camp:spring": {"kept": 0, "counted": 0, "cap": -1, "demand": 0, "wants": 0, "order": [5, "pause", 20000]},
            "acct:push": {"kept": 400500, "counted": 400500, "cap": 1000000, "demand": 500500, "wants": 500500}}})");
}

}  // namespace

TEST_CASE("amounts come in units a second, nodes and resources by name, and what is absent stays absent") {
    const QuotaState state = quota::state_of(answer());
    CHECK(state.epoch == 3);
    CHECK(state.quiet == 250ms);
    CHECK(state.generation == 7);
    CHECK(state.leader == "b#2");
    CHECK(state.term == 4);
    CHECK(state.leader_left == 1500ms);
    CHECK(state.domain == QuotaOrder{QuotaOrder::State::hold, Rate::unlimited(), 7});
    REQUIRE(state.nodes.size() == 2);
    CHECK(state.nodes[0].name == "a#1");
    CHECK(state.nodes[0].left < Duration::zero());
    CHECK(state.nodes[1].claims[0].priority == 9);
    CHECK(state.nodes[1].claims[0].charged.at("acct:push") == 300.0);
    CHECK(state.nodes[1].claims[0].wants.at("acct:push") == 400.0);
    REQUIRE(state.resources.size() == 2);
    CHECK(state.resources[0].name == "acct:push");
    CHECK(state.resources[0].cap == Rate{1000});
    CHECK(state.resources[0].committed == 400.5);
    CHECK_FALSE(state.resources[0].order);
    CHECK_FALSE(state.resources[1].cap);
    CHECK(state.resources[1].order == QuotaOrder{QuotaOrder::State::pause, Rate{20}, 5});
    CHECK(state.differences().empty());
}

TEST_CASE("a leader whose term is over is none, and an order that only newer nodes know stops what it names") {
    json told = answer();
    told["leader"]["x"] = "5000000";
    told["domain"] = {8, "quarantine", -1};
    const QuotaState state = quota::state_of(told);
    CHECK(state.leader.empty());
    CHECK(state.domain->state == QuotaOrder::State::hold);
}

TEST_CASE("a sum that is not what its parts add up to is told with both, a thousandth is enough") {
    json told = answer();
    told["resources"]["acct:push"]["kept"] = 400501;
    told["resources"]["camp:spring"]["demand"] = 20000;
    const auto found = quota::state_of(told).differences();
    REQUIRE(found.size() == 2);
    CHECK(found[0] == "acct:push: committed is 400.501, but the nodes' claims add up to 400.5");
    CHECK(found[1] == "camp:spring: demand is 20, but the nodes' claims add up to 0");
}
