#include <doctest/doctest.h>

#include "report/compose.hpp"
#include "sample.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;
using namespace std::chrono_literals;
using sample::kStart;

TEST_CASE("a sound report breaks no invariant and each broken one is told") {
    RunReport r = sample::report();
    CHECK(broken_invariants(r, false).empty());
    SUBCASE("rows") {
        ++r.totals.rows;
        CHECK(broken_invariants(r, false).size() == 1);
        CHECK(broken_invariants(r, true).empty());
    }
    SUBCASE("rows fewer than what came of them, even with all devices") {
        --r.totals.rows;
        CHECK(broken_invariants(r, true).size() == 1);
    }
    SUBCASE("outcomes") {
        --sample::outcome(r, Final::accepted);
        CHECK(broken_invariants(r, false).size() == 1);
    }
    SUBCASE("cohorts") {
        ++r.cohorts[0].recipients;
        CHECK(broken_invariants(r, false).size() == 1);
    }
    SUBCASE("completed with recipients pending") {
        --sample::outcome(r, Final::accepted);
        ++sample::outcome(r, Final::pending);
        CHECK(broken_invariants(r, false).size() == 1);
        r.state = RunState::stopped;
        CHECK(broken_invariants(r, false).empty());
    }
}

TEST_CASE("the invariants hold on the merge when they hold on the parts") {
    Rng rng(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<RunReport> parts;
        const auto nodes = 1 + rng.bits() % 4;
        for (std::uint64_t n = 0; n < nodes; ++n) {
            RunReport part;
            part.campaign = "c";
            part.state = RunState::incomplete;
            for (auto& o : part.totals.outcomes) part.totals.recipients += o = rng.bits() % 50;
            part.totals.malformed = rng.bits() % 5;
            part.totals.duplicates = rng.bits() % 5;
            part.totals.rows = part.totals.recipients + part.totals.malformed + part.totals.duplicates;
            CohortRecord cohort;
            cohort.index = static_cast<std::uint32_t>(rng.bits() % 2);
            cohort.recipients = part.totals.recipients;
            part.cohorts.push_back(cohort);
            part.events.push_back({kStart + std::chrono::seconds(n), "run", "", "node"});
            REQUIRE(broken_invariants(part, false).empty());
            parts.push_back(part);
        }
        const auto whole = merge(parts);
        REQUIRE(whole);
        CHECK(broken_invariants(*whole, false).empty());
    }
}

TEST_CASE("merging adds what was done and keeps the worst of what was seen") {
    RunReport a = sample::report(), b = sample::report();
    b.events[0].operator_name = "duri";
    b.totals.elapsed_s = 200;
    b.state = RunState::stopped;
    b.backends[0].worst_p99_s = 0.9;
    b.backends[0].seconds_over_slo = 1;
    b.cohorts[0].started_at = kStart - 5s;
    b.cohorts[0].finished_at = kStart + 30s;
    b.holds = {{"app-api", kStart + 10s, kStart + 11s, "p99", 1, ""}};
    const auto whole = merge({a, b});
    REQUIRE(whole);
    CHECK(whole->state == RunState::stopped);
    CHECK(whole->totals.attempts == 2006);
    CHECK(whole->totals.elapsed_s == 200);
    CHECK(whole->channels == std::vector<ChannelTally>{{"ios", "apns", {1880, 60, 0, 22, 34, 10}}});
    CHECK(whole->backends == std::vector<BackendSummary>{{"app-api", 0.3, 0.9, 2.5}});
    REQUIRE(whole->cohorts.size() == 2);
    CHECK(whole->cohorts[0].recipients == 20);
    CHECK(whole->cohorts[0].started_at == kStart - 5s);
    CHECK(whole->cohorts[0].finished_at == kStart + 30s);
    CHECK_FALSE(whole->cohorts[1].finished_at.has_value());
    REQUIRE(whole->holds.size() == 3);
    CHECK(whole->holds[0].from == kStart + 10s);
    CHECK(whole->events.size() == 4);
}

TEST_CASE("different campaigns, the same ledger twice and nothing at all do not merge") {
    RunReport a = sample::report(), b = sample::report();
    CHECK_FALSE(merge({a, b}));
    b.campaign = "another";
    const auto mixed = merge({a, b});
    REQUIRE_FALSE(mixed);
    CHECK(mixed.error().where.find("another") != std::string::npos);
    CHECK_FALSE(merge({}));
    CHECK(*merge({a}) == a);
}

TEST_CASE("a ledger without a last word is incomplete unless everybody is final") {
    LedgerTotals t = sample::report().totals;
    CHECK(report::settle_state(std::nullopt, t) == RunState::completed);
    CHECK(report::settle_state("incomplete", t) == RunState::completed);
    CHECK(report::settle_state("aborted", t) == RunState::aborted);
    CHECK(report::settle_state("awaiting_reports", t) == RunState::awaiting_reports);
    t.outcomes[static_cast<std::size_t>(Final::pending)] = 1;
    CHECK(report::settle_state(std::nullopt, t) == RunState::incomplete);
    CHECK(report::settle_state("gibberish", t) == RunState::incomplete);
    CHECK(report::settle_state("running", t) == RunState::running);
    CHECK(report::settle_state(std::nullopt, LedgerTotals{}) == RunState::incomplete);
}
