#include <doctest/doctest.h>

#include <cmath>

#include "sim/plant.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace {

PlantSecond run(PlantModel& plant, double first, int seconds, double capacity = 1.0, double latency = 1.0) {
    PlantSecond last;
    for (int i = 0; i < seconds; ++i) last = plant.step(first, capacity, latency, nullptr);
    return last;
}

Plant with(Curve curve) {
    Plant plant;
    plant.curve = curve;
    return plant;
}

}  // namespace

TEST_CASE("the smooth curve is a single fast server: 1 / (1 - load), and its p99 is 4.6 means") {
    PlantModel plant(with(Curve::smooth));
    const PlantSecond s = run(plant, 0.8 * 1600.0, 200);
    CHECK(s.p50_s == doctest::Approx(0.69 * 0.010 / 0.2).epsilon(1e-6));
    CHECK(s.p99_s == doctest::Approx(4.6 * 0.010 / 0.2).epsilon(1e-6));
    CHECK(s.errors == 0.0);
    PlantModel full(with(Curve::smooth));
    CHECK(run(full, 1600.0, 200).p99_s == doctest::Approx(4.6 * 0.010 / 0.03));
}

TEST_CASE("the sharp knee is flat at nine tenths of the load and breaks its objective close to all of it") {
    PlantModel plant(with(Curve::sharp));
    // w = S rho^(sqrt(130) - 1) / (64 * 0.1), S = 0.04
    const double queued = 0.04 * std::pow(0.9, std::sqrt(130.0) - 1.0) / 6.4;
    CHECK(run(plant, 0.9 * 1600.0, 200).p99_s == doctest::Approx(0.100 + 4.6 * queued).epsilon(1e-6));
    PlantModel near(with(Curve::sharp)), at(with(Curve::sharp));
    CHECK(run(near, 0.97 * 1600.0, 200).p99_s < 0.3);
    CHECK(run(at, 0.995 * 1600.0, 200).p99_s > 0.3);
}

TEST_CASE("what exceeds capacity waits, up to six seconds of work, and the rest is dropped") {
    PlantModel plant(with(Curve::smooth));
    Plant options = with(Curve::smooth);
    options.retry_times = 0;
    PlantModel calm(options);
    PlantSecond s = run(calm, 2400.0, 1);
    CHECK(s.queue == doctest::Approx(800.0));
    s = run(calm, 2400.0, 30);
    CHECK(s.queue == doctest::Approx(6.0 * 1600.0));
    // A third is dropped, and after 6 s of waiting everybody has timed out.
    CHECK(s.errors == doctest::Approx(1.0).epsilon(1e-6));
    s = run(calm, 0.0, 6);
    CHECK(s.queue == doctest::Approx(0.0));
}

TEST_CASE("half of the requests time out after two seconds of waiting, none below half a second") {
    Plant options;
    options.retry_times = 0;
    PlantModel plant(options);
    PlantSecond s = run(plant, 1600.0 + 0.45 * 1600.0, 1);
    CHECK(s.errors == 0.0);
    s = run(plant, 1600.0 + 1.55 * 1600.0, 1);
    CHECK(s.queue / s.capacity == doctest::Approx(2.0));
    CHECK(s.errors == doctest::Approx(0.5));
}

TEST_CASE("45 % of what fails comes back once, spread evenly over the third to fifth second") {
    PlantModel plant(with(Curve::smooth));
    const PlantSecond broken = plant.step(1600.0 * 20.0, 1.0, 1.0, nullptr);
    const double failed = 1600.0 * 20.0 * broken.errors;
    double back = 0.0;
    for (int second = 1; second <= 8; ++second) {
        const double attempts = plant.step(0.0, 1000.0, 1.0, nullptr).attempts;
        back += attempts;
        CHECK((attempts > 0.0) == (second >= 3 && second <= 5));
        if (second == 4) CHECK(attempts == doctest::Approx(0.15 * failed));
    }
    CHECK(back == doctest::Approx(0.45 * failed));
}

