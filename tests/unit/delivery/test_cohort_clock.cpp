#include <doctest/doctest.h>

#include "delivery/cohort_clock.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

const TimePoint start{100s};

CohortClock clock_of(std::uint32_t cohorts, std::uint32_t canaries, std::vector<bool> begun = {}) {
    return CohortClock({cohorts, canaries, 30s, 120s, std::move(begun), {}}, start);
}

}  // namespace

TEST_CASE("a cohort follows the one before by the gap, counted from its first message") {
    CohortClock clock = clock_of(3, 0);
    clock.released(start + 10s);
    clock.released_all();
    CHECK_FALSE(clock.ready(start + 39s));
    CHECK(clock.ready(start + 40s));
    clock.advance(start + 40s);
    CHECK(clock.current() == 1);
    CHECK_FALSE(clock.ready(start + 1h));  // not wholly released
}

TEST_CASE("after a canary its response is waited for, and a disturbance begins the wait anew") {
    CohortClock clock = clock_of(2, 1);
    clock.released(start);
    clock.released(start + 5s);
    clock.released_all();
    CHECK_FALSE(clock.ready(start + 124s));
    CHECK(clock.ready(start + 125s));
    clock.disturbed(start + 60s);
    CHECK_FALSE(clock.ready(start + 179s));
    CHECK(clock.ready(start + 180s));
}

TEST_CASE("the last cohort has no successor") {
    CohortClock clock = clock_of(1, 0);
    clock.released_all();
    CHECK(clock.last());
    CHECK_FALSE(clock.ready(start + 1h));
}

TEST_CASE("cohorts that an earlier run began do not wait again") {
    CohortClock clock = clock_of(3, 1, {true, true, false});
    clock.released_all();
    CHECK(clock.ready(start));
    clock.advance(start);
    clock.released_all();
    CHECK_FALSE(clock.ready(start + 29s));
    CHECK(clock.ready(start + 30s));
}

TEST_CASE("a second walk keeps its canaries and gaps for cohorts that were hardly begun") {
    CohortClock clock = clock_of(3, 1);
    clock.released_all();
    clock.advance(start + 500s);
    clock.restart(start + 600s, {false, false, true});
    CHECK(clock.current() == 0);
    CHECK(clock.in_canary());
    clock.released(start + 601s);
    clock.released_all();
    CHECK_FALSE(clock.ready(start + 720s));
    CHECK(clock.ready(start + 721s));
    clock.advance(start + 721s);
    clock.released_all();
    CHECK(clock.ready(start + 721s));  // the next one was mostly released before
}

TEST_CASE("nobody waits for a cohort that has nobody") {
    CohortClock clock({3, 1, 30s, 120s, {}, {true, false, false}}, start);
    clock.released_all();
    CHECK(clock.ready(start));
    clock.advance(start);
    clock.released(start);
    clock.released_all();
    CHECK_FALSE(clock.ready(start + 29s));
}

TEST_CASE("a soak counts up to what the telemetry has seen, and takes as long as the learnt curve says") {
    CohortClock clock = clock_of(2, 1);
    clock.released(start);
    clock.released_all();
    clock.see(start + 110s, 120s);
    CHECK_FALSE(clock.ready(start + 125s));  // the newest sample is of second 110
    clock.see(start + 120s, 120s);
    CHECK(clock.ready(start + 125s));
    clock.see(start + 120s, 300s);  // people turn out to be slower
    CHECK_FALSE(clock.ready(start + 125s));
    CHECK(clock.ready_at() == start + 300s);
    clock.see(TimePoint::min(), 120s);  // a backend without a sample
    CHECK_FALSE(clock.ready(start + 1h));
    CHECK(clock.soaks_since() == start);
    clock.disturbed(start + 60s);
    CHECK(clock.soaks_since() == start + 60s);
}

TEST_CASE("telemetry that lags does not hold back what is not a canary") {
    CohortClock clock = clock_of(3, 0);
    clock.see(TimePoint::min(), 120s);
    clock.released(start);
    clock.released_all();
    CHECK(clock.ready(start + 30s));
}
