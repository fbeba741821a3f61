#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tidegate/base/rng.hpp"
#include "tidegate/pacing/admission.hpp"
#include "tidegate/quota/quota_store.hpp"

using namespace tidegate;

namespace {

constexpr TimePoint kStart{std::chrono::seconds(1000)};

ResponseOptions belief(double median, double spread, double open_rate = 0.2) {
    return {.open_rate = open_rate, .median = std::chrono::duration_cast<Duration>(Seconds(median)), .spread = spread};
}

/// What a campaign's careful curve says of the load at a moment.
double careful(const Commitment& c, TimePoint at) {
    const ResponseModel& model = c.reaction->model();
    const std::vector<double> messages = c.reaction->sent().by_age(model.edges(), at);
    double opens = 0.0;
    for (const ResponseModel::Shape& shape : model.shapes())
        for (std::size_t j = 0; j < messages.size(); ++j) opens += shape.weight * messages[j] * shape.density[j];
    return c.impact.per_open * opens;
}

/// Opens by age as the curve itself expects them.
void open_as_expected(Reaction& reaction, double seconds, TimePoint to, double keenness = 1.0) {
    const TimePoint from = after(to, -seconds);
    const ResponseModel& model = reaction.model();
    const std::vector<double> messages = reaction.sent().by_age(model.edges(), after(to, -0.5 * seconds));
    std::vector<OpensOfAge> opens;
    for (std::size_t j = 0; j < messages.size(); ++j)
        opens.push_back(
            {0.5 * (model.edges()[j] + model.edges()[j + 1]), keenness * messages[j] * model.expected()[j] * seconds});
    reaction.see_opens(opens, from, to);
}

}  // namespace

TEST_CASE("sending at the admissible rate never takes the predicted load over a room that does not shrink") {
    for (std::uint64_t seed = 1; seed <= 24; ++seed) {
        Rng rng(seed);
        const double median = std::exp(rng.uniform() * 5.0), period = median * (0.02 + 0.3 * rng.uniform());
        Reaction reaction(belief(median, 0.3 + 1.5 * rng.uniform()), kStart);
        const Impact impact{.per_open = 1.0 + 5.0 * rng.uniform(), .per_delivery = 0.0};
        const std::vector<Commitment> all{{&reaction, impact}};
        const double tick = median / 20.0;
        double room = 10.0 + 100.0 * rng.uniform(), worst = 0.0;
        for (int i = 0; i < 500; ++i) {
            const TimePoint now = after(kStart, tick * i);
            if (rng.uniform() < 0.02) room *= 1.0 + rng.uniform();
            const Admission admission = admissible_rate(room, all[0], all, period, now);
            REQUIRE(std::isfinite(admission.rate));
            REQUIRE(admission.rate >= 0.0);
            // Pausing at random must not open a way around the rule either.
            if (rng.uniform() < 0.9) reaction.grant(admission.rate * tick, now);
            worst = std::max(worst, careful(all[0], after(now, tick)) / room);
            CAPTURE(seed);
            REQUIRE(careful(all[0], after(now, tick)) <= 1.03 * room);
            REQUIRE(predicted_load(all, after(now, tick)) <= 1.03 * room);
        }
        CHECK(worst > 0.5);  // and the room is used
    }
}

TEST_CASE("the rule holds while the curve is learnt and proves true") {
    for (bool by_age : {true, false}) {
        Reaction reaction(belief(45, 1.2), kStart);
        const std::vector<Commitment> all{{&reaction, {.per_open = 3.0}}};
        double worst = 0.0;
        for (int i = 1; i <= 900; ++i) {
            const TimePoint now = after(kStart, i);
            if (by_age)
                open_as_expected(reaction, 1.0, now);
            else
                reaction.see_opens(reaction.opens_at(after(now, -0.5)), after(now, -1.0), now);
            reaction.grant(admissible_rate(600.0, all[0], all, 5.0, now).rate, now);
            worst = std::max(worst, predicted_load(all, now) / 600.0);
            REQUIRE(predicted_load(all, now) <= 1.03 * 600.0);
        }
        CHECK(worst > 0.7);
    }
}

