#include <doctest/doctest.h>

#include <cmath>

#include "pacing/baseline.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;

namespace {

struct Watched {
    explicit Watched(const Law& law = {}) : baseline(5.0, law) {}
    void see(double load, double own = 0.0, double predicted = -1.0) {
        baseline.observe(t, load, own, predicted < 0.0 ? own : predicted, 3.0, 45.0);
        t += 5.0;
    }
    void calm(int n, double level = 480.0, double noise = 10.0) {
        for (int i = 0; i < n; ++i) see(level + noise * rng.normal());
    }
    Rng rng{5};
    pacing::Baseline baseline;
    double t = 0.0;
};

}  // namespace

TEST_CASE("the level is the load that is not ours") {
    Watched w;
    for (int i = 0; i < 40; ++i) w.see(480.0 + 20.0 * i, 20.0 * i);
    CHECK(w.baseline.level() == doctest::Approx(480.0));
    // Ours can never be more than everybody's.
    w.see(100.0, 5000.0);
    CHECK(w.baseline.level() >= 0.0);
}

TEST_CASE("noise is averaged, and its spread is known") {
    Watched w;
    w.calm(300);
    CHECK(w.baseline.level() == doctest::Approx(480.0).epsilon(0.03));
    CHECK(w.baseline.spread() > 8.0);
    CHECK(w.baseline.spread() < 16.0);
}

TEST_CASE("a jump up is believed at once, a jump down by half") {
    Watched w;
    w.calm(200);
    w.see(900.0);
    CHECK(w.baseline.level() == doctest::Approx(900.0));
    Watched down;
    down.calm(200);
    const double before = down.baseline.level();
    down.see(200.0);
    CHECK(down.baseline.level() == doctest::Approx(0.5 * (before + 200.0)));
}

TEST_CASE("a jump up leaves doubt behind, which calm takes away") {
    Watched w;
    w.calm(200);
    const double before = w.baseline.spread();
    w.see(900.0);
    CHECK(w.baseline.spread() > 5.0 * before);
    w.calm(150, 900.0);
    CHECK(w.baseline.spread() < 2.0 * before);
}

TEST_CASE("the margin grows with loads that were not foreseen, and shrinks when all are") {
    Watched w;
    w.calm(400);
    const double calm = w.baseline.margin();
    CHECK(calm <= 3.0);
    CHECK(calm >= 2.0);
    // Steady growth below what counts as a jump: each load exceeds that of one lag ago.
    double level = 480.0;
    for (int i = 0; i < 60; ++i) w.see(level *= 1.02);
    CHECK(w.baseline.margin() > calm + 0.5);
    CHECK(w.baseline.margin() <= 6.0);
    w.calm(600, level);
    CHECK(w.baseline.margin() < 3.0);
}

TEST_CASE("a jump that was recognised says nothing about how well calm times are foreseen") {
    Watched w;
    w.calm(400);
    const double calm = w.baseline.margin();
    for (int i = 0; i < 12; ++i) w.see(900.0 + 5.0 * w.rng.normal());
    CHECK(w.baseline.margin() <= calm + 0.01);
}

TEST_CASE("the law's constants reach the baseline") {
    Watched w(Law{.jump_down_gain = 1.0, .first_margin = 5.0});
    CHECK(w.baseline.margin() == 5.0);
    w.calm(200);
    w.see(200.0);
    CHECK(w.baseline.level() == doctest::Approx(200.0));
}
