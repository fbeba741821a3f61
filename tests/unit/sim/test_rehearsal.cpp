#include <doctest/doctest.h>

#include "tidegate/sim/rehearsal.hpp"

using namespace tidegate;

namespace {

Site site() {
    Site site;
    site.backends.resize(1);
    site.backends[0].limits.name = "bank";
    site.backends[0].limits.latency_slo = std::chrono::milliseconds(200);
    site.backends[0].limits.capacity_hint = 340.0;
    site.backends[0].signal = PushSignal{.every = std::chrono::seconds(1)};
    return site;
}

Campaign campaign() {
    Campaign campaign;
    campaign.id = "news";
    campaign.response = {.open_rate = 0.2, .median = std::chrono::seconds(2), .spread = 0.8};
    campaign.impact = {{"bank", {.per_open = 4.0}}};
    campaign.per_second = Rate{500.0};
    return campaign;
}

}  // namespace

TEST_CASE("a rehearsal uses what the files state, and a plant as large as the hint says") {
    const sim::Scenario rehearsed = sim::rehearsal({}, site(), campaign(), 20000.0);
    CHECK(rehearsed.validate().empty());
    const sim::Backend& backend = rehearsed.backends.at(0);
    CHECK(backend.limits.name == "bank");
    CHECK(backend.limits.latency_slo == std::chrono::milliseconds(200));
    CHECK(backend.plant.capacity == doctest::Approx(340.0 / 0.8));
    CHECK(backend.baseline.mean == doctest::Approx(0.3 * 340.0 / 0.8));
    CHECK(backend.telemetry.period_s == 1.0);
    const sim::Campaign& mine = rehearsed.campaigns.at(0);
    CHECK(mine.recipients == 20000.0);
    CHECK(mine.impact.at("bank").per_open == 4.0);
    CHECK(mine.per_second == 500.0);
    CHECK(mine.belief == campaign().response);
}

TEST_CASE("the campaign's cohorts, route and accounts are rehearsed as they are written") {
    Site mine = site();
    mine.channels.resize(2);
    mine.channels[0].name = "ios";
    mine.channels[0].per_second = Rate{300.0};
    mine.channels[1].name = "sms";
    mine.channels[1].in_flight = 20;
    Campaign written = campaign();
    written.send = {{.channel = "sms"}, {.channel = "ios", .also = true}};
    written.cohorts = {.column = "branch", .count = 7, .canary = {0.01}};
    written.on_unknown = OnUnknown::never;
    sim::Scenario modelled;
    modelled.providers = {{.name = "any", .dead = 0.1}, {.name = "ios", .transient = 0.2}};
    const sim::Scenario rehearsed = sim::rehearsal(modelled, mine, written, 1000.0);
    CHECK(rehearsed.validate().empty());
    CHECK(rehearsed.campaigns[0].cohorts.count == 7);
    CHECK(rehearsed.campaigns[0].cohorts.column.empty());
    CHECK(rehearsed.campaigns[0].on_unknown == OnUnknown::never);
    REQUIRE(rehearsed.providers.size() == 2);
    CHECK(rehearsed.providers[0].name == "sms");
    CHECK(rehearsed.providers[0].dead == 0.1);
    CHECK(rehearsed.providers[0].in_flight == 20);
    CHECK(rehearsed.providers[1].also);
    CHECK(rehearsed.providers[1].transient == 0.2);
    CHECK(rehearsed.providers[1].per_second == 300.0);
}

TEST_CASE("a scenario's surprises stay as large as they were") {
    sim::Scenario surprise;
    surprise.campaigns[0].crowd.open_rate = 0.16;         // believed: 0.08
    surprise.campaigns[0].crowd.lags[0].median_s = 22.5;  // believed: 45 s
    surprise.events = {{.kind = sim::EventKind::capacity, .value = 0.5, .backend = "app-api"}};
    const sim::Scenario rehearsed = sim::rehearsal(surprise, site(), campaign(), 1000.0);
    CHECK(rehearsed.campaigns[0].crowd.open_rate == doctest::Approx(0.4));
    CHECK(rehearsed.campaigns[0].crowd.lags[0].median_s == doctest::Approx(1.0));
    CHECK(rehearsed.events[0].backend.empty());
    CHECK(rehearsed.validate().empty());
}

TEST_CASE("a first-come event of the campaign file is the crowd's instant") {
    Campaign sale = campaign();
    sale.starts = WallTime{std::chrono::hours(10)};
    sale.event = EventOptions{.at = WallTime{std::chrono::hours(11)},
                              .rush = {.response = 0.5, .median = std::chrono::seconds(4), .spread = 0.7}};
    const sim::Scenario rehearsed = sim::rehearsal({}, site(), sale, 1000.0);
    REQUIRE(rehearsed.campaigns[0].crowd.rush);
    CHECK(rehearsed.campaigns[0].crowd.rush->at_s == 3600.0);
    CHECK(rehearsed.campaigns[0].crowd.rush->options() == sale.event->rush);
    sale.starts.reset();
    CHECK(sim::rehearsal({}, site(), sale, 1000.0).campaigns[0].crowd.rush->at_s == sim::Rush{}.at_s);
    CHECK_FALSE(sim::rehearsal({}, site(), campaign(), 1000.0).campaigns[0].crowd.rush);
}
