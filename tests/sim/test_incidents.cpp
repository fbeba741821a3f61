// The five outages: each fails for a blast, and does not happen behind the gate.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace tidegate;
using namespace tidegate::sim;
using sim_test::median_of;
using sim_test::scenario;

namespace {

std::vector<double> seconds_over(const Scenario& what, PolicyKind kind, std::uint64_t seeds) {
    std::vector<double> over;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
        over.push_back(simulate(what, {kind}, seed, false).seconds_over);
    return over;
}

double worst(const std::vector<double>& values) {
    return *std::max_element(values.begin(), values.end());
}

double sent_between(const CampaignResult& campaign, double from, double to) {
    double sent = 0.0;
    for (auto t = static_cast<std::size_t>(from); t < static_cast<std::size_t>(to) && t < campaign.series.size(); ++t)
        sent += campaign.series[t].sent;
    return sent;
}

}  // namespace

TEST_CASE("KakaoBank 2018: a blast collapses the lock-prone database, typed constants do not save it, the gate does") {
    const Scenario what = scenario("kakaobank-2018");
    CHECK(median_of(seconds_over(what, PolicyKind::blast, 3)) > 600.0);
    CHECK(compare(what, {{PolicyKind::fixed, 6000.0}}, {1, 2, 3}).front().median_over > 300.0);
    CHECK(median_of(seconds_over(what, PolicyKind::impact, 3)) == 0.0);
}

TEST_CASE("KakaoBank 2019: only as many are told before the instant as can be served at it") {
    const Scenario what = scenario("kakaobank-2019");
    CHECK(worst(seconds_over(what, PolicyKind::blast, 2)) > 120.0);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const SimResult gate = simulate(what, {PolicyKind::impact}, seed);
        CHECK(gate.finished);
        CHECK(gate.seconds_over <= 2.0);
        const double told = sent_between(gate.campaigns[0], 0.0, what.campaigns[0].crowd.rush->at_s);
        CHECK(told > 1000.0);
        CHECK(told < 10000.0);
        const auto& reasons = gate.reasons;
        CHECK(std::any_of(reasons.begin(), reasons.end(), [](const std::string& reason) {
            return reason.find("the largest audience that can be served") != std::string::npos;
        }));
    }
}

TEST_CASE("K bank 2021: a surge that is not ours stops the sends at once, and they resume by themselves") {
    const Scenario what = scenario("kbank-2021");
    CHECK(worst(seconds_over(what, PolicyKind::blast, 2)) > 20.0);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const SimResult gate = simulate(what, {PolicyKind::impact}, seed);
        REQUIRE(gate.struck_s > 0.0);
        CHECK(gate.finished);
        CHECK(gate.seconds_over == 0.0);
        // One period and the age of its sample, and one second.
        CHECK(sent_between(gate.campaigns[0], gate.struck_s + 11.0, gate.struck_s + 2700.0) == 0.0);
        CHECK(sent_between(gate.campaigns[0], gate.struck_s + 2700.0, gate.struck_s + 3000.0) > 0.0);
    }
}

TEST_CASE("KB 2023: the campaign that loads the slow card service holds and says so, the other one goes on") {
    const Scenario what = scenario("kb-2023");
    CHECK(worst(seconds_over(what, PolicyKind::blast, 2)) > 200.0);
    const SimResult gate = simulate(what, {PolicyKind::impact}, 1);
    REQUIRE(gate.struck_s > 0.0);
    CHECK(gate.finished);
    const double from = gate.struck_s + 30.0, to = gate.struck_s + 1800.0;
    CHECK(sent_between(gate.campaigns[0], from, to) == 0.0);
    CHECK(sent_between(gate.campaigns[1], from, to) > 0.2 * what.campaigns[1].recipients);
    const auto& held = gate.campaigns[0].series[static_cast<std::size_t>(from) + 60];
    CHECK(gate.reasons[held.reason].starts_with("card: "));
}

TEST_CASE("Kakao 2022: nothing goes into the dead provider, and the login service is not stampeded afterwards") {
    const Scenario what = scenario("kakao-2022");
    CHECK(worst(seconds_over(what, PolicyKind::blast, 2)) > 300.0);
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        const SimResult gate = simulate(what, {PolicyKind::impact}, seed);
        CHECK(gate.finished);
        CHECK(gate.seconds_over <= 10.0);
        double late = 0.0;
        const auto& series = gate.backends[0].series;
        for (auto t = static_cast<std::size_t>(gate.struck_s) + 7200; t < series.size(); ++t)
            late += series[t].over && !series[t].twin_over ? 1.0 : 0.0;
        CHECK(late == 0.0);
    }
}
