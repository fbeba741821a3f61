// A first-come event over the Gate with its real threads, clock and ledger.

#include <doctest/doctest.h>

#include "support/gate_rig.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

TEST_CASE("no more than can be served are told before the instant, nobody while they are served, then everybody") {
    GateRig rig({.capacity_hint = 1000});
    Campaign campaign = GateRig::campaign("sale");
    campaign.cohorts.count = 1;
    campaign.response = {0.05, 1s, 0.8};
    campaign.impact["app"] = {3.0, 0.0};
    campaign.event.emplace();
    campaign.event->at = system_clock().wall() + 12s;
    campaign.event->rush = {.response = 0.6, .median = 500ms, .spread = 0.9, .again_share = 0.5, .again = 2s};
    const FirstCome crowd(campaign.event->rush);
    const double lot = crowd.largest_lot({.room = 900.0, .per_open = 3.0});
    REQUIRE(lot > 300);
    REQUIRE(lot < 1500);

    CampaignHandle handle = rig.start(campaign, 3000);
    while (system_clock().wall() < campaign.event->at - 500ms) std::this_thread::sleep_for(50ms);
    const double at_noon = static_cast<double>(rig.channel->attempts().size());
    MESSAGE("lot " << lot << ", told " << at_noon);
    CHECK(at_noon > 0.9 * lot);
    CHECK(at_noon <= 1.02 * lot);  // the load not ours trembles a little, and the lot with it
    const Progress held = handle.progress();
    CHECK_MESSAGE(held.reason.find("is the largest audience that can be served at the instant") != std::string::npos,
                  held.reason);
    CHECK_MESSAGE(held.reason.find("the rest are told after 2") != std::string::npos, held.reason);
    while (system_clock().wall() < campaign.event->at + 200ms) std::this_thread::sleep_for(20ms);
    const std::size_t at_instant = rig.channel->attempts().size();
    while (system_clock().wall() < campaign.event->at + 3500ms) std::this_thread::sleep_for(50ms);
    CHECK(rig.channel->attempts().size() == at_instant);  // 2 s and four medians
    CHECK(handle.progress().reason.find("the crowd of the instant is being served") != std::string::npos);

    const auto done = handle.wait(60s);
    REQUIRE(done);
    CHECK(done->exit_code == 0);
    CHECK(rig.channel->attempts().size() == 3000);
    const auto report = handle.report();
    REQUIRE(report);
    CHECK(told(*report, "event", "everybody who can be served at the instant has been told"));
    CHECK(told(*report, "event", "the instant has come"));
    CHECK(told(*report, "event", "the crowd has been served"));
}
