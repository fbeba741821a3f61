// The Gate with its real threads, clock and ledger; only the network is scripted.

#include <doctest/doctest.h>

#include <set>

#include "support/gate_rig.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;
using testing::ScriptedChannel;

namespace {

RunReport report_of(const CampaignHandle& handle) {
    auto report = handle.report();
    REQUIRE(report);
    for (const std::string& broken : broken_invariants(*report, false)) FAIL_CHECK(broken);
    return *report;
}

std::uint64_t count(const RunReport& report, Final outcome) {
    return report.totals.outcomes[static_cast<std::size_t>(outcome)];
}

template <class Condition>
bool within(std::chrono::milliseconds limit, Condition condition) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        if (condition()) return true;
        std::this_thread::sleep_for(10ms);
    }
    return condition();
}

}  // namespace

TEST_CASE("everyone gets it once and the report adds up") {
    GateRig bench;
    CampaignHandle handle = bench.start(bench.campaign("all"), 3000);
    const auto result = handle.wait(30s);
    REQUIRE(result);
    CHECK(result->state == RunState::completed);
    CHECK(result->exit_code == 0);
    const RunReport report = report_of(handle);
    CHECK(count(report, Final::accepted) == 3000);
    CHECK(report.totals.attempts == 3000);
    const auto counts = bench.channel->counts();
    CHECK(counts.size() == 3000);
    for (const auto& [address, times] : counts) CHECK(times == 1);
}

TEST_CASE("a campaign that completed resumes to nothing and stays complete") {
    GateRig bench;
    const Campaign campaign = bench.campaign("again");
    REQUIRE(bench.start(campaign, 200).wait(20s));
    CampaignHandle second = bench.start(campaign, 200);
    const auto result = second.wait(10s);
    REQUIRE(result);
    CHECK(result->state == RunState::completed);
    CHECK(bench.channel->attempts().size() == 200);
}

TEST_CASE("when telemetry stops the sends stop within max_age + 1 s, and they resume by themselves") {
    GateRig bench;
    Campaign campaign = bench.campaign("stale");
    campaign.per_second = Rate{300};
    CampaignHandle handle = bench.start(campaign, 3000);
    REQUIRE(within(5s, [&] { return bench.channel->attempts().size() > 100; }));
    bench.backend.silent(true);
    std::this_thread::sleep_for(2s);
    const std::size_t at_limit = bench.channel->attempts().size();
    std::this_thread::sleep_for(1s);
    CHECK(bench.channel->attempts().size() == at_limit);
    CHECK(at_limit < 3000);
    CHECK(handle.progress().reason.find("app") != std::string::npos);
    bench.backend.silent(false);
    const auto result = handle.wait(40s);
    REQUIRE(result);
    CHECK(result->state == RunState::completed);
    const RunReport report = report_of(handle);
    const bool named = std::any_of(report.holds.begin(), report.holds.end(), [](const HoldRecord& hold) {
        return hold.backend == "app" && hold.signal == "telemetry" && hold.to && *hold.to - hold.from > 500ms;
    });
    CHECK(named);
}

TEST_CASE("a breach of the SLO stops the sends and the hold is on record") {
    GateRig bench;
    Campaign campaign = bench.campaign("breach");
    campaign.per_second = Rate{300};
    CampaignHandle handle = bench.start(campaign, 100000);
    REQUIRE(within(5s, [&] { return bench.channel->attempts().size() > 100; }));
    bench.backend.p99_ms(900);
    std::this_thread::sleep_for(1s);
    const std::size_t stopped = bench.channel->attempts().size();
    std::this_thread::sleep_for(500ms);
    CHECK(bench.channel->attempts().size() == stopped);
    bench.backend.p99_ms(20);
    CHECK(within(15s, [&] { return bench.channel->attempts().size() > stopped; }));
    handle.stop(system_clock().now() + 2s);
    REQUIRE(handle.wait(5s));
    const RunReport report = report_of(handle);
    REQUIRE(report.backends.size() == 1);
    CHECK(report.backends[0].worst_p99_s > 0.8);
    CHECK(report.backends[0].seconds_over_slo > 0.5);
}

