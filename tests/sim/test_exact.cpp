// The exact grain: the delivery machine itself in virtual time. It agrees with the flow grain where both can speak, and
// shows what the other cannot: who got it, how often it was tried, and that the ledger's sums hold whatever happens.
#include <cmath>
#include <stdexcept>

#include "support.hpp"
#include "tidegate/report/report.hpp"

using namespace tidegate;
using namespace tidegate::sim;
using sim_test::scenario;

namespace {

/// A backend a tenth as large, so that few people are a campaign of minutes.
Scenario quick(double people) {
    Scenario what;
    what.backends[0].plant.capacity = 160.0;
    what.backends[0].baseline.mean = 48.0;
    what.campaigns[0].recipients = people;
    what.history_s = 3600.0;
    return what;
}

Event event(EventKind kind, double value, double lasts_s, double at_sent = 0.3) {
    return {.kind = kind, .value = value, .at_sent = at_sent, .lasts_s = lasts_s};
}

SimResult exact(const Scenario& what, std::uint64_t seed, PolicyKind kind = PolicyKind::impact) {
    return simulate(what, {kind}, seed, true, Grain::exact);
}

std::uint64_t count(const SimResult& result, Final outcome, std::size_t campaign = 0) {
    return result.campaigns[campaign].exact->report.totals.outcomes[static_cast<std::size_t>(outcome)];
}

/// Nobody is lost and nothing counted twice.
void check_ledger(const SimResult& result) {
    for (const CampaignResult& campaign : result.campaigns) {
        REQUIRE(campaign.exact);
        for (const std::string& broken : broken_invariants(campaign.exact->report, false)) FAIL_CHECK(broken);
        const LedgerTotals& totals = campaign.exact->report.totals;
        CHECK(totals.rows == totals.malformed + totals.duplicates + totals.recipients);
        std::uint64_t outcomes = 0;
        for (const std::uint64_t people : totals.outcomes) outcomes += people;
        CHECK(outcomes == totals.recipients);
        // Who was told is on record as told, or as doubt.
        CHECK(campaign.exact->reached <= totals.outcomes[static_cast<std::size_t>(Final::accepted)] +
                                             totals.outcomes[static_cast<std::size_t>(Final::unknown)]);
    }
}

double sum(const std::vector<CampaignSecond>& series, double CampaignSecond::*what, double from, double to) {
    double all = 0.0;
    for (auto t = static_cast<std::size_t>(from); t < static_cast<std::size_t>(to) && t < series.size(); ++t)
        all += series[t].*what;
    return all;
}

}  // namespace

