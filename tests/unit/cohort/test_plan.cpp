#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tidegate/base/rng.hpp"
#include "tidegate/cohort/plan.hpp"

using namespace tidegate;

namespace {

constexpr int people = 100000;

std::string key(int i) {
    return "customer-" + std::to_string(i);
}

Place place(CohortPlan& plan, const std::string& who, const std::string& value = {}) {
    auto result = plan.place(who, value);
    REQUIRE(result);
    return *result;
}

/// Whether `count` of `n` fits probability `p` within five standard deviations.
bool plausible(double count, double n, double p) {
    return std::abs(count - n * p) <= 5 * std::sqrt(n * p * (1 - p));
}

}  // namespace

TEST_CASE("the cumulative canary shares, the cohorts and the shards come out as asked") {
    CohortOptions options;
    options.count = 8;
    options.canary = {0.001, 0.01, 0.05};
    options.shards = 4;
    CohortPlan plan("spring", options);
    REQUIRE(plan.cohorts() == 11);
    std::vector<std::vector<int>> seen(11, std::vector<int>(4));
    for (int i = 0; i < people; ++i) {
        const Place at = place(plan, key(i));
        ++seen.at(at.cohort).at(at.shard);
    }
    const double shares[] = {0.001, 0.009, 0.04};
    for (std::size_t cohort = 0; cohort < seen.size(); ++cohort) {
        const double share = cohort < 3 ? shares[cohort] : 0.95 / 8;
        double total = 0;
        for (const int count : seen[cohort]) {
            CHECK(plausible(count, people, share / 4));  // shard independent of cohort and canary
            total += count;
        }
        CAPTURE(cohort);
        CHECK(plausible(total, people, share));
    }
}

TEST_CASE("nobody is moved by other people, by their order or by asking twice") {
    CohortOptions options;
    options.canary = {0.1};
    CohortPlan all("spring", options);
    std::vector<Place> expected;
    for (int i = 0; i < 2000; ++i) expected.push_back(place(all, key(i)));

    std::vector<int> order;
    Rng rng(3);
    for (int i = 0; i < 2000; ++i) {
        if (rng.uniform() < 0.5)
            order.insert(order.begin() + static_cast<std::ptrdiff_t>(rng.bits() % (order.size() + 1)), i);
    }
    CohortPlan some("spring", options);
    for (const int i : order) CHECK(place(some, key(i)) == expected[static_cast<std::size_t>(i)]);
    CHECK(place(all, key(5)) == expected[5]);
}

TEST_CASE("places are what they were in earlier releases, or resumed campaigns would shuffle") {
    CohortOptions options;
    options.canary = {0.01, 0.05};
    CohortPlan plan("check-card-benefit-2026-11", options);
    CHECK(place(plan, "C0000001") == Place{55, 7});
    CHECK(place(plan, "C0000002") == Place{4, 11});
    CHECK(place(plan, "고객") == Place{0, 9});
}

TEST_CASE("another campaign shuffles independently") {
    CohortOptions options;
    options.count = 10;
    options.canary = {0.05};
    CohortPlan one("spring", options);
    CohortPlan two("summer", options);
    int same_cohort = 0;
    int same_shard = 0;
    int both_canary = 0;
    for (int i = 0; i < people; ++i) {
        const Place a = place(one, key(i));
        const Place b = place(two, key(i));
        both_canary += a.cohort == 0 && b.cohort == 0;
        same_cohort += a.cohort == b.cohort;
        same_shard += a.shard == b.shard;
    }
    CHECK(plausible(both_canary, people, 0.05 * 0.05));
    CHECK(plausible(same_cohort, people, 0.05 * 0.05 + 10 * 0.095 * 0.095));
    CHECK(plausible(same_shard, people, 1.0 / 16));
}

TEST_CASE("a person's cohort does not depend on how many canaries or shards there are") {
    CohortOptions few;
    few.count = 16;
    CohortOptions many = few;
    many.canary = {0.01, 0.05};
    many.shards = 64;
    CohortPlan a("spring", few);
    CohortPlan b("spring", many);
    for (int i = 0; i < 5000; ++i) {
        const Place with = place(b, key(i));
        if (with.cohort >= 2) CHECK(with.cohort - 2 == place(a, key(i)).cohort);
    }
}

TEST_CASE("by column: values are cohorts in order of appearance, canaries are cut from everybody") {
    CohortOptions options;
    options.column = "branch";
    options.canary = {0.1};
    CohortPlan plan("spring", options);
    CHECK(plan.cohorts() == 1);
    const std::vector<std::string> branches = {"Seoul", "Busan", ""};
    std::vector<int> canary(3);
    CohortOptions hashed;
    hashed.canary = options.canary;
    CohortPlan by_hash("spring", hashed);
    std::vector<std::string> order;
    for (int i = 0; i < 30000; ++i) {
        const auto branch = static_cast<std::size_t>(i % 3);
        const Place at = place(plan, key(i), branches[branch]);
        CHECK((at.cohort == 0) == (place(by_hash, key(i)).cohort == 0));
        if (at.cohort == 0) {
            ++canary[branch];
            continue;
        }
        if (std::find(order.begin(), order.end(), branches[branch]) == order.end()) order.push_back(branches[branch]);
        CHECK(order.at(at.cohort - 1) == branches[branch]);
    }
    for (const int count : canary) CHECK(plausible(count, 10000, 0.1));
    CHECK(plan.cohorts() == 4);
    CHECK(plan.label(0) == "canary 10%");
    for (std::uint32_t i = 0; i < 3; ++i) CHECK(plan.label(i + 1) == (order[i].empty() ? "(empty)" : order[i]));
}

TEST_CASE("a column with more than 10000 values is no cohort column") {
    CohortOptions options;
    options.column = "id";
    CohortPlan plan("spring", options);
    for (int i = 0; i < 10000; ++i) CHECK(place(plan, "k", key(i)).cohort == static_cast<std::uint32_t>(i));
    CHECK(plan.place("k", key(77)));
    auto over = plan.place("k", "one more");
    REQUIRE_FALSE(over);
    CHECK(over.error().where == "cohorts.by");
    CHECK(plan.cohorts() == 10000);
}

TEST_CASE("labels are for people") {
    CohortOptions options;
    options.canary = {0.001, 0.015};
    const CohortPlan plan("spring", options);
    CHECK(plan.canaries() == 2);
    CHECK(plan.label(0) == "canary 0.1%");
    CHECK(plan.label(1) == "canary 1.5%");
    CHECK(plan.label(2) == "cohort 1");
    CHECK(plan.label(65) == "cohort 64");
}

TEST_CASE("validate tells every fault at once") {
    CHECK(CohortOptions{}.validate().empty());
    CohortOptions options;
    options.count = 0;
    options.gap = std::chrono::seconds(-1);
    options.canary = {0.01, 0.01};
    options.shards = 5000;
    const Faults faults = options.validate();
    REQUIRE(faults.size() == 4);
    CHECK(faults[0].where == "cohorts.count");
    CHECK(faults[1].where == "cohorts.gap");
    CHECK(faults[2].where == "cohorts.canary");
    CHECK(faults[3].where == "cohorts.shards");
    for (const double share : {0.0, 1.0, -0.1, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
        CohortOptions bad;
        bad.canary = {share};
        CHECK(bad.validate().size() == 1);
    }
    CohortOptions column;
    column.column = "branch";
    column.count = 0;
    CHECK(column.validate().empty());
}