TEST_CASE("pause stops within 200 ms, a rate holds, stop ends with 3 and a run later finishes the rest") {
    GateRig bench;
    Campaign campaign = bench.campaign("stop");
    campaign.per_second = Rate{500};
    CampaignHandle handle = bench.start(campaign, 2000);
    REQUIRE(within(5s, [&] { return bench.channel->attempts().size() > 50; }));
    handle.pause("kim");
    std::this_thread::sleep_for(200ms);
    const std::size_t paused = bench.channel->attempts().size();
    std::this_thread::sleep_for(500ms);
    CHECK(bench.channel->attempts().size() == paused);
    CHECK(handle.progress().paused);
    handle.set_rate(Rate{50}, "kim");
    handle.resume("kim");
    std::this_thread::sleep_for(2s);
    CHECK(bench.channel->attempts().size() - paused <= 50 * 2.3 + 5);
    handle.stop(system_clock().now() + 5s, "kim");
    const auto stopped = handle.wait(6s);
    REQUIRE(stopped);
    CHECK(stopped->state == RunState::stopped);
    CHECK(stopped->exit_code == 3);
    CHECK(count(report_of(handle), Final::pending) > 0);

    campaign.per_second = Rate::unlimited();
    CampaignHandle rest = bench.start(campaign, 2000);
    REQUIRE(rest.wait(30s));
    CHECK(count(report_of(rest), Final::accepted) == 2000);
    for (const auto& [address, times] : bench.channel->counts()) CHECK(times == 1);
}

TEST_CASE("abort is final: the ledger refuses to run again") {
    GateRig bench;
    Campaign campaign = bench.campaign("abort");
    campaign.per_second = Rate{100};
    CampaignHandle handle = bench.start(campaign, 2000);
    REQUIRE(within(5s, [&] { return bench.channel->attempts().size() > 10; }));
    handle.abort("kim");
    const auto result = handle.wait(10s);
    REQUIRE(result);
    CHECK(result->state == RunState::aborted);
    CHECK(result->exit_code == 3);
    VectorAudience audience = VectorAudience::of(2000);
    auto again = bench.gate->start(campaign, audience, bench.options());
    REQUIRE_FALSE(again);
    CHECK(again.error().front().what.find("aborted") != std::string::npos);
}

TEST_CASE("changed content is refused by name, and nothing is sent") {
    GateRig bench;
    Campaign campaign = bench.campaign("changed");
    REQUIRE(bench.start(campaign, 100).wait(20s));
    const std::size_t before = bench.channel->attempts().size();
    campaign.message.body = "something else";
    VectorAudience audience = VectorAudience::of(100);
    auto message = bench.gate->start(campaign, audience, bench.options());
    REQUIRE_FALSE(message);
    CHECK(message.error().front().what.find("body") != std::string::npos);
    campaign.message.body = "hello";
    VectorAudience other = VectorAudience::of(101);
    auto people = bench.gate->start(campaign, other, bench.options());
    REQUIRE_FALSE(people);
    CHECK(people.error().front().what.find("audience") != std::string::npos);
    CHECK(bench.channel->attempts().size() == before);
}

TEST_CASE("the red button stops everything that loads the backend until it is lifted") {
    GateRig bench;
    Campaign campaign = bench.campaign("red");
    campaign.per_second = Rate{300};
    CampaignHandle handle = bench.start(campaign, 1500);
    REQUIRE(within(5s, [&] { return bench.channel->attempts().size() > 50; }));
    REQUIRE(bench.gate->hold("app", true, "kim"));
    std::this_thread::sleep_for(400ms);
    const std::size_t held = bench.channel->attempts().size();
    std::this_thread::sleep_for(600ms);
    CHECK(bench.channel->attempts().size() == held);
    CHECK_FALSE(bench.gate->hold("nobody", true));
    REQUIRE(bench.gate->hold("app", false, "kim"));
    REQUIRE(handle.wait(30s));
    CHECK(count(report_of(handle), Final::accepted) == 1500);
}

TEST_CASE("transient answers are retried, dead addresses fail over, doubt follows the policy") {
    std::mutex mutex;
    std::map<std::string, int> tries;
    GateRig bench({.script = [&](const Attempt& attempt) -> Outcome {
                       const std::lock_guard lock(mutex);
                       const int n = ++tries[attempt.address];
                       if (attempt.address == "a1" && n == 1) return not_sent("refused");
                       if (attempt.address == "a2") {
                           Outcome gone;
                           gone.kind = OutcomeClass::invalid_recipient;
                           gone.reason = Reason::gone;
                           return gone;
                       }
                       if (attempt.address == "a3" && n == 1) return ambiguous("no answer");
                       return accepted();
                   },
                   .more_channels = {"second"}});
    Campaign campaign = bench.campaign("routes");
    campaign.send = {{"push", false}, {"second", false}};
    campaign.audience.addresses = {{"push", "address"}, {"second", "key"}};
    CampaignHandle handle = bench.start(campaign, 10);
    REQUIRE(handle.wait(20s));
    const RunReport report = report_of(handle);
    CHECK(count(report, Final::accepted) == 10);
    CHECK(report.totals.deliveries == 11);
    CHECK(report.totals.attempts == 13);
    CHECK(tries["a1"] == 2);
    CHECK(tries["a3"] == 2);
}

