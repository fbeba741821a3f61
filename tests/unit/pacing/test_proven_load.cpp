#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "pacing/proven_load.hpp"

using namespace tidegate;

namespace {

constexpr double kStart = 10.0;  // the smallest load worth measuring

struct Proving {
    explicit Proving(const Law& law = {}) : proven(5.0, law) {}
    void see(double own, double ratio, bool errors = false) {
        proven.observe(t += 5.0, own, ratio, errors, 55.0, kStart);
    }
    void healthy(int n, double own, double ratio = 0.2) {
        for (int i = 0; i < n; ++i) see(own, ratio);
    }
    double trusted() const { return proven.trusted(kStart); }
    /// Goes up as far as it is let, `n` samples.
    void climb(int n) {
        for (int i = 0; i < n; ++i) see(trusted(), 0.2);
    }
    pacing::ProvenLoad proven;
    double t = 0.0;
};

}  // namespace

TEST_CASE("nothing is trusted before three samples, then the smallest load worth measuring") {
    Proving p;
    p.see(0.0, 0.1);
    p.see(0.0, 0.1);
    CHECK(p.trusted() == 0.0);
    p.see(0.0, 0.1);
    CHECK(p.trusted() > 0.5 * kStart);
    CHECK(p.trusted() <= kStart);
}

TEST_CASE("trust grows only with load that was borne, and the step shrinks with the headroom") {
    Proving idle;
    idle.healthy(100, 0.0);
    CHECK(idle.trusted() <= kStart);
    Proving p;
    p.healthy(40, 100.0, 0.1);
    const double roomy = p.trusted();
    CHECK(roomy > 130.0);
    p.healthy(3, 100.0, 0.6);
    CHECK(p.trusted() < 0.7 * roomy);
    p.healthy(3, 100.0, 0.8);
    CHECK(p.trusted() == doctest::Approx(100.0).epsilon(0.02));  // beyond the target: what was borne, no step
}

TEST_CASE("one sample over teaches nothing, two leave a ceiling and a hold of three good ones") {
    Proving p;
    p.climb(10);
    const double before = p.trusted();
    p.see(p.trusted(), 1.3);
    CHECK_FALSE(p.proven.holding());
    p.healthy(1, before);
    Proving q;
    q.climb(10);
    const double load = q.trusted();
    q.see(load, 1.3);
    q.see(load, 1.3);
    CHECK(q.proven.holding());
    q.healthy(2, 0.5 * load);
    CHECK(q.proven.holding());
    q.healthy(1, 0.3 * load);
    CHECK_FALSE(q.proven.holding());
    CHECK(q.trusted() < load);
}

TEST_CASE("errors hold at once") {
    Proving p;
    p.climb(5);
    p.see(50.0, 0.2, true);
    CHECK(p.proven.holding());
}

TEST_CASE("capacity taken away cuts deeper than having gone too far") {
    Proving lost;
    lost.healthy(60, 100.0);
    lost.see(100.0, 2.0);
    lost.see(100.0, 2.0);
    lost.healthy(3, 100.0);
    Proving explored;
    explored.healthy(6, 40.0);
    for (double own = 40.0; own < 100.0; own *= 1.25) explored.see(own, 0.2);
    explored.see(130.0, 2.0);
    explored.see(130.0, 2.0);
    explored.healthy(3, 60.0);
    CHECK(lost.trusted() <= 51.0);
    CHECK(explored.trusted() > lost.trusted());
    CHECK(explored.trusted() <= 0.85 * 130.0);
    // And it comes back sooner.
    double before = lost.trusted();
    for (int i = 0; i < 200; ++i) lost.see(lost.trusted(), 0.1);
    CHECK(lost.trusted() > 1.6 * before);
}

TEST_CASE("trouble while next to nothing of ours is in flight leaves no ceiling behind") {
    Proving p;
    p.healthy(3, 0.0);
    for (int i = 0; i < 20; ++i) p.see(0.0, 3.0, i % 2 == 0);
    CHECK(p.proven.holding());
    p.healthy(3, 0.0);
    CHECK_FALSE(p.proven.holding());
    CHECK(p.trusted() > 0.5 * kStart);
    p.climb(30);
    CHECK(p.trusted() > 5.0 * kStart);
}

TEST_CASE("however often there is trouble, some load can be tried again") {
    Proving p;
    for (int i = 0; i < 60; ++i) {
        p.climb(5);
        p.see(p.trusted(), 2.0);
        p.see(p.trusted(), 2.0);
        p.healthy(3, 0.0, 0.1);
        REQUIRE(p.trusted() > 0.05 * kStart);
        REQUIRE(std::isfinite(p.trusted()));
    }
}
