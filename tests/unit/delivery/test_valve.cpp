#include <doctest/doctest.h>

#include "delivery/valve.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint t0{std::chrono::seconds(1000)};

Attempt attempt(DeliveryId id) {
    Attempt made;
    made.delivery = id;
    return made;
}

/// As a disk does that let nothing through for a while.
void hold(Valve& valve, int count, TimePoint decided) {
    for (int i = 0; i < count; ++i) valve.hold(attempt(i), decided);
}

}  // namespace

TEST_CASE("what a slow disk lets through at once leaves at the leased rate, with a burst of 20 ms") {
    Valve valve(t0);
    valve.pass(Rate{1000}, 500, t0);
    hold(valve, 500, t0 + 500ms);
    CHECK(valve.pass(Rate{1000}, 500, t0 + 500ms).size() == 20);
    std::size_t passed = 20;
    for (auto now = t0 + 502ms; now <= t0 + 700ms; now += 2ms) passed += valve.pass(Rate{1000}, 500, now).size();
    CHECK(passed == 220);
    CHECK(valve.held() == 280);
}

TEST_CASE("they leave in the order in which they were decided, and no more than there is room for") {
    Valve valve(t0);
    valve.pass(Rate{1000}, 0, t0);
    hold(valve, 10, t0);
    const auto first = valve.pass(Rate{1000}, 3, t0 + 1s), next = valve.pass(Rate{1000}, 3, t0 + 1s);
    REQUIRE(first.size() == 3);
    REQUIRE(next.size() == 3);
    CHECK(first.front().delivery == 0);
    CHECK(next.front().delivery == 3);
}

TEST_CASE("a lower rate counts from that moment, a higher one brings no burst, and at 0 nothing leaves") {
    Valve valve(t0);
    valve.pass(Rate{1000}, 500, t0);
    hold(valve, 500, t0 + 1s);
    CHECK(valve.pass(Rate{100}, 500, t0 + 1s).size() == 2);
    CHECK(valve.pass(Rate{0}, 500, t0 + 2s).empty());
    CHECK(valve.pass(Rate{10000}, 500, t0 + 3s).size() <= 1);
}

TEST_CASE("who has waited too long comes out at the other side, oldest first") {
    Valve valve(t0);
    hold(valve, 2, t0);
    hold(valve, 3, t0 + 1s);
    CHECK(valve.overdue(t0).empty());
    CHECK(valve.overdue(t0 + 500ms).size() == 2);
    CHECK(valve.held() == 3);
    CHECK(valve.all().size() == 3);
    CHECK(valve.held() == 0);
}
