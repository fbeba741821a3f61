#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "sim/audience.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace {

double all_expected(const Audience& audience, std::int64_t until) {
    double sum = 0.0;
    for (std::int64_t t = 0; t < until; ++t) sum += audience.expected(t);
    return sum;
}

}  // namespace

TEST_CASE("a kernel's quantiles undo its shares, for one part and for a mixture") {
    const Kernel one({{1.0, 45.0, 1.2}});
    CHECK(one.cumulative(45.0) == doctest::Approx(0.5));
    CHECK(one.quantile(0.5) == doctest::Approx(45.0));
    CHECK(one.quantile(0.99) / 45.0 == doctest::Approx(std::exp(1.2 * 2.3263)).epsilon(1e-3));
    const Kernel two({{1.0, 2.0, 0.6}, {1.0, 1200.0, 0.6}});
    CHECK(two.cumulative(60.0) == doctest::Approx(0.5).epsilon(0.01));
    CHECK(two.cumulative(two.quantile(0.8)) == doctest::Approx(0.8));
    CHECK(one.cumulative(-1.0) == 0.0);
}

TEST_CASE("everybody who opens does so in the end, and nobody twice") {
    for (const double median : {5.0, 45.0, 1200.0}) {
        Crowd crowd;
        crowd.lags = {{1.0, median, 1.2}};
        Audience audience(crowd);
        audience.deliver(0, 1000.0, 0.0, 0.0);
        audience.deliver(7, 2000.0, 0.0, 0.5);
        CHECK(all_expected(audience, 8 + audience.end()) == doctest::Approx(0.08 * 3000.0).epsilon(1e-9));
        CHECK(audience.expected(8 + audience.end()) == doctest::Approx(0.0));
    }
}

TEST_CASE("pooled ages give the same opens as adding up every message's curve") {
    const Crowd crowd;
    Audience audience(crowd);
    const Kernel kernel(crowd.lags);
    std::vector<double> sends;
    for (std::int64_t t = 0; t < 900; ++t) {
        sends.push_back(1000.0 + 900.0 * std::sin(static_cast<double>(t) / 40.0));
        audience.deliver(t, sends.back(), 0.0, 0.0);
    }
    for (const std::int64_t at : {3, 60, 400, 899, 1100, 1400}) {
        double exact = 0.0;
        for (std::int64_t s = 0; s < std::min<std::int64_t>(900, at + 1); ++s) {
            const auto age = static_cast<double>(at - s);
            exact +=
                sends[static_cast<std::size_t>(s)] * 0.08 * (kernel.cumulative(age + 1.0) - kernel.cumulative(age));
        }
        CAPTURE(at);
        CHECK(audience.expected(at) == doctest::Approx(exact).epsilon(0.01));
    }
}

TEST_CASE("drawn opens scatter around what is expected and know the age of their message") {
    Audience audience(Crowd{});
    audience.deliver(0, 1e6, 0.0, 0.0);
    Rng chance(3);
    std::vector<LagCount> opens;
    double sum = 0.0, age_sum = 0.0;
    for (std::int64_t t = 0; t < 600; ++t) {
        audience.open(t, chance, opens);
        for (const LagCount& lag : opens) {
            sum += lag.count;
            age_sum += lag.count * std::abs(lag.lag_s - (static_cast<double>(t) + 0.5));
        }
    }
    const double mean = all_expected(audience, 600);
    CHECK(std::abs(sum - mean) < 5.0 * std::sqrt(mean));
    // An age is known to within half of its bin, which is 3 % of the age at most.
    CHECK(age_sum / sum < 2.0);
}

TEST_CASE("messages a provider held are as old as their sending, not as their delivery") {
    Audience audience(Crowd{});
    audience.deliver(600, 1e6, 300.0, 0.0);
    Rng chance(1);
    std::vector<LagCount> opens;
    audience.open(610, chance, opens);
    REQUIRE(!opens.empty());
    CHECK(opens.front().lag_s == doctest::Approx(310.5));
}

TEST_CASE("engagement changes along the audience") {
    Crowd crowd;
    crowd.engagement = {{0.0, 0.5}, {0.5, 0.5}, {1.0, 2.5}};
    Audience audience(crowd);
    CHECK(audience.engagement(0.2) == doctest::Approx(0.5));
    CHECK(audience.engagement(0.75) == doctest::Approx(1.5));
    CHECK(audience.engagement(1.0) == doctest::Approx(2.5));
    audience.deliver(0, 1000.0, 0.0, 0.75);
    CHECK(all_expected(audience, audience.end() + 2) == doctest::Approx(0.08 * 1500.0));
    CHECK(audience.response(10, 1.0) == doctest::Approx(5.0 * audience.response(10, 0.1)));
}

TEST_CASE("who is told before the instant comes at the instant; who is told later comes by the curve") {
    Crowd crowd;
    crowd.rush = Rush{.at_s = 600.0};
    Audience audience(crowd);
    audience.deliver(0, 1000.0, 0.0, 0.0);
    CHECK(audience.expected(300) == 0.0);
    double first_minute = 0.0, all = 0.0;
    for (std::int64_t t = 600; t < 2000; ++t) {
        all += audience.expected(t);
        if (t < 630) first_minute += audience.expected(t);
    }
    // 600 come, and half of them come again.
    CHECK(all == doctest::Approx(900.0).epsilon(0.01));
    CHECK(first_minute > 0.9 * 600.0);
    CHECK(audience.rush_room(10, 60.0) < 60.0 / busiest_second(*crowd.rush));
    CHECK(std::isinf(audience.rush_room(600, 60.0)));
    audience.deliver(2000, 1000.0, 0.0, 0.0);
    CHECK(audience.expected(2010) == doctest::Approx(1000.0 * audience.response(10, 0.0)).epsilon(0.01));
}