TEST_CASE("a stop between two deliveries of one recipient neither repeats the first nor forgets the second") {
    GateRig bench({.more_channels = {"second"}});
    bench.others["second"]->set_capacity(0);
    Campaign campaign = bench.campaign("siblings");
    campaign.send = {{"push", false}, {"second", true}};
    campaign.audience.addresses = {{"push", "address"}, {"second", "key"}};
    CampaignHandle handle = bench.start(campaign, 50);
    REQUIRE(within(10s, [&] { return bench.channel->attempts().size() == 50; }));
    std::this_thread::sleep_for(200ms);
    handle.stop(system_clock().now() + 2s);
    REQUIRE(handle.wait(5s));
    CHECK(count(report_of(handle), Final::pending) == 50);

    bench.others["second"]->set_capacity(500);
    CampaignHandle rest = bench.start(campaign, 50);
    REQUIRE(rest.wait(20s));
    CHECK(count(report_of(rest), Final::accepted) == 50);
    CHECK(bench.channel->attempts().size() == 50);
    CHECK(bench.others["second"]->attempts().size() == 50);
}

TEST_CASE("a dead channel does not keep the others waiting") {
    GateRig bench({.more_channels = {"second"}});
    bench.channel->set_capacity(0);
    Campaign campaign = bench.campaign("dead");
    campaign.audience.addresses = {{"push", "address"}, {"second", "other"}};
    campaign.send = {{"push", false}, {"second", false}};
    std::vector<std::vector<std::string>> rows;
    for (int i = 0; i < 4000; ++i) {
        const std::string n = std::to_string(i);
        rows.push_back({"k" + n, i % 2 == 0 ? "a" + n : "", i % 2 == 0 ? "" : "b" + n});
    }
    VectorAudience audience({"key", "address", "other"}, rows);
    auto handle = bench.gate->start(campaign, audience, bench.options());
    REQUIRE(handle);
    CHECK(within(20s, [&] { return bench.others["second"]->attempts().size() == 2000; }));
    bench.channel->set_capacity(500);
    REQUIRE(handle->wait(20s));
    CHECK(count(report_of(*handle), Final::accepted) == 4000);
}

TEST_CASE("an outage of the provider costs patience, not recipients") {
    std::atomic<bool> down{true};
    GateRig bench([&](const Attempt&) { return down ? not_sent("refused") : accepted(); });
    CampaignHandle handle = bench.start(bench.campaign("outage"), 2000);
    std::this_thread::sleep_for(4s);
    CHECK(bench.channel->attempts().size() < 1500);  // not everybody's tries are burnt
    down = false;
    REQUIRE(handle.wait(60s));
    CHECK(count(report_of(handle), Final::accepted) == 2000);
}

TEST_CASE("an abort while the run is already ending is final all the same") {
    GateRig bench;
    bench.channel->hold(true);  // what is in flight stays unanswered
    Campaign campaign = bench.campaign("late-abort");
    CampaignHandle handle = bench.start(campaign, 100);
    REQUIRE(within(5s, [&] { return !bench.channel->attempts().empty(); }));
    handle.stop(system_clock().now() + 3s);
    std::this_thread::sleep_for(300ms);
    CHECK(handle.abort("kim"));
    const auto result = handle.wait(8s);
    REQUIRE(result);
    CHECK(result->state == RunState::aborted);
    VectorAudience audience = VectorAudience::of(100);
    CHECK_FALSE(bench.gate->start(campaign, audience, bench.options()));
}

TEST_CASE("a callback of the host's that throws holds the campaign and takes nothing down") {
    class Thrower final : public SuppressionSource {
      public:
        bool suppressed(std::string_view) const override {
            if (broken) throw 42;
            return false;
        }
        Result<void> refresh() override { return {}; }
        std::atomic<bool> broken{true};
    };
    GateRig bench;
    auto list = std::make_shared<Thrower>();
    VectorAudience audience = VectorAudience::of(50);
    RunOptions options = bench.options();
    options.suppression = list;
    auto handle = bench.gate->start(bench.campaign("throws"), audience, options);
    REQUIRE(handle);
    std::this_thread::sleep_for(1500ms);
    CHECK(bench.channel->attempts().empty());
    list->broken = false;
    REQUIRE(handle->wait(20s));
    CHECK(count(report_of(*handle), Final::accepted) == 50);
}

TEST_CASE("a limit that covers everyone ends as completed, a smaller one with 4") {
    GateRig bench;
    const auto run = [&](const std::string& id, std::uint64_t limit) {
        VectorAudience audience = VectorAudience::of(30);
        RunOptions options = bench.options();
        options.limit = limit;
        auto handle = bench.gate->start(bench.campaign(id), audience, options);
        REQUIRE(handle);
        const auto result = handle->wait(20s);
        REQUIRE(result);
        return *result;
    };
    CHECK(run("whole", 30).exit_code == 0);
    CHECK(run("part", 10).exit_code == 4);
    CHECK(run("part", 10).exit_code == 4);
    CHECK(bench.channel->attempts().size() == 40);
    CHECK(run("part", 0).exit_code == 0);
}

