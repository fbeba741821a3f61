// What an operator orders at one node, seen from another.

#include <doctest/doctest.h>

#include "support/redis_proxy.hpp"
#include "support/shared_node.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

TEST_CASE("pause, rate, resume and hold at one node reach the other at once") {
    constexpr double cap = 300;
    RedisServer redis;
    Arrivals here, there;
    SharedNode seoul("seoul", redis.url(), here, cap), busan("busan", redis.url(), there, cap);
    const Campaign both = SharedNode::campaign("both");
    CampaignHandle one = seoul.start(both, 100000), two = busan.start(both, 100000);
    REQUIRE(within(20s, [&] { return here.count() > 50 && there.count() > 50; }));

    one.pause("kim");
    CHECK(within(10s, [&] { return two.progress().paused; }));
    CHECK(within(10s, [&] { return two.progress().reason == "paused by an order of the domain"; }));
    std::this_thread::sleep_for(100ms);
    const std::size_t paused_at = there.count();
    std::this_thread::sleep_for(500ms);
    CHECK(there.count() == paused_at);

    two.resume("lee");
    CHECK(within(10s, [&] { return !one.progress().paused && there.count() > paused_at + 20; }));

    two.set_rate(Rate{100}, "lee");
    const auto sum = [&] { return one.progress().allowed + two.progress().allowed; };
    CHECK(within(20s, [&] { return sum() > 50 && sum() <= 100.5; }));
    two.set_rate(std::nullopt, "lee");
    CHECK(within(20s, [&] { return sum() > 250; }));

    REQUIRE(seoul.gate->hold("app", true, "kim"));
    CHECK(within(10s, [&] { return busan.gate->backends().front().held_by_operator; }));
    REQUIRE(busan.gate->hold("app", false, "lee"));
    CHECK(within(10s, [&] { return !seoul.gate->backends().front().held_by_operator; }));
}

TEST_CASE("an abort at one node is final at every other, also at one that comes after Redis has forgotten everything") {
    RedisServer redis;
    Arrivals arrivals;
    SharedNode seoul("seoul", redis.url(), arrivals, 300), busan("busan", redis.url(), arrivals, 300);
    const Campaign doomed = SharedNode::campaign("doomed");
    CampaignHandle one = seoul.start(doomed, 100000), two = busan.start(doomed, 100000);
    CampaignHandle other = busan.start(SharedNode::campaign("other"), 100000);
    REQUIRE(within(20s, [&] { return accepted_of(one) > 20 && accepted_of(two) > 20; }));
    CHECK(one.abort("kim"));
    for (const CampaignHandle& handle : {one, two}) {
        const auto result = handle.wait(20s);
        REQUIRE(result);
        CHECK(result->state == RunState::aborted);
        CHECK(result->exit_code == 3);
    }
    VectorAudience audience({"key", "address"}, {});
    RunOptions options;
    options.ledger_dir = busan.dir.file("ledger");
    CHECK_FALSE(busan.gate->start(doomed, audience, options));

    redis.ask({"FLUSHALL"});
    const std::size_t before = accepted_of(other);
    REQUIRE(within(30s, [&] { return accepted_of(other) > before + 60; }));
    SharedNode daegu("daegu", redis.url(), arrivals, 300);
    const auto late = daegu.start(doomed, 1000).wait(20s);
    REQUIRE(late);
    CHECK(late->state == RunState::aborted);
    CHECK(late->exit_code == 3);
}

TEST_CASE("an order given while Redis is away acts here at once and elsewhere when it is back") {
    RedisServer redis;
    Arrivals here, there;
    SharedNode seoul("seoul", redis.url(), here, 300), busan("busan", redis.url(), there, 300);
    const Campaign both = SharedNode::campaign("both");
    CampaignHandle one = seoul.start(both, 100000), two = busan.start(both, 100000);
    REQUIRE(within(20s, [&] { return here.count() > 50 && there.count() > 50; }));
    redis.kill();
    one.pause("kim");
    CHECK(within(5s, [&] { return one.progress().reason == "paused by the operator"; }));
    CHECK_FALSE(two.progress().paused);
    redis.restart();
    CHECK(within(30s, [&] { return two.progress().paused; }));
}

TEST_CASE("a rate ordered at a node that is cut off does not take back the pause that it has not heard of") {
    RedisServer redis;
    RedisProxy proxy(redis.port());
    Arrivals here, there;
    SharedNode seoul("seoul", proxy.url(), here, 300), busan("busan", redis.url(), there, 300);
    const Campaign both = SharedNode::campaign("both");
    CampaignHandle one = seoul.start(both, 100000), two = busan.start(both, 100000);
    REQUIRE(within(20s, [&] { return here.count() > 50 && there.count() > 50; }));
    proxy.set(RedisProxy::hold);
    REQUIRE(within(20s, [&] { return !seoul.gate->quota()->reachable; }));
    two.pause("kim");
    REQUIRE(within(10s, [&] { return busan.gate->quota()->untold.empty() && two.progress().paused; }));
    CHECK_FALSE(one.progress().paused);
    one.set_rate(Rate{50}, "lee");
    proxy.set(RedisProxy::pass);
    CHECK(within(30s, [&] { return one.progress().paused && seoul.gate->quota()->untold.empty(); }));
    CHECK(within(30s, [&] {
        const auto seen = busan.gate->quota();
        const auto order = seen->orders.find("camp:both");
        return order != seen->orders.end() && order->second.rate == Rate{50};
    }));
    CHECK(two.progress().paused);
}

TEST_CASE("an order that is given just before its node ends still reaches the others") {
    RedisServer redis;
    Arrivals here, there;
    SharedNode seoul("seoul", redis.url(), here, 300), busan("busan", redis.url(), there, 300);
    const Campaign both = SharedNode::campaign("both");
    CampaignHandle one = seoul.start(both, 100000), two = busan.start(both, 100000);
    REQUIRE(within(20s, [&] { return here.count() > 20 && there.count() > 20; }));
    CHECK(one.abort("kim"));
    seoul.gate.reset();
    const auto result = two.wait(20s);
    REQUIRE(result);
    CHECK(result->state == RunState::aborted);
    CHECK(result->why == "aborted by an order of the domain");
}

TEST_CASE("the whole domain can be held and freed from any node, also for campaigns that start meanwhile") {
    RedisServer redis;
    Arrivals here, there;
    SharedNode seoul("seoul", redis.url(), here, 300), busan("busan", redis.url(), there, 300);
    CampaignHandle one = seoul.start(SharedNode::campaign("one"), 100000);
    REQUIRE(within(20s, [&] { return here.count() > 50; }));
    REQUIRE(busan.gate->hold_domain(true, "kim"));
    CHECK(within(10s, [&] { return one.progress().reason == "the whole domain is held by the operator"; }));
    CampaignHandle two = busan.start(SharedNode::campaign("two"), 100000);
    std::this_thread::sleep_for(100ms);
    const std::size_t held_at = here.count();
    std::this_thread::sleep_for(700ms);
    CHECK(here.count() == held_at);
    CHECK(there.count() == 0);
    REQUIRE(seoul.gate->hold_domain(false, "lee"));
    CHECK(within(20s, [&] { return here.count() > held_at + 20 && there.count() > 20; }));
}
