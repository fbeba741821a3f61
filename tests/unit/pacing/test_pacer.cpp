#include <doctest/doctest.h>

#include "tidegate/pacing/pacer.hpp"

using namespace tidegate;

namespace {
constexpr TimePoint kStart{std::chrono::seconds(100)};
}

TEST_CASE("an allowance that is not renewed runs out by itself") {
    Pacer pacer(kStart);
    CHECK(pacer.take(10, after(kStart, 5)) == 0);
    pacer.allow({Rate{1000.0}, after(kStart, 11), "test"}, after(kStart, 10));
    CHECK(pacer.take(1000, after(kStart, 10.9)) > 0);
    CHECK(pacer.take(1000, after(kStart, 11)) == 0);
    CHECK(pacer.take(1000, after(kStart, 500)) == 0);
    CHECK(pacer.next(after(kStart, 500)) == TimePoint::max());
}

TEST_CASE("the time between an expiry and the next allowance earns nothing") {
    Pacer pacer(kStart);
    pacer.allow({Rate{10.0}, after(kStart, 1), ""}, kStart);
    while (pacer.take(1, after(kStart, 0.99)) > 0) {
    }
    pacer.allow({Rate{10.0}, after(kStart, 101), ""}, after(kStart, 100));
    CHECK(pacer.take(5, after(kStart, 100)) == 0);
    CHECK(pacer.take(5, after(kStart, 100.11)) == 1);
}

TEST_CASE("an allowance that is already over allows nothing") {
    Pacer pacer(kStart);
    pacer.allow({Rate::unlimited(), kStart, "late"}, after(kStart, 1));
    CHECK(pacer.take(5, after(kStart, 1)) == 0);
    CHECK(pacer.allowance().reason == "late");
}

TEST_CASE("messages that did not go after all may go later") {
    Pacer pacer(kStart);
    pacer.allow({Rate{100.0}, after(kStart, 10), ""}, kStart);
    CHECK(pacer.take(5, after(kStart, 1)) == 2);
    pacer.give_back(2);
    CHECK(pacer.take(5, after(kStart, 1)) == 2);
}
