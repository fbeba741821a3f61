#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "tidegate/base/rng.hpp"
#include "tidegate/pacing/committed_load.hpp"
#include "tidegate/quota/quota_store.hpp"

using namespace tidegate;

namespace {

constexpr TimePoint kStart{std::chrono::seconds(1000)};

ResponseOptions belief(double median, double spread, double open_rate = 0.2) {
    return {.open_rate = open_rate, .median = std::chrono::duration_cast<Duration>(Seconds(median)), .spread = spread};
}

}  // namespace

TEST_CASE("sending at the admissible rate never takes the predicted load over a room that does not shrink") {
    for (std::uint64_t seed = 1; seed <= 24; ++seed) {
        Rng rng(seed);
        const double median = std::exp(rng.uniform() * 5.0);
        const ResponseModel model(belief(median, 0.3 + 1.5 * rng.uniform()));
        CommittedLoad load(model, kStart);
        const Impact impact{.per_open = 1.0 + 5.0 * rng.uniform(), .per_delivery = seed % 3 == 0 ? 0.3 : 0.0};
        const std::vector<Commitment> all{{&load, &model, impact}};
        const double tick = median / 20.0;
        double room = 10.0 + 100.0 * rng.uniform(), worst = 0.0;
        for (int i = 0; i < 600; ++i) {
            const TimePoint now = after(kStart, tick * i);
            if (rng.uniform() < 0.02) room *= 1.0 + rng.uniform();
            const Admission admission = admissible_rate(room, all[0], all, now);
            REQUIRE(std::isfinite(admission.rate));
            REQUIRE(admission.rate >= 0.0);
            // Pausing at random must not open a way around the rule either.
            if (rng.uniform() < 0.9) load.add(admission.rate * tick, now);
            const double opens = model.doubt() * impact.per_open * load.opens_at(after(now, tick), model);
            worst = std::max(worst, opens / room);
            CAPTURE(seed);
            REQUIRE(opens <= 1.03 * room);
        }
        CHECK(worst > 0.5);  // and the room is used
    }
}

TEST_CASE("the rate is zero as soon as what is committed passes the room at any horizon") {
    const ResponseModel model(belief(45, 1.2));
    CommittedLoad load(model, kStart);
    const std::vector<Commitment> all{{&load, &model, {.per_open = 3.0}}};
    for (double t = 0.0; t < 90.0; t += 1.0) {
        const TimePoint now = after(kStart, t);
        load.add(admissible_rate(400.0, all[0], all, now).rate, now);
    }
    const TimePoint now = after(kStart, 90);
    const double peak = admissible_rate(400.0, all[0], all, now).committed_peak;
    CHECK(admissible_rate(0.99 * peak, all[0], all, now).rate == 0.0);
    CHECK(admissible_rate(0.0, all[0], all, now).rate == 0.0);
    CHECK(admissible_rate(-5.0, all[0], all, now).rate == 0.0);
    CHECK(admissible_rate(std::nan(""), all[0], all, now).rate == 0.0);
    // The load still to come counts although little of it has arrived yet.
    CommittedLoad burst(model, kStart);
    const std::vector<Commitment> fresh{{&burst, &model, {.per_open = 3.0}}};
    burst.add(20000.0, kStart);
    CHECK(predicted_load(fresh, after(kStart, 1), true) < 100.0);
    CHECK(admissible_rate(100.0, fresh[0], fresh, after(kStart, 1)).rate == 0.0);
}

TEST_CASE("no impact means nothing binds, and an unbounded room does not either") {
    const ResponseModel model(belief(45, 1.2));
    CommittedLoad load(model, kStart);
    const Commitment none{&load, &model, {}};
    CHECK(std::isinf(admissible_rate(10.0, none, {none}, kStart).rate));
    const Commitment some{&load, &model, {.per_open = 3.0}};
    CHECK(std::isinf(admissible_rate(std::numeric_limits<double>::infinity(), some, {some}, kStart).rate));
}

TEST_CASE("load at the moment of delivery bounds the rate by itself") {
    const ResponseModel model(belief(45, 1.2));
    CommittedLoad load(model, kStart);
    const Commitment mine{&load, &model, {.per_open = 0.0, .per_delivery = 2.0}};
    CHECK(admissible_rate(100.0, mine, {mine}, kStart).rate == doctest::Approx(50.0));
    for (double t = 0.0; t < 10.0; t += 0.1) load.add(5.0, after(kStart, t));
    CHECK(admissible_rate(100.0, mine, {mine}, after(kStart, 10)).rate == doctest::Approx(50.0));
    CHECK(predicted_load({mine}, after(kStart, 10), false) == doctest::Approx(100.0).epsilon(0.1));
}

TEST_CASE("what other campaigns have committed, opened or delivered, is taken from the room") {
    const ResponseModel model(belief(45, 1.2)), quick(belief(5, 0.8));
    CommittedLoad mine_load(model, kStart), other_load(quick, kStart);
    const Commitment mine{&mine_load, &model, {.per_open = 3.0}};
    const Commitment other{&other_load, &quick, {.per_open = 1.0, .per_delivery = 1.0}};
    const double alone = admissible_rate(200.0, mine, {mine}, kStart).rate;
    for (double t = 0.0; t < 30.0; t += 0.1) other_load.add(5.0, after(kStart, t));
    const double shared = admissible_rate(200.0, mine, {mine, other}, after(kStart, 30)).rate;
    CHECK(shared < 0.8 * alone);
    CHECK(shared > 0.0);
}

TEST_CASE("two campaigns that split what each could send alone stay within one room, the urgent one first") {
    const ResponseModel slow(belief(45, 1.2)), quick(belief(10, 0.8));
    CommittedLoad first(slow, kStart), second(quick, kStart);
    const std::vector<Commitment> all{{&first, &slow, {.per_open = 3.0}}, {&second, &quick, {.per_open = 2.0}}};
    const double room = 300.0;
    for (double t = 0.0; t < 900.0; t += 0.5) {
        const TimePoint now = after(kStart, t);
        const double alone[] = {admissible_rate(room, all[0], all, now).rate,
                                admissible_rate(room, all[1], all, now).rate};
        const std::vector<double> shares = divide(1.0, std::vector<Claim>{{9, 1.0}, {1, 1.0}});
        first.add(shares[0] * alone[0] * 0.5, now);
        second.add(shares[1] * alone[1] * 0.5, now);
        REQUIRE(predicted_load(all, now, true) <= 1.03 * room);
    }
    CHECK(predicted_load(all, after(kStart, 900), true) > 0.8 * room);
    CHECK(first.total() * 3.0 > 5.0 * second.total() * 2.0);
    CHECK(second.total() > 0.0);
}

TEST_CASE("a control tick over an hour of history and three backends costs little") {
    const ResponseModel model(belief(45, 1.2));
    CommittedLoad load(model, kStart);
    for (double t = 0.0; t < 3600.0; t += 0.1) load.add(50.0, after(kStart, t));
    const std::vector<Commitment> all{{&load, &model, {.per_open = 3.0}}};
    const auto began = std::chrono::steady_clock::now();
    double sum = 0.0;
    constexpr int kTicks = 50;
    for (int i = 0; i < kTicks; ++i)
        for (int b = 0; b < 3; ++b) sum += admissible_rate(1e5 + b, all[0], all, after(kStart, 3600.0 + i * 0.1)).rate;
    const double each = Seconds(std::chrono::steady_clock::now() - began).count() / kTicks;
    MESSAGE("one tick: " << each * 1e6 << " us");
    CHECK(sum > 0.0);
    CHECK(each < 0.02);  // far above the figure, far below anything linear in the history
}
