#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "pacing/capacity_twins.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;

namespace {

constexpr double kSlo = 0.3, kPeriod = 5.0;

/// A backend of `servers` servers with a queue, looked at once a period.
struct Backend {
    double capacity = 1600.0, servers = 4.0, base = 0.08, noise = 0.05, backlog = 0.0;
    Rng rng{7};

    double latency(double load) const {
        const double rho = std::min(load / capacity, 0.98);
        return base * (1.0 + std::pow(rho, std::sqrt(2.0 * (servers + 1.0)) - 1.0) / (servers * (1.0 - rho)));
    }
    /// The highest load that keeps p99 under the law's target.
    double knee() const {
        double load = 0.0;
        while (load < 0.95 * capacity && latency(load) < 0.92 * kSlo) load += 1.0;
        return load;
    }
    double p99(double load) {
        backlog = std::clamp(backlog + (load - capacity) * kPeriod, 0.0, 6.0 * capacity);
        return latency(load) * std::exp(noise * rng.normal()) + backlog / capacity;
    }
};

struct Learning {
    explicit Learning(double proven = 0.0, const Law& law = {}) : twins(kSlo, kPeriod, proven, law) {}
    Backend backend;
    pacing::CapacityTwins twins;

    void see(double load) { twins.observe(load, backend.p99(load)); }
    void at(double load, int n) {
        for (int i = 0; i < n; ++i) see(load * (1.0 + 0.02 * backend.rng.normal()));
    }
    /// Follows the careful limit as a campaign does.
    double climb(double from, int n) {
        double load = from, most = 0.0;
        for (int i = 0; i < n; ++i) {
            see(load);
            load = std::clamp(twins.limit().careful, from, 1.15 * load);
            most = std::max(most, load);
        }
        return most;
    }
};

}  // namespace

TEST_CASE("nothing is believed before the first sample") {
    const Learning l;
    CHECK_FALSE(l.twins.begun());
    CHECK(l.twins.limit().careful == 0.0);
    CHECK(l.twins.capacity() == 0.0);
    CHECK(l.twins.changed() < 0.01);
}

TEST_CASE("following the careful limit from far below finds the knee and does not pass it") {
    for (double servers : {2.0, 4.0, 64.0}) {
        Learning l;
        l.backend.servers = servers;
        CAPTURE(servers);
        const double most = l.climb(200.0, 400);
        CHECK(l.backend.latency(most) <= kSlo);
        CHECK(most <= l.backend.capacity);
        CHECK(l.twins.limit().careful >= 0.8 * l.backend.knee());
        CHECK(l.twins.limit().median <= 1.06 * l.backend.knee());
        CHECK(l.twins.limit().careful <= l.twins.limit().median);
    }
}

TEST_CASE("from low loads alone no large one is trusted") {
    Learning l;
    l.at(200.0, 300);
    CHECK(l.twins.limit().careful > 200.0);
    CHECK(l.twins.limit().careful < 0.7 * l.backend.knee());
}

TEST_CASE("loads and latencies of the past teach the same") {
    Learning l;
    for (int i = 0; i < 300; ++i) {
        const double load = 300.0 + 900.0 * (i * 107 % 300) / 300.0;
        l.twins.remember(load, l.backend.p99(load));
    }
    CHECK(l.twins.limit().careful > 1150.0);
    CHECK(l.twins.limit().median < 1.1 * l.backend.knee());
}

TEST_CASE("one hidden glitch changes nothing") {
    Learning l;
    l.at(900.0, 100);
    const pacing::CapacityTwins::Limit before = l.twins.limit();
    l.twins.observe(900.0, 1.5);
    CHECK(l.twins.suspect());
    CHECK(l.twins.limit().median == doctest::Approx(before.median).epsilon(0.02));
    l.at(900.0, 2);
    CHECK_FALSE(l.twins.suspect());
    CHECK(l.twins.changed() < 0.05);
    CHECK(l.twins.limit().careful == doctest::Approx(before.careful).epsilon(0.03));
}

TEST_CASE("a backend that is known for single slow samples does not alarm by one; two in a row outvote the habit") {
    Learning l;
    for (int i = 0; i < 300; ++i) {
        if (i % 12 == 11)
            l.twins.observe(900.0, 1.2);
        else
            l.at(900.0, 1);
    }
    l.at(900.0, 3);
    l.twins.observe(900.0, 1.2);
    CHECK(l.twins.suspect());
    CHECK(l.twins.changed() <= 0.05);
    l.twins.observe(900.0, 1.2);
    CHECK(l.twins.changed() > 0.05);
}

