#include <doctest/doctest.h>

#include <cmath>

#include "pacing/leading_signal.hpp"
#include "tidegate/base/rng.hpp"

using tidegate::Rng;
using tidegate::pacing::LeadingSignal;

namespace {

double locks(double load) {
    return std::exp(load / 200.0);
}

LeadingSignal learnt(int samples, double from = 400.0, double to = 700.0, double noise = 0.1) {
    LeadingSignal signal;
    Rng rng(3);
    for (int i = 0; i < samples; ++i) {
        const double load = from + (to - from) * rng.uniform();
        signal.observe(load, locks(load) * std::exp(noise * rng.normal()));
    }
    return signal;
}

}  // namespace

TEST_CASE("the load at which a signal reaches its limit is foreseen from loads below it") {
    CHECK(learnt(200).load_at(locks(1000.0)) == doctest::Approx(1000.0).epsilon(0.03));
}

TEST_CASE("a signal bounds nothing before a rising line is known") {
    CHECK(std::isinf(LeadingSignal().load_at(40.0)));
    CHECK(std::isinf(learnt(6).load_at(40.0)));
    CHECK(std::isinf(learnt(100, 500.0, 501.0).load_at(40.0)));  // one load only
    LeadingSignal falling;
    for (int i = 0; i < 50; ++i) falling.observe(100.0 + i, 100.0 - i);
    CHECK(std::isinf(falling.load_at(40.0)));
    CHECK(std::isinf(learnt(100).load_at(0.0)));
    CHECK(std::isinf(learnt(100).load_at(std::nan(""))));
}

TEST_CASE("values that have no logarithm are left out") {
    LeadingSignal signal = learnt(100);
    const double before = signal.load_at(100.0);
    for (double bad : {0.0, -1.0, std::nan(""), static_cast<double>(INFINITY)}) signal.observe(500.0, bad);
    signal.observe(INFINITY, 5.0);
    CHECK(signal.load_at(100.0) == before);
}

TEST_CASE("a line is forgotten: the backend of today counts") {
    LeadingSignal signal(50.0);
    for (int i = 0; i < 300; ++i) signal.observe(400.0 + i % 100, locks(400.0 + i % 100));
    for (int i = 0; i < 300; ++i) signal.observe(400.0 + i % 100, locks(600.0 + i % 100));
    CHECK(signal.load_at(locks(1000.0)) == doctest::Approx(800.0).epsilon(0.05));
}