TEST_CASE("both grains tell the same of an ordinary campaign") {
    // Who opens when is drawn person by person in one and by number in the other, which moves a single seed's
    // completion by a third and their mean by little.
    const Scenario what = quick(40'000);
    double fine_s = 0.0, coarse_s = 0.0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const SimResult fine = exact(what, seed), coarse = simulate(what, {PolicyKind::impact}, seed);
        CHECK(fine.finished);
        CHECK(fine.completion_s == doctest::Approx(coarse.completion_s).epsilon(0.34));
        fine_s += fine.completion_s;
        coarse_s += coarse.completion_s;
        CHECK(fine.seconds_over == 0.0);
        CHECK(coarse.seconds_over == 0.0);
        CHECK(fine.backends[0].worst_p99_s == doctest::Approx(coarse.backends[0].worst_p99_s).epsilon(0.25));
        CHECK(fine.campaigns[0].opens == doctest::Approx(0.08 * 40'000).epsilon(0.06));
        // The twin meets the same seconds in both.
        for (std::size_t t = 0; t < 60; ++t)
            REQUIRE(fine.backends[0].series[t].twin_p99_s == coarse.backends[0].series[t].twin_p99_s);
        check_ledger(fine);
        CHECK(count(fine, Final::accepted) == 40'000);
        CHECK(fine.campaigns[0].exact->reached == 40'000);
        CHECK(fine.campaigns[0].exact->twice == 0);
        CHECK(fine.campaigns[0].exact->report.totals.attempts == 40'000);
    }
    CHECK(fine_s == doctest::Approx(coarse_s).epsilon(0.1));
}

TEST_CASE("the same seed gives the same bytes, another seed another evening") {
    const Scenario what = scenario("exact/rough-evening");
    const SimResult once = exact(what, 7);
    CHECK(once == exact(what, 7));
    CHECK_FALSE(once == exact(what, 8));
}

TEST_CASE("a rough evening loses nobody, and whoever gets it twice gets it merged") {
    const SimResult result = exact(scenario("exact/rough-evening"), 3);
    CHECK(result.finished);
    check_ledger(result);
    const ExactResult& shown = *result.campaigns[0].exact;
    const LedgerTotals& totals = shown.report.totals;
    CHECK(shown.end.state == RunState::completed);
    CHECK(totals.malformed > 0);
    CHECK(totals.duplicates > 100);
    CHECK(totals.recipients == 20'000);
    CHECK(count(result, Final::suppressed) > 400);
    CHECK(count(result, Final::pending) == 0);
    CHECK(count(result, Final::accepted) + count(result, Final::suppressed) == 20'000);
    // Tries that failed were made again, and who was not to be reached by one provider was by the other.
    CHECK(totals.attempts > totals.deliveries);
    REQUIRE(shown.report.channels.size() == 2);
    const auto answers = [&](std::size_t channel, OutcomeClass kind) {
        return shown.report.channels[channel].answers[static_cast<std::size_t>(kind)];
    };
    CHECK(answers(0, OutcomeClass::invalid_recipient) > 300);
    CHECK(answers(0, OutcomeClass::transient) > 100);
    CHECK(answers(0, OutcomeClass::throttled) + answers(1, OutcomeClass::throttled) > 0);
    CHECK(answers(1, OutcomeClass::accepted) > 5'000);
    // Doubt is settled by sending again, which the device merges; nobody else gets it twice.
    CHECK(shown.twice > 0);
    CHECK(shown.twice <= answers(0, OutcomeClass::unknown) + 1000);
    // Canary first, then cohort by cohort with their gaps.
    REQUIRE(shown.report.cohorts.size() == 5);
    for (std::size_t i = 1; i < 5; ++i)
        CHECK(*shown.report.cohorts[i].started_at >=
              *shown.report.cohorts[i - 1].started_at + std::chrono::seconds(i > 1 ? 19 : 60));
    // A second run took over.
    CHECK(std::count_if(shown.report.events.begin(), shown.report.events.end(),
                        [](const EventRecord& event) { return event.kind == "run"; }) == 2);
}

TEST_CASE("what a stalled provider holds is not made worse, and breaks nothing when it is let go") {
    Scenario what = quick(80'000);
    what.events = {event(EventKind::stall, 1.0, 120.0)};
    const SimResult gate = exact(what, 4);
    REQUIRE(gate.struck_s > 0.0);
    CHECK(gate.finished);
    CHECK(gate.seconds_over <= 3.0);
    check_ledger(gate);
    CHECK(gate.campaigns[0].exact->reached == 80'000);
    const auto& series = gate.campaigns[0].series;
    CHECK(sum(series, &CampaignSecond::delivered, gate.struck_s + 1.0, gate.struck_s + 119.0) == 0.0);
    const SimResult blast = exact(what, 4, PolicyKind::blast);
    CHECK(blast.seconds_over > 30.0);
    check_ledger(blast);
}

TEST_CASE("a provider that refuses is asked again later, and everybody gets it once") {
    Scenario what = quick(60'000);
    what.events = {event(EventKind::throttle, 60.0, 120.0)};
    const SimResult gate = exact(what, 5);
    CHECK(gate.finished);
    CHECK(gate.seconds_over == 0.0);
    check_ledger(gate);
    const ExactResult& shown = *gate.campaigns[0].exact;
    CHECK(shown.report.channels[0].answers[static_cast<std::size_t>(OutcomeClass::throttled)] > 0);
    CHECK(count(gate, Final::accepted) == 60'000);
    CHECK(shown.twice == 0);
    const auto& series = gate.campaigns[0].series;
    CHECK(sum(series, &CampaignSecond::sent, gate.struck_s + 1.0, gate.struck_s + 119.0) <= 118 * 61.0);
    // What it refused nobody opens: that is not mistaken for a provider that holds messages back.
    for (const CampaignSecond& second : series)
        REQUIRE(gate.reasons[second.reason].find("opens have stopped") == std::string::npos);
}

TEST_CASE("a pause stops the sends within the second and says who did it") {
    Scenario what = quick(20'000);
    what.events = {event(EventKind::pause, 1.0, 45.0)};
    const SimResult gate = exact(what, 6);
    REQUIRE(gate.struck_s > 0.0);
    CHECK(gate.finished);
    const auto& series = gate.campaigns[0].series;
    CHECK(sum(series, &CampaignSecond::sent, gate.struck_s + 1.0, gate.struck_s + 44.0) == 0.0);
    CHECK(sum(series, &CampaignSecond::sent, gate.struck_s + 45.0, gate.struck_s + 65.0) > 0.0);
    CHECK(gate.reasons[series[static_cast<std::size_t>(gate.struck_s) + 20].reason] == "paused by the operator");
    check_ledger(gate);
}

TEST_CASE("a node that takes over finds everybody in the ledger and breaks nothing") {
    Scenario what = quick(30'000);
    what.providers[0].latency_s = 0.4;
    what.events = {event(EventKind::takeover, 1.0, 1.0, 0.5)};
    const SimResult gate = exact(what, 8);
    CHECK(gate.finished);
    CHECK(gate.seconds_over == 0.0);
    check_ledger(gate);
    const ExactResult& shown = *gate.campaigns[0].exact;
    CHECK(shown.reached == 30'000);
    // What was on the wire when the first node died is in doubt, and sent again: as many as were under way at most.
    CHECK(shown.twice > 0);
    CHECK(shown.twice <= 500);
    what.campaigns[0].on_unknown = OnUnknown::never;
    const SimResult careful = exact(what, 8);
    check_ledger(careful);
    CHECK(careful.campaigns[0].exact->twice == 0);
    CHECK(count(careful, Final::unknown) > 0);
    CHECK(count(careful, Final::unknown) + count(careful, Final::accepted) == 30'000);
}

TEST_CASE("two campaigns share the backend, and one that is given up says so") {
    Scenario what = quick(12'000);
    what.campaigns.push_back(what.campaigns[0]);
    what.campaigns[0].id = "first";
    what.campaigns[1].id = "second";
    what.campaigns[1].starts_s = 20.0;
    const SimResult both = exact(what, 9);
    CHECK(both.finished);
    CHECK(both.seconds_over == 0.0);
    check_ledger(both);

    what.give_up_s = 60.0;
    const SimResult cut = exact(what, 9);
    CHECK_FALSE(cut.finished);
    check_ledger(cut);
    CHECK(cut.campaigns[1].exact->end.state == RunState::stopped);
    CHECK(cut.campaigns[1].exact->end.why == "given up, as the scenario says");
    CHECK(count(cut, Final::pending, 1) > 0);
}

TEST_CASE("before a fixed instant only so many are told as can be served at it, by the machine itself") {
    Scenario what = quick(20'000);
    what.backends[0].limits.capacity_hint = 128.0;
    what.campaigns[0].crowd.rush = Rush{.at_s = 300.0};
    const SimResult gate = exact(what, 10);
    CHECK(gate.finished);
    CHECK(gate.seconds_over <= 2.0);
    check_ledger(gate);
    const double told = sum(gate.campaigns[0].series, &CampaignSecond::sent, 0.0, 300.0);
    CHECK(told > 50.0);
    CHECK(told < 2'000.0);
    what.campaigns[0].rush_known = false;
    CHECK(exact(what, 10).seconds_over > 10.0);
}

TEST_CASE("what the exact grain cannot follow is refused in words") {
    Scenario what = quick(200'001);
    const auto refused = [&](const Policy& policy) { return refusals(Grain::exact, what, {policy}); };
    REQUIRE(refused({}).size() == 1);
    CHECK(refused({})[0].what.find("at most 200,000 people") != std::string::npos);
    CHECK_THROWS_AS(simulate(what, {}, 1, false, Grain::exact), std::invalid_argument);
    CHECK(refusals(Grain::flow, what, {{PolicyKind::oracle}}).empty());
    what.campaigns[0].recipients = 100;
    CHECK(refused({}).empty());
    CHECK(refused({PolicyKind::blast}).empty());
    CHECK(refused({PolicyKind::fixed, 10.0}).empty());
    for (const PolicyKind kind : {PolicyKind::aimd, PolicyKind::gradient, PolicyKind::oracle})
        CHECK(refused({kind})[0].what.find("has no policy") != std::string::npos);
    what.campaigns.push_back(what.campaigns[0]);
    CHECK(refused({})[0].where == "campaign.id");
}

TEST_CASE("records of both grains have one form") {
    const Scenario what = quick(5'000);
    const std::vector<Record> records =
        compare(what, {{PolicyKind::impact}, {PolicyKind::blast}, {PolicyKind::fixed, 50.0}}, {1}, Grain::exact);
    REQUIRE(records.size() == 3);
    CHECK(records[1].median_completion_s < records[0].median_completion_s);
    CHECK(records[2].median_completion_s == doctest::Approx(100.0).epsilon(0.05));
    CHECK(records[0].median_over == 0.0);
    CHECK(std::isfinite(records[0].median_completion));
}
