#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tidegate/pacing/reaction.hpp"

using namespace tidegate;

namespace {

constexpr TimePoint kStart{std::chrono::seconds(1000)};
constexpr double kMedian = 45.0;
const ResponseOptions kBelief{.open_rate = 0.08, .median = std::chrono::seconds(45), .spread = 1.2};

/// A steady campaign, second by second, whose provider may hold messages back and let them go all at once.
struct Campaign {
    explicit Campaign(const Law& law = {}) : reaction(kBelief, kStart, law) {}

    double rate = 500.0;
    std::function<double(double)> keenness = [](double) { return 1.0; };  // of a message sent at t
    double held_from = 1e9, held_until = 1e9;
    bool by_age = true, counting = true;
    const ResponseModel truth{kBelief};
    Reaction reaction;
    std::vector<double> sends;  // by second

    double t() const { return static_cast<double>(sends.size()); }
    TimePoint now() const { return after(kStart, t()); }
    /// When a message of second `s` reached people; -1: not yet.
    double delivered(double s) const {
        if (s < held_from || s >= held_until) return s;
        return t() + 1.0 > held_until ? held_until : -1.0;
    }
    void second() {
        sends.push_back(rate);
        reaction.grant(rate, after(kStart, t() - 0.5));
        if (!counting) return;
        std::vector<OpensOfAge> opens;
        double all = 0.0;
        for (std::size_t s = 0; s < sends.size(); ++s) {
            const double at = delivered(static_cast<double>(s)), lag = t() - at;
            if (at < 0.0 || lag <= 0.0) continue;
            const double count = sends[s] * keenness(static_cast<double>(s)) *
                                 (truth.cumulative(lag - 0.5) - truth.cumulative(std::max(0.0, lag - 1.5)));
            // A provider's report knows when the message was handed over, not when it was let go.
            opens.push_back({std::max(0.0, t() - static_cast<double>(s) - 1.0), count});
            all += count;
        }
        if (by_age)
            reaction.see_opens(opens, after(kStart, t() - 1.0), now());
        else
            reaction.see_opens(all, after(kStart, t() - 1.0), now());
    }
    void seconds(double n) {
        for (double end = t() + n; t() < end;) second();
    }
    bool stalled() const { return reaction.stalled(now()); }
    /// Seconds until it is stalled, or not any more.
    double until(bool wanted, double limit) {
        const double from = t();
        while (stalled() != wanted && t() - from < limit) second();
        return t() - from;
    }
};

}  // namespace

TEST_CASE("a steady campaign is expected as it is, neither drifting nor stalled") {
    for (bool by_age : {true, false}) {
        Campaign c;
        c.by_age = by_age;
        for (int i = 0; i < 600; ++i) {
            c.second();
            REQUIRE_FALSE(c.stalled());
            REQUIRE(c.reaction.drift() < 1.1);
        }
        const std::optional<double> seen = c.reaction.seen_opens(after(c.now(), -5.0), c.now());
        REQUIRE(seen);
        CHECK(c.reaction.opens_at(after(c.now(), -2.5)) == doctest::Approx(*seen).epsilon(0.05));
    }
}

TEST_CASE("opens that stop altogether are noticed within a quarter to half of the median") {
    for (bool by_age : {true, false}) {
        Campaign c;
        c.by_age = by_age;
        c.seconds(300.0);
        c.keenness = [](double) { return 0.0; };
        const double noticed = c.until(true, 200.0);
        CAPTURE(by_age);
        CHECK(noticed >= 0.1 * kMedian);
        CHECK(noticed <= 0.5 * kMedian);
    }
}

TEST_CASE("messages that are held are missed within three quarters of the median, though older ones are still opened") {
    for (bool by_age : {true, false}) {
        Campaign c;
        c.by_age = by_age;
        c.seconds(300.0);
        c.held_from = c.t();
        const double noticed = c.until(true, 200.0);
        CAPTURE(by_age);
        CHECK(noticed >= 2.0);
        // Ages tell sooner: totals hide the fresh behind the old.
        if (by_age) CHECK(noticed <= 0.75 * kMedian);
    }
}

TEST_CASE("a silence means nothing before opens have been seen") {
    Campaign c;
    c.keenness = [](double) { return 0.0; };
    c.seconds(400.0);
    CHECK_FALSE(c.stalled());
}

TEST_CASE("held messages that are opened after all end the stall, and count from then on") {
    Campaign c;
    c.seconds(300.0);
    c.held_from = c.t();
    c.until(true, 200.0);
    c.rate = 0.0;  // as the admission does
    c.seconds(60.0);
    REQUIRE(c.stalled());
    const double held = 500.0 * (c.t() - 60.0 - c.held_from);
    c.held_until = c.t();
    const double noticed = c.until(false, 200.0);
    CHECK(noticed <= 0.5 * kMedian);
    // They are as young as their release, not as their sending.
    CHECK(c.reaction.sent().between(0.0, 3.0, c.now()) >= 0.95 * held);
    CHECK(c.reaction.sent().total() == doctest::Approx(500.0 * (c.held_from + held / 500.0)));
    CHECK_FALSE(c.stalled());
}

