// A first-come event over the Gate with its real threads, clock and ledger.

#include <doctest/doctest.h>

#include <algorithm>

#include "support/live_backend.hpp"
#include "support/temp_dir.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/testing/scripted_channel.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

CampaignHandle start(Gate& gate, const Campaign& campaign, const TempDir& dir) {
    std::vector<std::vector<std::string>> rows;
    for (int i = 0; i < 3000; ++i) rows.push_back({std::to_string(i), "@" + std::to_string(i)});
    VectorAudience people({"key", "address"}, std::move(rows));
    RunOptions options;
    options.ledger_dir = dir.file("ledger");
    auto started = gate.start(campaign, people, options);
    if (!started) FAIL(started.error().front().text());
    return *started;
}

}  // namespace

TEST_CASE("no more than can be served are told before the instant, nobody while they are served, then everybody") {
    TempDir dir;
    LiveBackend backend;  // 100 requests/s
    ChannelTraits traits;
    traits.kind = "custom";
    traits.address_type = "push";
    auto channel = std::make_shared<testing::ScriptedChannel>(traits);
    Site site;
    Backend guarded;
    guarded.limits.name = "app";
    guarded.limits.max_age = 2s;
    guarded.limits.capacity_hint = 1000;
    guarded.signal = PushSignal{100ms};
    site.backends.push_back(guarded);
    ChannelOptions hook;
    hook.name = "push";
    site.channels.push_back(hook);
    GateOptions gate_options;
    gate_options.lock_dir = dir.path();
    gate_options.channels["push"] = channel;
    gate_options.sensors["app"] = backend.sensor();
    auto gate = Gate::open(site, system_clock(), gate_options);
    REQUIRE(gate);

    Campaign campaign;
    campaign.id = "sale";
    campaign.purpose = Purpose::informational;
    campaign.message.body = "at noon";
    campaign.audience.addresses = {{"push", "address"}};
    campaign.send = {{"push", false}};
    campaign.cohorts.count = 1;
    campaign.cohorts.gap = 0s;
    campaign.response = {0.05, 1s, 0.8};
    campaign.impact["app"] = {3.0, 0.0};
    campaign.event.emplace();
    campaign.event->at = system_clock().wall() + 12s;
    campaign.event->rush = {.response = 0.6, .median = 500ms, .spread = 0.9, .again_share = 0.5, .again = 2s};
    const FirstCome crowd(campaign.event->rush);
    const double lot = crowd.largest_lot({.room = 900.0, .per_open = 3.0});
    REQUIRE(lot > 300);
    REQUIRE(lot < 1500);

    CampaignHandle handle = start(**gate, campaign, dir);
    while (system_clock().wall() < campaign.event->at - 500ms) std::this_thread::sleep_for(50ms);
    const double told = static_cast<double>(channel->attempts().size());
    MESSAGE("lot " << lot << ", told " << told);
    CHECK(told > 0.9 * lot);
    CHECK(told <= 1.02 * lot);  // the load not ours trembles a little, and the lot with it
    const Progress held = handle.progress();
    CHECK_MESSAGE(held.reason.find("is the largest audience that can be served at the instant") != std::string::npos,
                  held.reason);
    CHECK_MESSAGE(held.reason.find("the rest are told after 2") != std::string::npos, held.reason);
    while (system_clock().wall() < campaign.event->at + 200ms) std::this_thread::sleep_for(20ms);
    const std::size_t at_instant = channel->attempts().size();
    while (system_clock().wall() < campaign.event->at + 3500ms) std::this_thread::sleep_for(50ms);
    CHECK(channel->attempts().size() == at_instant);  // 2 s and four medians
    CHECK(handle.progress().reason.find("the crowd of the instant is being served") != std::string::npos);

    const auto done = handle.wait(60s);
    REQUIRE(done);
    CHECK(done->exit_code == 0);
    CHECK(channel->attempts().size() == 3000);
    const auto report = handle.report();
    REQUIRE(report);
    const auto told_of = [&](const std::string& part) {
        return std::any_of(report->events.begin(), report->events.end(), [&](const EventRecord& event) {
            return event.kind == "event" && event.detail.find(part) != std::string::npos;
        });
    };
    CHECK(told_of("everybody who can be served at the instant has been told"));
    CHECK(told_of("the instant has come"));
    CHECK(told_of("the crowd has been served"));
}
