#include <doctest/doctest.h>

#include "delivery/account_brake.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

const TimePoint start{100s};

AccountBrake resting() {
    AccountBrake brake;
    for (int i = 0; i < 20; ++i) brake.record(not_sent("down"), start);
    return brake;
}

}  // namespace

TEST_CASE("a few transient answers do not stop an account") {
    AccountBrake brake;
    for (int i = 0; i < 19; ++i) brake.record(not_sent("down"), start);
    CHECK(brake.passes(start));
    brake.record(accepted(), start);
    for (int i = 0; i < 19; ++i) brake.record(not_sent("down"), start);
    CHECK(brake.passes(start));
}

TEST_CASE("an account that is down rests, then one message at a time asks") {
    AccountBrake brake = resting();
    CHECK_FALSE(brake.passes(start));
    CHECK(brake.passes(start + 1s));
    brake.passed(start + 1s);
    CHECK_FALSE(brake.passes(start + 2s));
}

TEST_CASE("each refusal doubles the rest up to a minute, and a success ends it") {
    AccountBrake brake = resting();
    TimePoint now = start;
    Duration longest{};
    for (int i = 0; i < 10; ++i) {
        TimePoint asks = now;
        while (!brake.passes(asks)) asks += 100ms;
        longest = std::max<Duration>(longest, asks - now);
        brake.passed(asks);
        now = asks + 50ms;
        brake.record(not_sent("down"), now);
    }
    CHECK(longest > 59s);
    CHECK(longest <= 61s);
    brake.record(accepted(), now);
    CHECK(brake.passes(now));
}

TEST_CASE("an account whose question is never answered asks again after a minute") {
    AccountBrake brake = resting();
    brake.passed(start + 1s);
    CHECK(brake.passes(start + 61s));
}
