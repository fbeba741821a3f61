// Gates that share their limits through a real Redis: what they send together, what they do without it, and how an
// order given at one of them reaches the other.

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>

#include "support/places.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/testing/scripted_channel.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

template <class Condition>
bool within(std::chrono::milliseconds limit, Condition condition) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

/// What all nodes handed over, on one clock.
class Arrivals {
  public:
    void add(const std::string& address) {
        const auto now = std::chrono::steady_clock::now();
        const std::lock_guard lock(mutex_);
        all_.emplace_back(now, address);
    }
    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return all_.size();
    }
    /// The most in any window of one second.
    std::size_t busiest_second() const {
        const std::lock_guard lock(mutex_);
        std::size_t most = 0, from = 0;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            while (all_[from].first <= all_[i].first - 1s) ++from;
            most = std::max(most, i - from + 1);
        }
        return most;
    }
    std::size_t different() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> addresses;
        for (const auto& [at, address] : all_) addresses.push_back(address);
        std::sort(addresses.begin(), addresses.end());
        return static_cast<std::size_t>(std::unique(addresses.begin(), addresses.end()) - addresses.begin());
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::pair<std::chrono::steady_clock::time_point, std::string>> all_;
};

/// One node: a gate over the account "push", with a ledger of its own.
struct Node {
    static constexpr double lease = 1.0;  // seconds; short, so that what waits for its end is short

    std::string name;
    TempDir dir;
    std::shared_ptr<testing::ScriptedChannel> channel;
    std::mutex mutex;
    std::vector<std::string> log;
    std::unique_ptr<Gate> gate;  // last: it logs to its end

    Node(const std::string& called, const std::string& redis, Arrivals& arrivals, double cap, Duration grace = 5min)
        : name(called) {
        Site site;
        ChannelOptions push;
        push.name = "push";
        push.per_second = Rate{cap};
        site.channels.push_back(push);
        site.backends.push_back(app());
        site.quota = QuotaOptions{};
        site.quota->store.redis = redis;
        site.quota->store.domain = "test";
        site.quota->store.node = name;
        site.quota->grace = grace;
        site.quota->store.rules.lease = 1s;
        site.quota->store.rules.renew = 300ms;
        ChannelTraits traits;
        traits.kind = "custom";
        traits.address_type = "push";
        traits.collapsible = true;
        channel = std::make_shared<testing::ScriptedChannel>(traits, [&arrivals](const Attempt& attempt) {
            arrivals.add(attempt.address);
            return accepted();
        });
        GateOptions options;
        options.lock_dir = dir.path();
        options.channels["push"] = channel;
        options.log = [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(mutex);
            log.emplace_back(line);
        };
        auto opened = Gate::open(site, system_clock(), options);
        if (!opened) FAIL(opened.error().front().text());
        gate = std::move(*opened);
    }

    /// Nobody watches it; only the red button can hold it.
    static Backend app() {
        Backend made;
        made.limits.name = "app";
        made.limits.capacity_hint = 1e6;
        made.limits.max_age = 1h;
        return made;
    }

    static Campaign campaign(const std::string& id) {
        Campaign made;
        made.id = id;
        made.purpose = Purpose::informational;
        made.audience.addresses = {{"push", "address"}};
        made.message.body = "hello";
        made.message.collapse = "c";
        made.send = {{"push", false}};
        made.impact["app"] = {0, 0};
        made.cohorts.count = 1;
        made.cohorts.gap = 0s;
        return made;
    }

    CampaignHandle start(const Campaign& campaign, std::size_t people) const {
        std::vector<std::vector<std::string>> rows;
        for (std::size_t i = 0; i < people; ++i)
            rows.push_back({name + std::to_string(i), name + "-" + std::to_string(i)});
        VectorAudience audience({"key", "address"}, std::move(rows));
        RunOptions options;
        options.ledger_dir = dir.file("ledger");
        auto handle = gate->start(campaign, audience, options);
        if (!handle) FAIL(handle.error().front().text());
        return *handle;
    }
};

std::uint64_t accepted_of(const CampaignHandle& handle) {
    return handle.progress().totals.outcomes[static_cast<std::size_t>(Final::accepted)];
}

}  // namespace

TEST_CASE("two nodes send their parts of one campaign, and together they stay under the account's cap") {
    constexpr double cap = 600;
    RedisServer redis;
    Arrivals arrivals;
    Node seoul("seoul", redis.url(), arrivals, cap), busan("busan", redis.url(), arrivals, cap);
    CampaignHandle one = seoul.start(Node::campaign("both"), 1200), two = busan.start(Node::campaign("both"), 1200);
    for (const CampaignHandle& handle : {one, two}) {
        const auto result = handle.wait(60s);
        REQUIRE(result);
        CHECK(result->state == RunState::completed);
    }
    CHECK(arrivals.count() == 2400);
    CHECK(arrivals.different() == 2400);
    const std::size_t busiest = arrivals.busiest_second();
    MESSAGE("busiest second: " << busiest);
    CHECK(busiest <= cap * 1.02 + 2 * cap * 0.02);
}