TEST_CASE("without any sign a stall is put to the test after five medians, and the same stall is noticed again") {
    Campaign c;
    c.seconds(300.0);
    c.held_from = c.t();
    c.until(true, 200.0);
    c.rate = 0.0;
    const double since = c.t();
    c.until(false, 600.0);
    CHECK(c.t() - since == doctest::Approx(5.0 * kMedian).epsilon(0.02));
    // All that may be held counts as if it were let go now.
    CHECK(c.reaction.sent().between(0.0, 3.0, c.now()) > 0.9 * 500.0 * (since - 300.0));
    c.rate = 500.0;
    CHECK(c.until(true, 200.0) <= kMedian);
}

TEST_CASE("when counting ends with the stall, time alone lets go") {
    Campaign c;
    c.seconds(300.0);
    c.held_from = c.t();
    c.until(true, 200.0);
    c.counting = false;
    CHECK(c.reaction.stalled(after(c.now(), 4.5 * kMedian)));
    CHECK_FALSE(c.reaction.stalled(after(c.now(), 5.1 * kMedian)));
}

TEST_CASE("a short lull is no stall, and a campaign that ends is none") {
    Campaign c;
    c.seconds(300.0);
    c.rate = 0.0;
    for (int i = 0; i < 700; ++i) {
        c.second();
        REQUIRE_FALSE(c.stalled());
    }
}

TEST_CASE("people four times as keen are noticed as drift before the curve has learnt them") {
    Campaign c;
    c.seconds(300.0);
    c.keenness = [](double s) { return s < 300.0 ? 1.0 : 4.0; };
    double most = 1.0;
    for (int i = 0; i < 60; ++i) {
        c.second();
        most = std::max(most, c.reaction.drift());
        if (i == 30) CHECK(most > 1.5);
    }
    CHECK(most > 1.8);
    CHECK(most < 4.5);
    // Fewer than expected never speeds up by drift.
    c.keenness = [](double) { return 0.5; };
    for (int i = 0; i < 300; ++i) {
        c.second();
        REQUIRE(c.reaction.drift() >= 1.0);
    }
}

TEST_CASE("opens seen are told only for the time they were counted") {
    Reaction r(kBelief, kStart);
    r.grant(1000.0, kStart);
    CHECK_FALSE(r.seen_opens(kStart, after(kStart, 5)));
    r.see_opens(10.0, kStart, after(kStart, 5));
    r.see_opens(0.0, after(kStart, 5), after(kStart, 10));
    CHECK(r.seen_opens(kStart, after(kStart, 5)).value() == doctest::Approx(2.0));
    CHECK(r.seen_opens(kStart, after(kStart, 10)).value() == doctest::Approx(1.0));
    CHECK(r.seen_opens(after(kStart, 5), after(kStart, 10)).value() == 0.0);
    CHECK_FALSE(r.seen_opens(after(kStart, 5), after(kStart, 15)));
    CHECK_FALSE(r.seen_opens(after(kStart, 10), after(kStart, 5)));
}

TEST_CASE("nonsense about opens is ignored") {
    Reaction r(kBelief, kStart);
    r.grant(1000.0, kStart);
    const TimePoint a = after(kStart, 5), b = after(kStart, 10);
    for (double bad : {std::nan(""), -3.0, static_cast<double>(INFINITY)}) {
        r.see_opens(bad, a, b);
        r.see_opens({{5.0, 1.0}, {6.0, bad}}, a, b);
        r.see_opens({{bad, 1.0}}, a, b);
    }
    r.see_opens(5.0, b, a);
    r.see_opens(5.0, a, a);
    r.see_opens(1e6, a, b);  // more than were told
    r.see_opens({{5.0, 1e300}}, a, b);
    CHECK_FALSE(r.model().informed());
    CHECK_FALSE(r.seen_opens(a, b));
    CHECK(r.opens_at(b) > 0.0);
}

TEST_CASE("a copy is a snapshot") {
    Campaign c;
    c.seconds(100.0);
    const Reaction before = c.reaction;
    const double expected = before.opens_at(after(kStart, 120.0));
    c.seconds(100.0);
    CHECK(before.opens_at(after(kStart, 120.0)) == expected);
    CHECK(before.model().evidence() < c.reaction.model().evidence());
}

TEST_CASE("the law's trial comes when it is told to") {
    Campaign c(Law{.trial_medians = 2.0});
    c.seconds(300.0);
    c.held_from = c.t();
    c.until(true, 200.0);
    c.rate = 0.0;
    CHECK(c.until(false, 600.0) == doctest::Approx(2.0 * kMedian).epsilon(0.05));
}
