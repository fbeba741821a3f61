// The same scenario, policy and seed give the same result to the last bit, and policies are compared on equal terms.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace tidegate;
using namespace tidegate::sim;
using sim_test::row;
using sim_test::scenario;

namespace {

Scenario small(Scenario scenario) {
    for (Campaign& campaign : scenario.campaigns) campaign.recipients = std::min(campaign.recipients, 300000.0);
    scenario.history_s = std::min(scenario.history_s, 3600.0);
    return scenario;
}

}  // namespace

TEST_CASE("the same seed gives the same bytes, whoever decides and whatever happens") {
    const Scenario scenarios[] = {small(row("surge-1.8x")), small(row("lock-signal")), small(row("stall-3min")),
                                  small(scenario("kb-2023"))};
    for (const Scenario& what : scenarios)
        for (const PolicyKind kind :
             {PolicyKind::blast, PolicyKind::aimd, PolicyKind::gradient, PolicyKind::impact, PolicyKind::oracle}) {
            CAPTURE(what.name);
            CAPTURE(std::string(name_of(kind)));
            const SimResult once = simulate(what, {kind}, 42), again = simulate(what, {kind}, 42);
            CHECK(once == again);
            CHECK_FALSE(once == simulate(what, {kind}, 43));
        }
}

TEST_CASE("series are a record, not a cause: leaving them out changes nothing") {
    const Scenario what = small(row("nominal"));
    const SimResult with = simulate(what, {PolicyKind::impact}, 5, true);
    const SimResult without = simulate(what, {PolicyKind::impact}, 5, false);
    CHECK(with.completion_s == without.completion_s);
    CHECK(with.seconds_over == without.seconds_over);
    CHECK(with.campaigns[0].opens == without.campaigns[0].opens);
    CHECK_FALSE(with.backends[0].series.empty());
    CHECK(without.backends[0].series.empty());
}

TEST_CASE("every policy meets the same baseline: their twins are one") {
    const Scenario what = small(row("nominal"));
    const SimResult a = simulate(what, {PolicyKind::blast}, 9), b = simulate(what, {PolicyKind::impact}, 9);
    const std::size_t both = std::min(a.backends[0].series.size(), b.backends[0].series.size());
    REQUIRE(both > 1000);
    for (std::size_t t = 0; t < both; ++t)
        REQUIRE(a.backends[0].series[t].twin_p99_s == b.backends[0].series[t].twin_p99_s);
}

TEST_CASE("the twin meets the events: what an outage does by itself is not blamed on the campaign") {
    Scenario what = small(row("surge-8x"));
    what.campaigns[0].impact["app-api"].per_open = 1e-9;
    for (const PolicyKind kind : {PolicyKind::blast, PolicyKind::impact}) {
        const SimResult result = simulate(what, {kind}, 3);
        CHECK(result.seconds_over == 0.0);
        CHECK(result.backends[0].twin_seconds_over > 500.0);
    }
}

TEST_CASE("nobody is lost and nobody is made up") {
    for (const char* name : {"nominal", "stall-10min", "bimodal"}) {
        const Scenario what = small(row(name));
        const SimResult result = simulate(what, {PolicyKind::aimd}, 2);
        double sent = 0.0, delivered = 0.0, opens = 0.0;
        for (const CampaignSecond& second : result.campaigns[0].series) {
            sent += second.sent;
            delivered += second.delivered;
            opens += second.opens;
        }
        CAPTURE(name);
        CHECK(result.finished);
        CHECK(sent == doctest::Approx(300000.0));
        CHECK(delivered == doctest::Approx(300000.0));
        CHECK(opens == doctest::Approx(0.08 * 300000.0).epsilon(0.03));
    }
}
