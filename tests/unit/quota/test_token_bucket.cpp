#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tidegate/base/rng.hpp"
#include "tidegate/quota/token_bucket.hpp"

using namespace tidegate;

namespace {
constexpr TimePoint kStart{std::chrono::seconds(100)};
}

TEST_CASE("a bucket never lets more pass than rate times window plus one burst, whatever the window") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Rng rng(seed);
        const double rate = std::exp(rng.uniform() * 12.0 - 2.0);
        const double burst = std::max(1.0, rate * 0.020);
        TokenBucket bucket(Rate{rate}, kStart);
        double t = 0.0;
        std::vector<std::pair<double, double>> taken;
        for (int i = 0; i < 600; ++i) {
            t += rng.uniform() < 0.1 ? rng.uniform() * 5.0 : rng.uniform() * 0.02;
            taken.emplace_back(t, static_cast<double>(bucket.take(rng.bits() % 5000, after(kStart, t))));
        }
        for (std::size_t from = 0; from < taken.size(); from += 7) {
            double sum = 0.0;
            for (std::size_t to = from; to < taken.size(); ++to) {
                sum += taken[to].second;
                REQUIRE(sum <= rate * (taken[to].first - taken[from].first) + burst + 1e-6);
            }
        }
    }
}

TEST_CASE("a bucket whose rate changes at random passes no more than the sum of its rates and one burst") {
    Rng rng(7);
    TokenBucket bucket(Rate{}, kStart);
    double t = 0.0, earned = 0.0, passed = 0.0, rate = 0.0, highest = 1.0;
    for (int i = 0; i < 20000; ++i) {
        const double dt = rng.uniform() * 0.01;
        t += dt;
        earned += rate * dt;
        passed += static_cast<double>(bucket.take(1000000, after(kStart, t)));
        REQUIRE(passed <= earned + highest + 1e-6);
        rate = rng.uniform() < 0.3 ? 0.0 : rng.uniform() * 2000.0;
        highest = std::max(highest, rate * 0.020);
        bucket.set_rate(Rate{rate}, after(kStart, t));
    }
    CHECK(passed > 0.9 * earned - highest);
}

TEST_CASE("a rate of zero stops at once and keeps the fraction already earned") {
    TokenBucket bucket(Rate{1.0}, kStart);
    bucket.set_rate(Rate{}, after(kStart, 0.9));
    CHECK(bucket.take(1, after(kStart, 50)) == 0);
    CHECK(bucket.next(after(kStart, 50)) == TimePoint::max());
    bucket.set_rate(Rate{1.0}, after(kStart, 50));
    CHECK(bucket.take(1, after(kStart, 50.05)) == 0);
    CHECK(bucket.take(5, after(kStart, 50.11)) == 1);
}

TEST_CASE("lowering the rate cuts a full bucket to the new burst and raising it grants nothing at once") {
    TokenBucket bucket(Rate{1000.0}, kStart);
    CHECK(bucket.available(after(kStart, 10)) == 20);
    bucket.set_rate(Rate{100.0}, after(kStart, 10));
    CHECK(bucket.available(after(kStart, 10)) == 2);
    bucket.set_rate(Rate{100000.0}, after(kStart, 10));
    CHECK(bucket.available(after(kStart, 10)) == 2);
}

TEST_CASE("time that runs backwards adds nothing, then or when it catches up") {
    TokenBucket bucket(Rate{100.0}, kStart);
    CHECK(bucket.take(100, after(kStart, 1.0)) == 2);
    CHECK(bucket.take(100, after(kStart, 0.2)) == 0);
    CHECK(bucket.take(100, after(kStart, 1.0)) == 0);
    CHECK(bucket.next(after(kStart, 0.5)) > after(kStart, 1.0));
}

TEST_CASE("a token is there at the moment that next names, and tokens given back never pass the burst") {
    for (double rate : {0.001, 0.3, 1.0, 7.0, 333.0, 48999.0}) {
        TokenBucket bucket(Rate{rate}, kStart);
        for (int i = 0; i < 50; ++i) {
            const TimePoint at = bucket.next(kStart);
            REQUIRE(bucket.available(at) >= 1);
            bucket.take(1000000, at);
        }
        bucket.give_back(1000000);
        CHECK(bucket.available(kStart) <= static_cast<std::uint64_t>(std::max(1.0, rate * 0.020)));
    }
}

TEST_CASE("an unlimited bucket gives what is wanted, leaves no debt, and nonsense rates give nothing") {
    TokenBucket bucket(Rate::unlimited(), kStart);
    CHECK(bucket.take(123456789, kStart) == 123456789);
    bucket.set_rate(Rate{10.0}, after(kStart, 1));
    CHECK(bucket.available(after(kStart, 1)) == 0);
    bucket.set_rate(Rate{-5.0}, after(kStart, 1));
    CHECK(bucket.take(1, after(kStart, 9)) == 0);
    bucket.set_rate(Rate{std::nan("")}, after(kStart, 9));
    CHECK(bucket.take(1, after(kStart, 99)) == 0);
}
