#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tidegate/pacing/first_come.hpp"

using namespace tidegate;
using namespace std::chrono_literals;

namespace {

const RushOptions kSale{.response = 0.6, .median = 6s, .spread = 0.9, .again_share = 0.5, .again = 60s};

}  // namespace

TEST_CASE("of those told before an instant everybody who responds comes after it, and some come again") {
    const FirstCome crowd(kSale);
    CHECK(crowd.opens(-100.0, 0.0) == 0.0);
    CHECK(crowd.opens(0.0, 1e6) == doctest::Approx(0.6 * 1.5).epsilon(1e-6));
    CHECK(crowd.opens(0.0, 6.0) == doctest::Approx(0.3).epsilon(0.01));
    double most = 0.0;
    for (double t = 0.0; t < 200.0; t += 0.1) most = std::max(most, crowd.opens(t, t + 1.0));
    CHECK(crowd.busiest_second() == doctest::Approx(most).epsilon(0.005));
    CHECK(crowd.served_after() == doctest::Approx(84.0));
}

TEST_CASE("the second wave counts when it is the busier one") {
    RushOptions late = kSale;
    late.median = 10min;
    late.again = 1s;
    late.again_share = 1.0;
    CHECK(FirstCome(late).busiest_second() > 0.2);
    late.again_share = 0.0;
    CHECK(FirstCome(late).busiest_second() < 0.01);
    CHECK(FirstCome(late).served_after() == doctest::Approx(2400.0));
}

TEST_CASE("the largest audience is the one whose busiest second fits in the room") {
    const FirstCome crowd(kSale);
    const double lot = crowd.largest_lot({.room = 800.0, .per_open = 3.0});
    CHECK(lot * 3.0 * crowd.busiest_second() == doctest::Approx(800.0));
    CHECK(crowd.largest_lot({.room = 0.0, .per_open = 3.0}) == 0.0);
    CHECK(crowd.largest_lot({.room = -5.0, .per_open = 3.0}) == 0.0);
    CHECK(std::isinf(crowd.largest_lot({.room = 800.0, .per_open = 0.0})));
}

TEST_CASE("before the instant the lot is told and no more, then nobody, then whoever is left") {
    const FirstCome crowd(kSale);
    CHECK(crowd.decide(600.0, 0.0, 4311.7).may_tell == 4311.0);
    CHECK(crowd.decide(600.0, 4300.0, 4311.7).may_tell == 11.0);
    const RushWord full = crowd.decide(1.0, 4311.0, 4311.7);
    CHECK(full.may_tell == 0.0);
    CHECK(full.reason == "held: 4311 is the largest audience that can be served at the instant");
    CHECK(crowd.decide(1.0, 9000.0, 4311.7).may_tell == 0.0);
    for (const double after : {0.0, 1.0, 83.9}) {
        CHECK(crowd.decide(-after, 0.0, 4311.7).may_tell == 0.0);
        CHECK(crowd.decide(-after, 0.0, std::numeric_limits<double>::infinity()).may_tell == 0.0);
    }
    const RushWord rest = crowd.decide(-84.1, 4311.0, 4311.7);
    CHECK(std::isinf(rest.may_tell));
    CHECK(rest.reason.empty());
    CHECK(std::isinf(crowd.decide(600.0, 1e9, std::numeric_limits<double>::infinity()).may_tell));
}

TEST_CASE("telling the lot second by second never passes it, whatever the lot does meanwhile") {
    const FirstCome crowd(kSale);
    double told = 0.0;
    for (int t = 0; t < 600; ++t) {
        const double lot = 4000.0 + 500.0 * std::sin(t / 10.0);
        const double go = crowd.decide(600.0 - t, told, lot).may_tell;
        told += std::min(go, 200.0);
        CHECK(told <= 4500.0);
    }
    CHECK(told > 4400.0);
}

TEST_CASE("the room at the instant is the hint less reserve and others, or what is trusted now") {
    BackendOptions limits{.name = "api", .reserve = 0.25, .capacity_hint = 1280.0};
    Advice advice;
    advice.baseline = 480.0;
    advice.room = 123.0;
    CHECK(room_at_instant(limits, advice) == doctest::Approx(480.0));
    advice.baseline = 2000.0;
    CHECK(room_at_instant(limits, advice) == 0.0);
    limits.capacity_hint.reset();
    CHECK(room_at_instant(limits, advice) == 123.0);
}

TEST_CASE("a rush out of range names each fault") {
    CHECK(kSale.validate().empty());
    const RushOptions bad{.response = 0.0, .median = 0s, .spread = -1.0, .again_share = 2.0, .again = 0s};
    CHECK(bad.validate().size() == 5);
}