TEST_CASE("the rate is zero as soon as what is committed passes the room at any horizon") {
    Reaction reaction(belief(45, 1.2), kStart);
    const std::vector<Commitment> all{{&reaction, {.per_open = 3.0}}};
    for (double t = 0.0; t < 90.0; t += 1.0) {
        const TimePoint now = after(kStart, t);
        reaction.grant(admissible_rate(400.0, all[0], all, 5.0, now).rate, now);
    }
    const TimePoint now = after(kStart, 90);
    const double peak = admissible_rate(400.0, all[0], all, 5.0, now).committed_peak;
    CHECK(peak > 300.0);
    CHECK(admissible_rate(0.99 * peak, all[0], all, 5.0, now).rate == 0.0);
    CHECK(admissible_rate(0.0, all[0], all, 5.0, now).rate == 0.0);
    CHECK(admissible_rate(-5.0, all[0], all, 5.0, now).rate == 0.0);
    CHECK(admissible_rate(std::nan(""), all[0], all, 5.0, now).rate == 0.0);
    // The load still to come counts although little of it has arrived yet.
    Reaction burst(belief(45, 1.2), kStart);
    const std::vector<Commitment> fresh{{&burst, {.per_open = 3.0}}};
    burst.grant(20000.0, kStart);
    CHECK(predicted_load(fresh, after(kStart, 1)) < 100.0);
    CHECK(admissible_rate(100.0, fresh[0], fresh, 5.0, after(kStart, 1)).rate == 0.0);
}

TEST_CASE("a larger room never gives a smaller rate, and rates rise in proportion to an empty room") {
    Reaction reaction(belief(45, 1.2), kStart);
    const Commitment mine{&reaction, {.per_open = 3.0}};
    double last = 0.0;
    for (double room : {1.0, 10.0, 100.0, 1000.0}) {
        const double rate = admissible_rate(room, mine, {mine}, 5.0, kStart).rate;
        CHECK(rate > last);
        CHECK(rate / room == doctest::Approx(admissible_rate(1.0, mine, {mine}, 5.0, kStart).rate));
        last = rate;
    }
}

TEST_CASE("the least likely curves are set aside, but not more than one in twenty") {
    Reaction reaction(belief(45, 1.2), kStart);
    const Commitment mine{&reaction, {.per_open = 3.0}};
    // A few opens seen: many curves are possible, and the rate is right for nearly all of them.
    for (int i = 1; i <= 5; ++i) {
        const TimePoint now = after(kStart, i);
        reaction.grant(20.0, now);
        open_as_expected(reaction, 1.0, now);
    }
    const TimePoint now = after(kStart, 5);
    const double rate = admissible_rate(100.0, mine, {mine}, 5.0, now).rate;
    CHECK(admissible_rate(100.0, mine, {mine}, 5.0, now, {.accepted = 0.001}).rate <= rate);
    CHECK(admissible_rate(100.0, mine, {mine}, 5.0, now, {.accepted = 0.5}).rate > rate);
    // A rate that is kept for longer must be smaller.
    CHECK(admissible_rate(100.0, mine, {mine}, 5.0, now, {.promise_medians = 1.0}).rate < rate);
}

TEST_CASE("a stalled provider is told as such and nothing may be added") {
    Reaction reaction(belief(45, 1.2), kStart);
    const Commitment mine{&reaction, {.per_open = 3.0}};
    for (int i = 1; i <= 300; ++i) {
        reaction.grant(200.0, after(kStart, i));
        open_as_expected(reaction, 1.0, after(kStart, i));
    }
    CHECK_FALSE(admissible_rate(1e6, mine, {mine}, 5.0, after(kStart, 300)).stalled);
    for (int i = 301; i <= 340; ++i) {
        reaction.grant(200.0, after(kStart, i));
        open_as_expected(reaction, 1.0, after(kStart, i), 0.02);
    }
    const Admission admission = admissible_rate(1e6, mine, {mine}, 5.0, after(kStart, 340));
    CHECK(admission.stalled);
    CHECK(admission.rate == 0.0);
}

TEST_CASE("no impact means nothing binds, and an unbounded room does not either") {
    Reaction reaction(belief(45, 1.2), kStart);
    const Commitment none{&reaction, {}};
    CHECK(std::isinf(admissible_rate(10.0, none, {none}, 5.0, kStart).rate));
    const Commitment some{&reaction, {.per_open = 3.0}};
    CHECK(std::isinf(admissible_rate(std::numeric_limits<double>::infinity(), some, {some}, 5.0, kStart).rate));
}