TEST_CASE("in a retry storm four of five come back, and four of five of those again") {
    Plant options;
    options.retry_share = 0.8;
    options.retry_times = 2;
    PlantModel plant(options);
    // Nothing is ever served: what fails is counted by what comes back.
    const double first = 1600.0 * 20.0;
    const double failed = first * plant.step(first, 1.0, 1.0, nullptr).errors;
    double back = 0.0;
    for (int second = 1; second <= 20; ++second) back += plant.step(0.0, 1e-3, 1.0, nullptr).attempts;
    CHECK(back == doctest::Approx(failed * (0.8 + 0.64)).epsilon(0.01));
}

TEST_CASE("contention halves the capacity past the knee and goes only when the backend is left alone") {
    PlantModel plant(with(Curve::lock));
    run(plant, 0.85 * 1600.0, 300);
    CHECK(run(plant, 0.85 * 1600.0, 1).capacity == doctest::Approx(1600.0));
    CHECK(run(plant, 0.95 * 1600.0, 60).capacity == doctest::Approx(800.0));
    // Back to the load that was fine before: the queue never empties now.
    CHECK(run(plant, 0.85 * 1600.0, 600).capacity == doctest::Approx(800.0));
    CHECK(run(plant, 100.0, 60).capacity == doctest::Approx(1600.0));
}

TEST_CASE("lock waits announce the knee: their limit is reached before contention starts") {
    PlantModel plant(with(Curve::lock));
    CHECK(run(plant, 0.82 * 1600.0, 300).signal < kSignalLimit);
    const PlantSecond s = run(plant, 0.86 * 1600.0, 300);
    CHECK(s.signal > kSignalLimit);
    CHECK(s.capacity == doctest::Approx(1600.0));
}

TEST_CASE("a backend that sheds stays quick while its errors rise") {
    Plant options;
    options.shed_above = 0.75;
    PlantModel plant(options);
    const PlantSecond s = run(plant, 3200.0, 60);
    CHECK(s.p99_s < 0.3);
    CHECK(s.errors > 0.5);
}

TEST_CASE("the autoscaler grows after its warm-up and shrinks after a quiet spell") {
    Plant options;
    options.autoscaler = Autoscaler{};
    PlantModel plant(options);
    CHECK(run(plant, 1440.0, 80).capacity == doctest::Approx(1600.0));
    CHECK(run(plant, 1440.0, 60).capacity == doctest::Approx(1.5 * 1600.0));
    CHECK(run(plant, 480.0, 200).capacity == doctest::Approx(1.5 * 1600.0));
    CHECK(run(plant, 480.0, 200).capacity == doctest::Approx(1600.0));
}

TEST_CASE("trouble below comes up, and what is tried again goes down as load") {
    Plant options;
    options.depends = {"core", 0.5, 0.5};
    PlantModel plant(options);
    PlantSecond below;
    below.p99_s = 0.1;
    PlantSecond s = plant.step(1000.0, 1.0, 1.0, &below);
    CHECK(plant.calls() == doctest::Approx(500.0));
    CHECK(s.errors == 0.0);
    below.errors = 0.4;
    s = plant.step(1000.0, 1.0, 1.0, &below);
    CHECK(plant.calls() == doctest::Approx(500.0 * 1.2));
    // 40 % fail, half of those are tried again and 60 % of them succeed.
    CHECK(s.errors == doctest::Approx(0.4 - 0.5 * 0.4 * 0.6));
}

TEST_CASE("the baseline has the mean and the wave that were asked for, and a surge multiplies it") {
    Baseline options;
    BaselineModel baseline(options, 0.0, 7);
    double sum = 0.0, high = 0.0, low = 0.0;
    for (int t = 0; t < 7200; ++t) {
        const double requests = baseline.step(t, 1.0);
        sum += requests;
        if (t >= 1700 && t < 1900) high += requests / 200.0;
        if (t >= 5300 && t < 5500) low += requests / 200.0;
    }
    CHECK(sum / 7200.0 == doctest::Approx(480.0).epsilon(0.01));
    CHECK(high == doctest::Approx(480.0 * 1.12).epsilon(0.02));
    CHECK(low == doctest::Approx(480.0 * 0.88).epsilon(0.02));
    double surge = 0.0;
    for (int t = 0; t < 400; ++t) surge += baseline.step(t, 8.0) / 400.0;
    CHECK(surge > 8.0 * 480.0 * 0.95);
}
