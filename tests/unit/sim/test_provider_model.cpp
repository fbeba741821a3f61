// The provider of the exact grain behind the face of a channel: each attempt is answered once, whatever it meets.
#include <doctest/doctest.h>

#include <map>

#include "delivery/route.hpp"
#include "sim/provider_model.hpp"
#include "tidegate/testing/manual_clock.hpp"

using namespace tidegate;
using namespace tidegate::sim;
using namespace std::chrono_literals;

namespace {

struct Desk {
    explicit Desk(const Provider& provider, double ceiling = 1e6) : model(provider, {"c"}, ceiling, 3, clock) {
        clock.advance(1s);  // its ceiling is a bucket that begins empty
    }

    void submit(std::int64_t first, std::int64_t last) {
        std::vector<Attempt> attempts;
        for (std::int64_t person = first; person <= last; ++person) {
            attempts.emplace_back();
            attempts.back().campaign = "c";
            attempts.back().delivery = delivery::delivery_id(person, 0, 0);
        }
        model.submit(attempts, [this](DeliveryId id, const Outcome& outcome) {
            ++answers[id];
            ++kinds[outcome.kind];
        });
    }
    /// Lets time pass; what has arrived meanwhile.
    std::vector<Arrival> pass(Duration time) {
        std::vector<Arrival> all;
        for (const TimePoint end = clock.now() + time; clock.now() < end;) {
            clock.advance(5ms);
            for (const Arrival& arrival : model.answer()) all.push_back(arrival);
        }
        return all;
    }

    testing::ManualClock clock;
    ProviderModel model;
    std::map<DeliveryId, int> answers;
    std::map<OutcomeClass, int> kinds;
};

Effects with(bool stalled, double ceiling = std::numeric_limits<double>::infinity()) {
    Effects effects;
    effects.stalled = stalled;
    effects.provider_ceiling = ceiling;
    return effects;
}

}  // namespace

TEST_CASE("an answer takes its time, and holds a place until it is there") {
    Desk desk({.latency_s = 0.1, .latency_spread = 0.0, .in_flight = 50});
    desk.submit(1, 40);
    CHECK(desk.model.capacity() == 10);
    CHECK(desk.pass(95ms).empty());
    CHECK(desk.answers.empty());
    CHECK(desk.pass(10ms).size() == 40);
    CHECK(desk.answers.size() == 40);
    CHECK(desk.model.capacity() == 50);
    CHECK(desk.model.quiet());
    CHECK(desk.model.take_taken() == std::vector<double>{40.0});
    CHECK(desk.model.take_taken() == std::vector<double>{0.0});
}

TEST_CASE("while it stalls it accepts and holds; everything arrives once it lets go") {
    Desk desk({.latency_spread = 0.0});
    desk.model.meet(with(true));
    desk.submit(1, 30);
    CHECK(desk.pass(1s).empty());
    CHECK(desk.kinds[OutcomeClass::accepted] == 30);
    CHECK_FALSE(desk.model.quiet());
    const TimePoint released = desk.clock.now();
    desk.model.meet(with(false));
    const auto arrived = desk.pass(5ms);
    REQUIRE(arrived.size() == 30);
    CHECK(arrived[0].at == released);
    CHECK(arrived[0].sent < released - 900ms);
    CHECK(desk.model.quiet());
}

TEST_CASE("above its ceiling it refuses, and what it refused reaches nobody") {
    Desk desk({}, 1000.0);
    desk.model.meet(with(false, 100.0));
    std::size_t arrived = 0;
    for (std::int64_t person = 1; person <= 400; ++person) {
        desk.submit(person, person);
        arrived += desk.pass(5ms).size();
    }
    arrived += desk.pass(2s).size();
    CHECK(desk.answers.size() == 400);
    CHECK(desk.kinds[OutcomeClass::accepted] == doctest::Approx(200).epsilon(0.02));
    CHECK(desk.kinds[OutcomeClass::accepted] + desk.kinds[OutcomeClass::throttled] == 400);
    CHECK(arrived == static_cast<std::size_t>(desk.kinds[OutcomeClass::accepted]));
}

TEST_CASE("addresses that are gone stay gone, faults pass, and silence means doubt about what arrived") {
    Desk desk({.dead = 0.1, .transient = 0.2, .unanswered = 0.1, .timeout_s = 2.0, .in_flight = 5000});
    desk.submit(1, 2000);
    const auto arrived = desk.pass(3s);
    CHECK(desk.answers.size() == 2000);
    for (const auto& [id, times] : desk.answers) REQUIRE(times == 1);
    CHECK(desk.kinds[OutcomeClass::transient] == doctest::Approx(400).epsilon(0.15));
    CHECK(desk.kinds[OutcomeClass::invalid_recipient] == doctest::Approx(160).epsilon(0.25));
    CHECK(desk.kinds[OutcomeClass::unknown] == doctest::Approx(180).epsilon(0.25));
    CHECK(static_cast<int>(arrived.size()) == desk.kinds[OutcomeClass::accepted] + desk.kinds[OutcomeClass::unknown]);
    const int gone = desk.kinds[OutcomeClass::invalid_recipient];
    for (int again = 0; again < 12; ++again) {
        desk.submit(1, 2000);
        desk.pass(3s);
    }
    // Tried thirteen times, a dead address fails all but the tries that never came so far.
    CHECK(desk.kinds[OutcomeClass::invalid_recipient] == doctest::Approx(13 * gone).epsilon(0.1));
}