TEST_CASE(
    "a node that is alone has the whole cap; one that comes later gets its half, and one that leaves gives it back") {
    constexpr double cap = 400;
    RedisServer redis;
    Arrivals arrivals, late;
    Node seoul("seoul", redis.url(), arrivals, cap), busan("busan", redis.url(), late, cap);
    CampaignHandle one = seoul.start(Node::campaign("long"), 100000);
    const auto rate_of = [](const CampaignHandle& handle) { return handle.progress().allowed; };
    CHECK(within(20s, [&] { return rate_of(one) > 0.95 * cap; }));
    CampaignHandle two = busan.start(Node::campaign("other"), 100000);
    CHECK(within(20s, [&] { return std::abs(rate_of(one) - cap / 2) < 20 && std::abs(rate_of(two) - cap / 2) < 20; }));
    two.stop(system_clock().now() + 1s);
    REQUIRE(two.wait(10s));
    CHECK(within(20s, [&] { return rate_of(one) > 0.95 * cap; }));
    // A pause gives the share away, too.
    one.pause();
    CHECK(within(10s, [&] { return one.progress().reason == "paused by the operator"; }));
}

TEST_CASE(
    "without Redis a node goes on to the end of its lease, holds and says so, and goes on by itself when it is back") {
    constexpr double cap = 200;
    RedisServer redis;
    Arrivals arrivals;
    Node node("seoul", redis.url(), arrivals, cap);
    CampaignHandle run = node.start(Node::campaign("held"), 600);
    REQUIRE(within(20s, [&] { return arrivals.count() > 100; }));
    redis.kill();
    const std::size_t at_kill = arrivals.count();
    REQUIRE(within(20s, [&] { return run.progress().reason.starts_with("holding: the shared quota has been away"); }));
    const std::size_t at_hold = arrivals.count();
    CHECK(at_hold > at_kill);
    CHECK(static_cast<double>(at_hold - at_kill) <= cap * (Node::lease + 0.3) + 4);
    CHECK(run.progress().allowed == 0);
    std::this_thread::sleep_for(500ms);
    CHECK(arrivals.count() == at_hold);

    redis.restart();
    const auto result = run.wait(60s);
    REQUIRE(result);
    CHECK(result->state == RunState::completed);
    CHECK(arrivals.count() == 600);
    CHECK(arrivals.different() == 600);
    CHECK(arrivals.busiest_second() <= cap * 1.02 + 4);
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
    Node node("seoul", redis.url(), arrivals, 200, 1s);
    CampaignHandle run = node.start(Node::campaign("given-up"), 400);
    REQUIRE(within(20s, [&] { return arrivals.count() > 50; }));
    redis.kill();
    const auto result = run.wait(30s);
    REQUIRE(result);
    CHECK(result->state == RunState::incomplete);
    CHECK(result->exit_code == 5);
    CHECK(result->why.find("the shared quota was away for more than 1s") == 0);
    CHECK(arrivals.count() < 400);

    redis.restart();
    const auto again = node.start(Node::campaign("given-up"), 400).wait(60s);
    REQUIRE(again);
    CHECK(again->state == RunState::completed);
    CHECK(arrivals.count() == 400);
    CHECK(arrivals.different() == 400);
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

TEST_CASE("pause, rate, resume and hold at one node reach the other at once") {
    constexpr double cap = 300;
    RedisServer redis;
    Arrivals here, there;
    Node seoul("seoul", redis.url(), here, cap), busan("busan", redis.url(), there, cap);
    const Campaign both = Node::campaign("both");
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
    Node seoul("seoul", redis.url(), arrivals, 300), busan("busan", redis.url(), arrivals, 300);
    const Campaign doomed = Node::campaign("doomed");
    CampaignHandle one = seoul.start(doomed, 100000), two = busan.start(doomed, 100000);
    CampaignHandle other = busan.start(Node::campaign("other"), 100000);
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
    REQUIRE(within(30s, [&] { return accepted_of(other) > before + 300; }));
    Node daegu("daegu", redis.url(), arrivals, 300);
    const auto late = daegu.start(doomed, 1000).wait(20s);
    REQUIRE(late);
    CHECK(late->state == RunState::aborted);
    CHECK(late->exit_code == 3);
}

TEST_CASE("an order given while Redis is away acts here at once and elsewhere when it is back") {
    RedisServer redis;
    Arrivals here, there;
    Node seoul("seoul", redis.url(), here, 300), busan("busan", redis.url(), there, 300);
    const Campaign both = Node::campaign("both");
    CampaignHandle one = seoul.start(both, 100000), two = busan.start(both, 100000);
    REQUIRE(within(20s, [&] { return here.count() > 50 && there.count() > 50; }));
    redis.kill();
    one.pause("kim");
    CHECK(within(5s, [&] { return one.progress().reason == "paused by the operator"; }));
    CHECK_FALSE(two.progress().paused);
    redis.restart();
    CHECK(within(30s, [&] { return two.progress().paused; }));
}