TEST_CASE("two bad samples where all was well are a changed backend, and the load that broke it is remembered") {
    Learning l;
    l.at(900.0, 150);
    const double before = l.twins.limit().median;
    l.twins.observe(900.0, 1.5);
    CHECK(l.twins.changed() > 0.05);
    l.twins.observe(900.0, 1.5);
    l.twins.observe(900.0, 1.5);
    CHECK(l.twins.limit().median < 0.97 * before);
    CHECK(l.twins.limit().careful < 900.0);
}

TEST_CASE("a surge that overloads a backend as foreseen changes no belief about it") {
    Learning l;
    l.climb(200.0, 300);
    const pacing::CapacityTwins::Limit before = l.twins.limit();
    for (int i = 0; i < 12; ++i) {
        l.see(1900.0);
        CHECK((i < 1 || l.twins.queueing() > 0.05));
    }
    for (int i = 0; i < 30; ++i) l.see(900.0);
    CHECK(l.twins.queueing() < 0.05);
    CHECK(l.twins.limit().median == doctest::Approx(before.median).epsilon(0.12));
    CHECK(l.twins.limit().careful > 0.85 * before.careful);
}

TEST_CASE("half of the capacity gone is noticed within a few samples, and its return is found again") {
    Learning l;
    l.climb(200.0, 250);
    const double full = l.twins.limit().median;
    l.backend.capacity = 800.0;
    for (int i = 0; i < 4; ++i) l.see(1100.0);
    CHECK((l.twins.changed() > 0.05 || l.twins.limit().careful < 900.0));
    for (int i = 0; i < 20; ++i) l.see(500.0);
    CHECK(l.twins.limit().careful < 0.75 * full);
    const double halved = l.climb(400.0, 80);
    CHECK(halved <= 1.05 * l.backend.knee());
    l.backend.capacity = 1600.0;
    l.climb(500.0, 900);
    CHECK(l.twins.limit().careful > 0.8 * full);
}

TEST_CASE("a load that outgrows the grid by far lays it anew") {
    Learning l;
    l.at(4.0, 50);
    CHECK(l.twins.limit().median < 256.0 * 4.0);
    l.at(900.0, 20);
    CHECK(l.twins.limit().careful > 900.0);
    CHECK(l.backend.latency(l.climb(900.0, 300)) <= kSlo);
    CHECK(l.twins.limit().careful > 0.8 * l.backend.knee());
}

TEST_CASE("a grid that was laid around a load nobody has again is laid anew below") {
    Learning l;
    l.twins.observe(1e7, 0.08);
    CHECK(l.twins.limit().careful > 1e6);
    l.at(900.0, 3);
    CHECK(l.twins.limit().median < 256.0 * 900.0);
    CHECK(l.backend.latency(l.climb(900.0, 300)) <= kSlo);
}

TEST_CASE("a load somebody vouches for is believed in before it was seen, and not against evidence") {
    Learning plain, vouched(1200.0);
    plain.at(300.0, 30);
    vouched.at(300.0, 30);
    CHECK(vouched.twins.limit().careful > plain.twins.limit().careful);
    Learning wrong(1200.0);
    wrong.backend.capacity = 700.0;
    wrong.climb(200.0, 300);
    CHECK(wrong.twins.limit().careful <= 1.05 * wrong.backend.knee());
}

TEST_CASE("nonsense is no sample, and the same samples give the same answer") {
    Learning one, two;
    one.at(900.0, 60);
    two.at(900.0, 60);
    for (double bad : {0.0, -1.0, std::nan(""), static_cast<double>(INFINITY)}) {
        two.twins.observe(bad, 0.1);
        two.twins.observe(900.0, bad);
        two.twins.remember(bad, 0.1);
        two.twins.remember(900.0, bad);
    }
    CHECK(one.twins.limit().median == two.twins.limit().median);
    CHECK(one.twins.limit().careful == two.twins.limit().careful);
    CHECK(one.twins.changed() == two.twins.changed());
    CHECK(one.twins.capacity() == two.twins.capacity());
}

TEST_CASE("the capacity is that of the backend, above the load that keeps its objective") {
    Learning l;
    l.climb(200.0, 400);
    CHECK(l.twins.capacity() > l.twins.limit().median);
    CHECK(l.twins.capacity() == doctest::Approx(1600.0).epsilon(0.12));
}

TEST_CASE("noise is learnt") {
    Learning calm, wild;
    wild.backend.noise = 0.25;
    calm.at(600.0, 300);
    wild.at(600.0, 300);
    CHECK(calm.twins.noise() < 0.08);
    CHECK(wild.twins.noise() > 0.18);
}

TEST_CASE("a lower target is a lower limit") {
    Learning usual, timid(0.0, Law{.target = 0.6});
    usual.climb(200.0, 300);
    timid.climb(200.0, 300);
    CHECK(timid.twins.limit().careful < usual.twins.limit().careful);
}
