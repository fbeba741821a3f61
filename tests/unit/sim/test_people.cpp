// People one by one: as many and as late as the crowd says, each by his own chance.
#include <doctest/doctest.h>

#include "sim/people.hpp"

using namespace tidegate::sim;

namespace {

constexpr std::size_t kMany = 20'000;

/// Everyone's openings, told at second 10.
std::vector<Opening> all_openings(People& people, std::int64_t count = kMany) {
    for (std::int64_t person = 0; person < count; ++person) people.deliver(person, 10.0, 0.5);
    std::vector<Opening> all;
    for (std::int64_t t = 0; !people.quiet(); ++t)
        for (const Opening& opening : people.open(t)) all.push_back(opening);
    return all;
}

}  // namespace

TEST_CASE("as many open as the crowd says, half of them before its median") {
    People people(Crowd{}, kMany, 5);
    const auto openings = all_openings(people);
    CHECK(static_cast<double>(openings.size()) == doctest::Approx(0.08 * kMany).epsilon(0.06));
    double early = 0.0;
    for (const Opening& opening : openings) {
        CHECK(opening.age_s == doctest::Approx(opening.at_s - 10.0 + 0.5));
        if (opening.at_s - 10.0 < 45.0) early += 1.0;
    }
    CHECK(early / static_cast<double>(openings.size()) == doctest::Approx(0.5).epsilon(0.08));
}

TEST_CASE("a second copy merges on the device: it is counted and opens nothing") {
    People people(Crowd{.open_rate = 1.0}, 1, 5);
    for (int copy = 0; copy < 4; ++copy) people.deliver(0, 3.0, 0.0);
    CHECK(people.reached() == 1);
    CHECK(people.twice() == 1);
    std::size_t openings = 0;
    for (std::int64_t t = 0; !people.quiet(); ++t) openings += people.open(t).size();
    CHECK(openings == 1);
}

TEST_CASE("whether somebody opens is his own, whoever is told before him") {
    People one(Crowd{}, 500, 5), other(Crowd{}, 500, 5);
    for (std::int64_t person = 0; person < 500; ++person) one.deliver(person, 0.0, 0.0);
    for (std::int64_t person = 499; person >= 0; --person) other.deliver(person, 0.0, 0.0);
    for (std::int64_t t = 0; !one.quiet() || !other.quiet(); ++t) {
        const auto a = one.open(t), b = other.open(t);
        REQUIRE(a.size() == b.size());
        for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i].person == b[i].person);
    }
}

TEST_CASE("who was told before the instant comes at it, and some come again") {
    Crowd crowd;
    crowd.rush = Rush{.at_s = 600.0};
    People people(crowd, kMany, 6);
    const auto openings = all_openings(people);
    CHECK(static_cast<double>(openings.size()) == doctest::Approx(0.6 * 1.5 * kMany).epsilon(0.03));
    for (const Opening& opening : openings) REQUIRE(opening.at_s >= 600.0);
}

TEST_CASE("an opening at the end of a second that is over counts to the next") {
    People people(Crowd{.open_rate = 1.0, .lags = {{.median_s = 1e-6, .spread = 0.01}}}, 1, 5);
    CHECK(people.open(0).empty());
    people.deliver(0, 0.999, 0.0);
    CHECK(people.open(1).size() == 1);
}
