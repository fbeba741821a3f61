#include <doctest/doctest.h>

#include <chrono>
#include <cmath>

#include "tidegate/base/rng.hpp"
#include "tidegate/pacing/committed_load.hpp"

using namespace tidegate;

namespace {

constexpr TimePoint kStart{std::chrono::seconds(1000)};

ResponseModel nominal(double spread = 1.2) {
    return ResponseModel({.open_rate = 0.08, .median = std::chrono::seconds(45), .spread = spread});
}

using Sends = std::vector<std::pair<double, double>>;

/// Sends convolved with the kernel, term by term.
double directly(const Sends& sends, double at, const ResponseModel& model) {
    double sum = 0.0;
    for (const auto& [t, n] : sends) sum += n * model.density(at - t);
    return sum;
}

}  // namespace

TEST_CASE("opens agree with the direct convolution for steady, rising and pulsing sends") {
    for (double spread : {0.5, 0.8, 1.2, 2.0}) {
        const ResponseModel model = nominal(spread);
        for (int shape = 0; shape < 3; ++shape) {
            CommittedLoad load(model, kStart);
            Sends sends;
            for (double t = 0.0; t < 1200.0; t += 1.0) {
                const double n = shape == 0 ? 100.0 : shape == 1 ? t : (std::fmod(t, 120.0) < 60.0 ? 200.0 : 0.0);
                load.add(n, after(kStart, t));
                if (n > 0.0) sends.emplace_back(t, n);
            }
            for (double ahead : {0.0, 10.0, 45.0, 120.0, 300.0}) {
                const double expected = directly(sends, 1200.0 + ahead, model);
                CAPTURE(spread);
                CAPTURE(shape);
                CAPTURE(ahead);
                // The last per cent of the opens, after the horizon, is let go.
                const double peak = directly(sends, 1200.0, model);
                const double error = load.opens_at(after(kStart, 1200.0 + ahead), model) - expected;
                CHECK(std::fabs(error) < 0.02 * peak + (shape == 2 ? 0.05 : 0.015) * expected);
            }
        }
    }
}

TEST_CASE("the answer for a moment in the past leaves out what was sent after it") {
    const ResponseModel model = nominal();
    CommittedLoad load(model, kStart);
    load.add(1000.0, after(kStart, 10));
    const double before = load.opens_at(after(kStart, 40), model);
    load.add(1e6, after(kStart, 45));
    CHECK(load.opens_at(after(kStart, 40), model) == doctest::Approx(before).epsilon(0.02));
}

TEST_CASE("a long silence, steps beyond the ring and adds at one instant are booked right") {
    const ResponseModel model = nominal();
    CommittedLoad load(model, kStart);
    for (int i = 0; i < 100; ++i) load.add(10.0, after(kStart, 1));
    CHECK(load.total() == doctest::Approx(1000.0));
    CHECK(load.sent_within(60.0, after(kStart, 2)) == doctest::Approx(1000.0));
    load.add(0.0, after(kStart, 1e7));
    CHECK(load.opens_at(after(kStart, 1e7), model) == 0.0);
    CHECK(load.sent_within(60.0, after(kStart, 1e7)) == 0.0);
    load.add(500.0, after(kStart, 2e7));
    CHECK(load.total() == doctest::Approx(1500.0));
    CHECK(load.opens_at(after(kStart, 2e7 + 45.0), model) == doctest::Approx(500.0 * model.density(45.0)).epsilon(0.1));
    load.add(1.0, after(kStart, 5.0));  // an old time is booked as now, never lost
    CHECK(load.total() == doctest::Approx(1501.0));
}

TEST_CASE("what is taken back never happened, and nothing below zero or nonsense is booked") {
    const ResponseModel model = nominal();
    CommittedLoad load(model, kStart), without(model, kStart);
    for (double t = 0.0; t < 20.0; t += 1.0) {
        load.add(100.0, after(kStart, t));
        if (t < 15.0) without.add(100.0, after(kStart, t));
    }
    load.remove(500.0, after(kStart, 20));
    CHECK(load.total() == doctest::Approx(1500.0));
    CHECK(load.opens_at(after(kStart, 90), model) ==
          doctest::Approx(without.opens_at(after(kStart, 90), model)).epsilon(0.02));
    load.remove(1e9, after(kStart, 20));
    CHECK(load.total() == 0.0);
    CHECK(load.opens_at(after(kStart, 60), model) == 0.0);
    load.add(std::nan(""), after(kStart, 21));
    load.add(-5.0, after(kStart, 21));
    CHECK(load.total() == 0.0);
}

TEST_CASE("all the opens of a campaign come sooner or later") {
    const ResponseModel model({.open_rate = 0.2, .median = std::chrono::seconds(2), .spread = 0.8});
    CommittedLoad load(model, kStart);
    Rng rng(3);
    double opens = 0.0;
    for (double t = 0.0; t < 80.0; t += 0.05) {
        if (t < 30.0) load.add(static_cast<double>(rng.poisson(5.0)), after(kStart, t));
        opens += 0.05 * load.opens_at(after(kStart, t), model);
    }
    CHECK(opens == doctest::Approx(0.99 * 0.2 * load.total()).epsilon(0.02));
}
