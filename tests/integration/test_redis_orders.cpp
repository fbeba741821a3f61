// Orders on their way to the store: each changes only what it names, is carried out once and undoes nothing newer.
#include <nlohmann/json.hpp>

#include "quota/redis_scripts.hpp"
#include "support/quota_by_hand.hpp"
#include "tidegate/quota/quota_state.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::by_hand;
using namespace std::chrono_literals;

using State = QuotaOrder::State;

namespace {

/// Two nodes that may use what they want.
struct Pair {
    RedisServer server;
    Nodes nodes;
    Pair() {
        nodes.push_back(std::make_unique<Node>(server, "a", 300, 1000));
        nodes.push_back(std::make_unique<Node>(server, "b", 300, 1000));
        open_domain(server, nodes);
        REQUIRE(until(nodes, [&] { return sum(nodes) == 600; }));
    }
    QuotaOrder standing(std::size_t node) const {
        const auto orders = nodes[node]->view().orders;
        const auto found = orders.find("camp:spring");
        return found == orders.end() ? QuotaOrder{} : found->second;
    }
    bool both(State state, Rate rate) {
        return until(nodes, [&] {
            return standing(0).state == state && standing(1).state == state && standing(0).rate == rate &&
                   standing(1).rate == rate;
        });
    }
};

}  // namespace

TEST_CASE("a rate ordered at a node that has not heard of another's pause leaves the pause alone") {
    Pair pair;
    pair.nodes[1]->quota->order("camp:spring", {State::pause, {}});
    pair.nodes[0]->quota->order("camp:spring", {{}, Rate{50}});  // both are on their way at once
    CHECK(pair.both(State::pause, Rate{50}));
    CHECK(sum(pair.nodes) == 0.0);
    pair.nodes[0]->quota->order("camp:spring", {State::run, {}});
    CHECK(pair.both(State::run, Rate{50}));
}

TEST_CASE("an order whose answer was lost is offered again and carried out once") {
    Pair pair;
    const auto order = [&](const char* state, const char* id) {
        const nlohmann::json request = {
            {"subject", "camp:spring"}, {"state", state}, {"id", id},      {"at", std::to_string(pair.server.clock())},
            {"patience", 10'000'000},   {"gen", 0},       {"replicas", 0}, {"lag", 2}};
        const auto reply = pair.server.ask({"EVAL", quota::order_script(), "1", quota::hash_key("test"), request.dump(),
                                            quota::control_channel("test")});
        REQUIRE_MESSAGE(!reply.is_error(), reply.text);
        return nlohmann::json::parse(reply.text);
    };
    const nlohmann::json first = order("pause", "a#1");
    CHECK(first["order"][1] == "pause");
    const nlohmann::json newer = order("run", "b#1");
    const nlohmann::json again = order("pause", "a#1");
    CHECK(again["order"] == newer["order"]);  // it is told how things stand now
    CHECK(pair.both(State::run, Rate::unlimited()));
    for (int i = 0; i < 40; ++i) order("run", ("c#" + std::to_string(i)).c_str());
    const auto kept = nlohmann::json::parse(pair.server.ask({"HGET", quota::hash_key("test"), "told"}).text);
    CHECK(kept.size() == 32);
}

TEST_CASE("a rate alone waits, after a loss of memory, until the nodes have told whether its subject is paused") {
    Pair pair;
    pair.nodes[1]->quota->order("camp:spring", {State::pause, {}});
    REQUIRE(pair.both(State::pause, Rate::unlimited()));
    pair.server.ask({"FLUSHALL"});
    const auto impatient = send_quota_order(options(pair.server.url(), "operator"), "camp:spring", {{}, Rate{70}}, 3s);
    REQUIRE_FALSE(impatient);
    CHECK(impatient.error().text().find("lost its memory") != std::string::npos);
    pair.nodes[0]->quota->order("camp:spring", {{}, Rate{50}});
    CHECK(pair.both(State::pause, Rate{50}));
    CHECK(pair.nodes[0]->view().epoch >= 2);
    CHECK(sum(pair.nodes) == 0.0);
}

TEST_CASE("a pause that is the first thing a Redis without memory hears leaves the rate as it stood") {
    Pair pair;
    pair.nodes[0]->quota->order("camp:spring", {{}, Rate{50}});
    REQUIRE(pair.both(State::run, Rate{50}));
    pair.server.ask({"FLUSHALL"});
    CHECK(send_quota_order(options(pair.server.url(), "operator"), "camp:spring", {State::pause, {}}, 5s));
    CHECK(pair.both(State::pause, Rate{50}));
    CHECK(until(pair.nodes, [&] {
        return pair.server.ask({"HGET", quota::hash_key("test"), "S:camp:spring"}).text.ends_with(" pause 50000");
    }));
    pair.nodes[1]->quota->order("camp:spring", {State::run, {}});
    CHECK(pair.both(State::run, Rate{50}));
    CHECK(until(pair.nodes, [&] { return sum(pair.nodes) > 49; }));
    CHECK(sum(pair.nodes) <= 50.001);
}

TEST_CASE("a user who may not publish gives orders that stand and arrive by the next renewal") {
    Pair pair;
    REQUIRE_FALSE(pair.server.ask({"ACL", "SETUSER", "default", "-publish"}).is_error());
    CHECK(send_quota_order(options(pair.server.url(), "operator"), "camp:spring", {State::pause, {}}, 5s));
    CHECK(pair.both(State::pause, Rate::unlimited()));
    pair.nodes[0]->quota->order("camp:spring", {State::run, {}});
    CHECK(pair.both(State::run, Rate::unlimited()));
    CHECK(until(pair.nodes, [&] { return pair.nodes[0]->view().untold.empty(); }));
}

TEST_CASE("other lease rules wait until the nodes that keep the old ones have ended, and then take over") {
    Pair pair;
    SharedQuotaOptions longer = options(pair.server.url(), "c");
    longer.rules.lease = 2s;
    Nodes next;
    next.push_back(std::make_unique<Node>(longer, 300, 1000));
    CHECK(until(
        next, [&] { return next[0]->says("rules"); },
        [&] {
            for (const auto& node : pair.nodes) node->tick();
        }));
    CHECK(until(pair.nodes, [&] { return sum(pair.nodes) == 600; }));  // they go on
    const auto epoch = pair.nodes[0]->view().epoch;
    pair.nodes.clear();
    CHECK(until(next, [&] { return next[0]->rate() == 300; }));
    CHECK(next[0]->view().epoch > epoch);
}

TEST_CASE("what hears orders follows the master that answers, though a frozen one keeps its connection") {
    RedisFamily family;
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(guarded(family.url(), "a"), 300, 1000));
    REQUIRE(until(nodes, [&] { return nodes[0]->view().reachable; }));
    const auto old = family.master_port();
    family.master.process().signal(SIGSTOP);
    REQUIRE(until(
        nodes, [&] { return family.master_port() != old; }, [] {}, 30s));
    const auto promoted = std::find_if(family.replicas.begin(), family.replicas.end(),
                                       [&](const auto& one) { return one.port() == family.master_port(); });
    REQUIRE(promoted != family.replicas.end());
    const auto listeners = [&] {
        const auto reply = promoted->ask({"PUBSUB", "NUMSUB", quota::control_channel("test")});
        return reply.items.size() == 2 ? reply.items[1].integer : 0;
    };
    CHECK(until(
        nodes, [&] { return listeners() == 1; }, [] {}, 30s));
}