TEST_CASE("with on_unknown never a doubtful message is not repeated") {
    GateRig bench([](const Attempt&) { return ambiguous("no answer"); });
    Campaign campaign = bench.campaign("never");
    campaign.on_unknown = OnUnknown::never;
    CampaignHandle handle = bench.start(campaign, 20);
    REQUIRE(handle.wait(20s));
    CHECK(count(report_of(handle), Final::unknown) == 20);
    for (const auto& [address, times] : bench.channel->counts()) CHECK(times == 1);
}

TEST_CASE("a broken credential stops the campaign with 4 before the list burns, and nobody is lost") {
    GateRig bench([](const Attempt&) {
        Outcome refused;
        refused.kind = OutcomeClass::rejected;
        refused.reason = Reason::credential;
        refused.scope = Scope::account;
        refused.pause_account = true;
        return refused;
    });
    CampaignHandle handle = bench.start(bench.campaign("credential"), 5000);
    const auto result = handle.wait(30s);
    REQUIRE(result);
    CHECK(result->exit_code == 4);
    CHECK(result->why.find("push") != std::string::npos);
    const RunReport report = report_of(handle);
    CHECK(count(report, Final::pending) == 5000);
    CHECK(bench.channel->attempts().size() < 1000);
}

TEST_CASE("suppressed people are never sent to, also when they refuse while it runs") {
    class List final : public SuppressionSource {
      public:
        bool suppressed(std::string_view identity) const override {
            const std::lock_guard lock(mutex_);
            return names_.contains(std::string(identity));
        }
        Result<void> refresh() override { return {}; }
        void add(std::string name) {
            const std::lock_guard lock(mutex_);
            names_.insert(std::move(name));
        }

      private:
        mutable std::mutex mutex_;
        std::set<std::string> names_;
    };
    GateRig bench;
    auto list = std::make_shared<List>();
    list->add("k5");
    list->add("a6");
    Campaign campaign = bench.campaign("refusals");
    campaign.per_second = Rate{200};
    campaign.cohorts.count = 1;
    VectorAudience audience = VectorAudience::of(1000);
    RunOptions options = bench.options();
    options.suppression = list;
    auto handle = bench.gate->start(campaign, audience, options);
    REQUIRE(handle);
    REQUIRE(within(10s, [&] { return bench.channel->attempts().size() > 100; }));
    // Whoever has not been sent to yet refuses now.
    const auto sent = bench.channel->counts();
    std::size_t refused = 2;
    for (int i = 1; i <= 1000; ++i) {
        const std::string n = std::to_string(i);
        if (i % 2 == 0 && i != 6 && !sent.contains("a" + n)) {
            list->add("k" + n);
            ++refused;
        }
    }
    REQUIRE(handle->wait(40s));
    const RunReport report = report_of(*handle);
    CHECK(bench.channel->counts().contains("a5") == false);
    CHECK(bench.channel->counts().contains("a6") == false);
    // A few may have been on their way while the list was being filled.
    CHECK(count(report, Final::suppressed) >= refused - 60);
    CHECK(count(report, Final::suppressed) + count(report, Final::accepted) == 1000);
}

TEST_CASE("a second gate on the same backend of this host is refused by name of the holder") {
    GateRig bench;
    GateOptions options;
    options.lock_dir = bench.dir.path();
    options.channels["push"] = bench.channel;
    auto second = Gate::open(bench.site, system_clock(), options);
    REQUIRE_FALSE(second);
    CHECK(second.error().front().text().find("process " + std::to_string(::getpid())) != std::string::npos);
}

TEST_CASE("an empty audience, a missing column and an unknown channel are all refused before anything is sent") {
    GateRig bench;
    VectorAudience nobody = VectorAudience::of(0);
    CHECK_FALSE(bench.gate->start(bench.campaign("nobody"), nobody, bench.options()));
    Campaign columns = bench.campaign("columns");
    columns.audience.addresses = {{"push", "adress"}};
    VectorAudience audience = VectorAudience::of(5);
    auto refused = bench.gate->start(columns, audience, bench.options());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().front().text().find("address") != std::string::npos);
    Campaign channel = bench.campaign("channel");
    channel.send = {{"pusch", false}};
    CHECK_FALSE(bench.gate->start(channel, audience, bench.options()));
    CHECK(bench.channel->attempts().empty());
    // A refused start leaves no ledger that would block the corrected one.
    CHECK(std::filesystem::is_empty(bench.dir.file("ledger")));
}