TEST_CASE("load at the moment of delivery bounds the rate by itself") {
    Reaction reaction(belief(45, 1.2), kStart);
    const Commitment mine{&reaction, {.per_open = 0.0, .per_delivery = 2.0}};
    CHECK(admissible_rate(100.0, mine, {mine}, 5.0, kStart).rate == doctest::Approx(50.0));
    for (double t = 0.0; t < 10.0; t += 0.1) reaction.grant(5.0, after(kStart, t));
    CHECK(admissible_rate(100.0, mine, {mine}, 5.0, after(kStart, 10)).rate == doctest::Approx(50.0));
    CHECK(predicted_load({mine}, after(kStart, 10)) == doctest::Approx(100.0).epsilon(0.1));
}

TEST_CASE("what other campaigns have committed, opened or delivered, is taken from the room") {
    Reaction my(belief(45, 1.2), kStart), their(belief(45, 0.8), kStart);
    const Commitment mine{&my, {.per_open = 3.0}};
    const Commitment other{&their, {.per_open = 1.0, .per_delivery = 0.05}};
    const double alone = admissible_rate(200.0, mine, {mine}, 5.0, kStart).rate;
    for (double t = 0.0; t < 30.0; t += 0.1) their.grant(60.0, after(kStart, t));
    const double shared = admissible_rate(200.0, mine, {mine, other}, 5.0, after(kStart, 30)).rate;
    CHECK(shared < 0.8 * alone);
    CHECK(shared > 0.0);
    // Who delivers now goes on delivering while the rate is kept.
    const Commitment delivering{&their, {.per_open = 0.0, .per_delivery = 0.3}};
    const Commitment at_once{&my, {.per_open = 0.0, .per_delivery = 1.0}};
    CHECK(admissible_rate(200.0, at_once, {at_once, delivering}, 5.0, after(kStart, 30)).rate ==
          doctest::Approx(200.0 - 0.3 * 600.0).epsilon(0.1));
}

TEST_CASE("two campaigns that split what each could send alone stay within one room, the urgent one first") {
    Reaction first(belief(45, 1.2), kStart), second(belief(10, 0.8), kStart);
    const std::vector<Commitment> all{{&first, {.per_open = 3.0}}, {&second, {.per_open = 2.0}}};
    const double room = 300.0;
    for (double t = 0.0; t < 900.0; t += 0.5) {
        const TimePoint now = after(kStart, t);
        const double alone[] = {admissible_rate(room, all[0], all, 5.0, now).rate,
                                admissible_rate(room, all[1], all, 5.0, now).rate};
        const std::vector<double> shares = divide(1.0, std::vector<Claim>{{9, 1.0}, {1, 1.0}});
        first.grant(shares[0] * alone[0] * 0.5, now);
        second.grant(shares[1] * alone[1] * 0.5, now);
        REQUIRE(careful(all[0], now) + careful(all[1], now) <= 1.03 * room);
    }
    CHECK(predicted_load(all, after(kStart, 900)) > 0.75 * room);
    CHECK(first.sent().total() * 3.0 > 5.0 * second.sent().total() * 2.0);
    CHECK(second.sent().total() > 0.0);
}

TEST_CASE("our own load is observed only where every campaign's opens were counted") {
    Reaction counted(belief(45, 1.2), kStart), unseen(belief(45, 1.2), kStart);
    counted.grant(1000.0, kStart);
    unseen.grant(1000.0, kStart);
    counted.see_opens(20.0, kStart, after(kStart, 10));
    const TimePoint now = after(kStart, 10);
    const OwnLoad own = own_load({{&counted, {.per_open = 3.0}}}, now, 5.0);
    REQUIRE(own.observed);
    CHECK(*own.observed == doctest::Approx(6.0));
    CHECK(own.predicted > 0.0);
    CHECK_FALSE(own_load({{&counted, {.per_open = 3.0}}, {&unseen, {.per_open = 1.0}}}, now, 5.0).observed);
    // A campaign without opens at this backend cannot hide the others.
    CHECK(own_load({{&counted, {.per_open = 3.0}}, {&unseen, {.per_delivery = 1.0}}}, now, 5.0).observed);
    CHECK(own_load({}, now, 5.0).predicted == 0.0);
}
