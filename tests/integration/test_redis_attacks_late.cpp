// What is held back on its way and arrives when its time is over: requests for leases, orders.
#include <nlohmann/json.hpp>

#include "quota/redis_scripts.hpp"
#include "support/quota_by_hand.hpp"
#include "tidegate/quota/quota_state.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace tidegate::test::by_hand;
using namespace std::chrono_literals;

using State = QuotaOrder::State;

TEST_CASE("a \"go on\" that was held back and given again does not undo the pause that came after it") {
    const RedisServer server;
    RedisProxy proxy(server.port());
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(options(proxy.url(), "a"), 500, 1000));
    nodes.push_back(std::make_unique<Node>(server, "b", 500, 1000));
    open_domain(server, nodes);
    const auto both = [&](double rate) {
        return [&, rate] { return nodes[0]->rate() == rate && nodes[1]->rate() == rate; };
    };
    REQUIRE(until(nodes, both(500)));
    nodes[1]->quota->order("camp:spring", {State::pause});
    REQUIRE(until(nodes, both(0)));
    // Right after an answer, so that the order is the next to be asked.
    REQUIRE(until(nodes, [&] {
        const auto calls = nodes[0]->view().calls;
        return never(
            nodes, [&] { return nodes[0]->view().calls > calls; }, 100ms);
    }));
    proxy.set(RedisProxy::hold);
    nodes[0]->quota->order("camp:spring", {State::run});
    REQUIRE(until(nodes, [&] { return proxy.held() > 0; }));
    proxy.set(RedisProxy::pass);
    REQUIRE(until(nodes, [&] { return both(500)() && nodes[0]->view().untold.empty(); }));  // given again
    nodes[1]->quota->order("camp:spring", {State::pause});
    REQUIRE(until(nodes, both(0)));
    proxy.release();
    CHECK(never(
        nodes, [&] { return sum(nodes) > 0; }, 2s));
    CHECK(nodes[0]->view().orders.at("camp:spring").state == State::pause);
}

TEST_CASE(
    "what lets more through is taken only while whoever gave it still waits for the answer; what stops always is") {
    const RedisServer server;
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(server, "a", 500, 1000));
    open_domain(server, nodes);
    const auto order = [&](nlohmann::json request, std::int64_t ago_us) {
        request["at"] = std::to_string(server.clock() - ago_us);
        request.update({{"subject", "camp:spring"}, {"patience", 1'000'000}, {"gen", 0}, {"replicas", 0}, {"lag", 2}});
        const auto reply = server.ask({"EVAL", quota::order_script(), "1", quota::hash_key("test"), request.dump(),
                                       quota::control_channel("test")});
        REQUIRE_MESSAGE(!reply.is_error(), reply.text);
        return nlohmann::json::parse(reply.text);
    };
    const auto late = [](const nlohmann::json& answer) { return answer.value("refused", "") == "late"; };
    for (const std::int64_t ago :
         std::initializer_list<std::int64_t>{-3'600'000'000, -2'000'000, 2'000'000, 3'600'000'000}) {
        CHECK(late(order({{"state", "run"}}, ago)));
        CHECK(late(order({{"state", "run"}, {"rate", 5000}}, ago)));
        CHECK(late(order({{"rate", 5000}}, ago)));
        CHECK_FALSE(late(order({{"state", "pause"}}, ago)));
        CHECK_FALSE(late(order({{"state", "hold"}, {"rate", 5000}}, ago)));
    }
    CHECK_FALSE(late(order({{"state", "run"}}, 0)));
    CHECK_FALSE(late(order({{"rate", 5000}}, 0)));
    // From outside it is one call, whatever it takes.
    CHECK(send_quota_order(options(server.url(), "operator"), "camp:spring", {.state = State::run}, 5s));
    const auto state = read_quota_state(options(server.url(), "operator"), {"camp:spring"}, 5s);
    REQUIRE(state);
    CHECK(server.ask({"HGET", quota::hash_key("test"), "S:camp:spring"}).text.find(" run 5000") != std::string::npos);
    CHECK_FALSE(late(order({{"state", "abort"}}, 3'600'000'000)));
}

TEST_CASE(
    "a request that arrives after its lease: of a node that lives nothing, of one that is gone a claim that ends") {
    const RedisServer server;
    RedisProxy of_living(server.port()), of_dead(server.port());
    Nodes nodes;
    nodes.push_back(std::make_unique<Node>(options(of_living.url(), "lives"), 5000, 1000));
    nodes.push_back(std::make_unique<Node>(options(of_dead.url(), "dies"), 5000, 1000));
    open_domain(server, nodes);
    double worst = 0;
    const auto watch = [&] { worst = std::max(worst, sum(nodes)); };
    const auto all_to_the_living = [&] { return nodes[0]->rate() == 1000.0; };
    REQUIRE(until(
        nodes, [&] { return std::abs(nodes[0]->rate() - 500) < 1 && nodes[1]->rate() > 499; }, watch));
    of_dead.set(RedisProxy::hold);
    REQUIRE(until(
        nodes, [&] { return of_dead.held() > 0; }, watch));
    nodes.pop_back();
    of_living.set(RedisProxy::hold);
    REQUIRE(until(
        nodes, [&] { return of_living.held() > 0; }, watch));
    of_living.set(RedisProxy::pass);
    REQUIRE(until(nodes, all_to_the_living, watch));
    // Longer than a lease, and not disturbed: as long as it is served, it has everything.
    const auto disturbed = [&] {
        return nodes[0]->view().trouble.empty() && nodes[0]->rate() > 0 && !all_to_the_living();
    };
    CHECK(never(nodes, disturbed, 2s));
    of_living.release();
    CHECK(never(nodes, disturbed, 1s));
    of_dead.release();
    CHECK(until(
        nodes, [&] { return std::abs(nodes[0]->rate() - 500) < 1; }, watch));
    CHECK(until(nodes, all_to_the_living, watch));
    CHECK(worst <= 1000.01);
    CHECK(nodes[0]->view().trouble.empty());
}
