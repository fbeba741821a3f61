#include <doctest/doctest.h>

#include <cmath>

#include "delivery/appetite.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint t0{std::chrono::seconds(1000)};

/// Rounds of 5 ms for `span`; returns when they end.
TimePoint rounds(Appetite& appetite, TimePoint from, Duration span, std::size_t released, bool work, bool held_back) {
    TimePoint now = from;
    for (; now < from + span; now += 5ms) appetite.note(released, work, held_back, now);
    return now;
}

}  // namespace

TEST_CASE("nothing to send, nothing wanted; the first message may want everything") {
    Appetite appetite;
    CHECK(appetite.now(t0) == 0);
    appetite.note(0, false, false, t0);
    CHECK(appetite.now(t0) == 0);
    appetite.note(0, true, false, t0 + 5ms);
    CHECK(std::isinf(appetite.now(t0 + 5ms)));
}

TEST_CASE("held back by the lease it wants everything, held back elsewhere twice what it uses") {
    Appetite appetite;
    TimePoint now = rounds(appetite, t0, 3s, 1, true, true);
    CHECK(std::isinf(appetite.now(now)));
    now = rounds(appetite, now, 3s, 1, true, false);  // a provider with few streams: 200/s
    CHECK(appetite.now(now) == doctest::Approx(400).epsilon(0.05));
    now = rounds(appetite, now, 3s, 0, true, false);  // a provider that is down
    CHECK(appetite.now(now) == doctest::Approx(1));
    now = rounds(appetite, now, 10ms, 0, true, true);
    CHECK(std::isinf(appetite.now(now)));
}

TEST_CASE("a short lull keeps the share, a longer one gives it away") {
    Appetite appetite;
    TimePoint now = rounds(appetite, t0, 2s, 1, true, true);
    now = rounds(appetite, now, 500ms, 0, false, false);
    CHECK(appetite.now(now) > 0);
    now = rounds(appetite, now, 1s, 0, false, false);
    CHECK(appetite.now(now) == 0);
}
