// Gates that share their limits through a real Redis: what they send together, and what they need for it.

#include <doctest/doctest.h>

#include <map>
#include <mutex>

#include "support/shared_node.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

TEST_CASE("two nodes send their parts of one campaign, and together they stay under the account's cap") {
    constexpr double cap = 600;
    RedisServer redis;
    Arrivals arrivals;
    SharedNode seoul("seoul", redis.url(), arrivals, cap), busan("busan", redis.url(), arrivals, cap);
    CampaignHandle one = seoul.start(SharedNode::campaign("both"), 1200),
                   two = busan.start(SharedNode::campaign("both"), 1200);
    for (const CampaignHandle& handle : {one, two}) {
        const auto result = handle.wait(60s);
        REQUIRE(result);
        CHECK(result->state == RunState::completed);
    }
    const auto first = one.report(), second = two.report();
    REQUIRE(first);
    REQUIRE(second);
    const auto whole = merge({*first, *second});
    REQUIRE(whole);
    CHECK(broken_invariants(*whole, false).empty());
    CHECK(whole->totals.outcomes[static_cast<std::size_t>(Final::accepted)] == 2400);
    CHECK(arrivals.count() == 2400);
    CHECK(arrivals.different() == 2400);
    const std::size_t busiest = arrivals.busiest_second();
    MESSAGE("busiest second: " << busiest);
    CHECK(busiest <= cap * 1.02 + 2 * cap * 0.02);
}

TEST_CASE("what is tried again is paid for again: attempts, not messages, stay under the cap") {
    constexpr double cap = 400;
    RedisServer redis;
    Arrivals arrivals;
    // Every other attempt fails, a recipient's third never: nobody is given up, and the provider does not look down.
    const auto busy = [] {
        struct Tries {
            std::mutex mutex;
            std::map<std::string, int> by_address;
            int all = 0;
        };
        return [tries = std::make_shared<Tries>()](const Attempt& attempt) -> Outcome {
            const std::lock_guard lock(tries->mutex);
            const bool fails = ++tries->all % 2 == 0 && ++tries->by_address[attempt.address] <= 2;
            return fails ? not_sent("busy") : accepted();
        };
    };
    SharedNode seoul("seoul", redis.url(), arrivals, cap, 5min, busy()),
        busan("busan", redis.url(), arrivals, cap, 5min, busy());
    const CampaignHandle one = seoul.start(SharedNode::campaign("both"), 250),
                         two = busan.start(SharedNode::campaign("both"), 250);
    for (const CampaignHandle& handle : {one, two}) {
        const auto result = handle.wait(60s);
        REQUIRE(result);
        CHECK(result->state == RunState::completed);
        CHECK(accepted_of(handle) == 250);
    }
    CHECK(arrivals.different() == 500);
    CHECK(arrivals.count() > 750);
    const std::size_t busiest = arrivals.busiest_second();
    MESSAGE("busiest second: " << busiest);
    CHECK(busiest <= cap * 1.02 + 2 * cap * 0.02);
}

TEST_CASE(
    "a node that is alone has the whole cap; one that comes later gets its half, and one that leaves gives it back") {
    constexpr double cap = 400;
    RedisServer redis;
    Arrivals arrivals, late;
    SharedNode seoul("seoul", redis.url(), arrivals, cap), busan("busan", redis.url(), late, cap);
    CHECK(busan.gate->quota()->reachable);  // although it has had nothing to ask yet
    CampaignHandle one = seoul.start(SharedNode::campaign("long"), 100000);
    const auto rate_of = [](const CampaignHandle& handle) { return handle.progress().allowed; };
    CHECK(within(20s, [&] { return rate_of(one) > 0.95 * cap; }));
    CampaignHandle two = busan.start(SharedNode::campaign("other"), 100000);
    CHECK(within(20s, [&] { return std::abs(rate_of(one) - cap / 2) < 20 && std::abs(rate_of(two) - cap / 2) < 20; }));
    two.stop(system_clock().now() + 1s);
    REQUIRE(two.wait(10s));
    CHECK(within(20s, [&] { return rate_of(one) > 0.95 * cap; }));
    // A pause gives the share away, too.
    one.pause();
    CHECK(within(10s, [&] { return one.progress().reason == "paused by the operator"; }));
}

TEST_CASE("Redis that is down or refuses at the start is told before anything is sent") {
    Site site;
    ChannelOptions push;
    push.name = "push";
    site.channels.push_back(push);
    site.quota = QuotaOptions{};
    site.quota->store.domain = "test";
    GateOptions options;
    options.quota_patience = 300ms;
    ChannelTraits traits;
    traits.kind = "custom";
    traits.address_type = "push";
    options.channels["push"] = std::make_shared<testing::ScriptedChannel>(traits);
    const auto fault = [&](const std::string& redis, const std::string& password = {}) {
        site.quota->store.redis = redis;
        site.quota->store.password = password.empty() ? Secret() : Secret(password);
        auto opened = Gate::open(site, system_clock(), options);
        REQUIRE_FALSE(opened);
        REQUIRE(opened.error().size() == 1);
        CHECK(opened.error().front().text().find("hunter2") == std::string::npos);
        CHECK(opened.error().front().where == "quota.redis");
        return opened.error().front().what;
    };
    CHECK_FALSE(fault("redis://127.0.0.1:" + std::to_string(free_port())).empty());
    RedisServer redis;
    redis.ask({"CONFIG", "SET", "requirepass", "right"});
    CHECK_FALSE(fault(redis.url(), "hunter2hunter2").empty());

    // A rehearsal asks nobody.
    site.quota->store.redis = "redis://127.0.0.1:1";
    options.dry_run = true;
    CHECK(Gate::open(site, system_clock(), options));
}

TEST_CASE("without a shared quota nothing of it is there: one process, its own limits, its own lock") {
    const TempDir dir;
    Site site;
    site.backends.push_back(SharedNode::app());
    GateOptions options;
    options.lock_dir = dir.path();
    const auto first = Gate::open(site, system_clock(), options);
    REQUIRE(first);
    CHECK_FALSE((*first)->quota());
    const auto none = (*first)->hold_domain(true);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::refused);
    const auto second = Gate::open(site, system_clock(), options);
    REQUIRE_FALSE(second);
    CHECK(second.error().front().text().find("app") != std::string::npos);
}
