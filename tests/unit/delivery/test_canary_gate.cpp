#include <doctest/doctest.h>

#include "delivery/canary_gate.hpp"

using namespace tidegate;
using namespace tidegate::delivery;
using namespace std::chrono_literals;

namespace {

const TimePoint start{1000s};

/// A gate over one backend that carries 480 requests/s of others and 10 of ours.
struct Scene {
    CanaryGate gate;
    TimePoint now = start;
    BackendSight api{.backend = "app-api", .not_ours = 480, .ours = 10};

    CanaryGate::Verdict look(bool stalled = false) {
        now += 5s;
        api.sampled = now - 1s;
        return gate.look({.now = now, .backends = {api}, .soak = 120s, .curve = "", .stalled = stalled});
    }
    CanaryGate::Verdict slow(double p99_s = 0.412) {
        api.holds = api.over = true;
        api.reason = "p99 412 ms over 300 ms";
        api.breach = Breach{"p99", p99_s, 0.3};
        return look();
    }
    CanaryGate::Verdict green() {
        api.holds = api.over = false;
        api.reason.clear();
        api.breach.reset();
        return look();
    }
};

}  // namespace

TEST_CASE("two samples in a row over an objective fail a canary, with the signal, its value and its limit") {
    Scene scene;
    CHECK(scene.green() == CanaryGate::Verdict{});
    scene.gate.begin(scene.now);
    CHECK(scene.green() == CanaryGate::Verdict{});
    const auto once = scene.slow();
    CHECK(once.failed.empty());
    CHECK(once.waits == "app-api: p99 412 ms over 300 ms");
    const auto twice = scene.slow();
    CHECK(twice.failed == "app-api p99 412 ms > 300 ms");
    CHECK(twice.backend == "app-api");
    CHECK(twice.at == scene.api.sampled);
}

TEST_CASE("one slow sample between good ones only lets the soak begin anew") {
    Scene scene;
    scene.green();
    scene.gate.begin(scene.now);
    for (int i = 0; i < 10; ++i) {
        CHECK(scene.slow().failed.empty());
        CHECK(scene.green().waits.empty());
    }
}

TEST_CASE("the same sample looked at again is not a second one") {
    Scene scene;
    scene.green();
    scene.gate.begin(scene.now);
    scene.slow();
    for (int i = 0; i < 20; ++i) {
        const auto again = scene.gate.look({.now = scene.now + i * 100ms, .backends = {scene.api}});
        CHECK(again.failed.empty());
        CHECK_FALSE(again.waits.empty());
    }
}

TEST_CASE("trouble before the canary's first message, and in samples from before it, is not the canary's") {
    Scene scene;
    for (int i = 0; i < 5; ++i) CHECK(scene.slow().failed.empty());
    scene.gate.begin(scene.now);
    scene.api.sampled = scene.now;  // describes the time before
    CHECK(scene.gate.look({.now = scene.now + 1s, .backends = {scene.api}}).failed.empty());
    CHECK(scene.slow().failed.empty());
    CHECK_FALSE(scene.slow().failed.empty());
}

TEST_CASE("an outside surge lets the canary wait; the retries of its own victims are no such surge") {
    Scene scene;
    scene.green();
    scene.gate.begin(scene.now);
    scene.api.not_ours = 1.3 * 480;
    for (int i = 0; i < 5; ++i) CHECK(scene.slow().failed.empty());
    scene.api.not_ours = 480;
    CHECK(scene.green().waits.empty());
    // Now without a surge; whoever fails tries again, and the load rises after the first slow sample.
    CHECK(scene.slow().failed.empty());
    scene.api.not_ours = 2 * 480;
    CHECK_FALSE(scene.slow().failed.empty());
}

TEST_CASE("a rise that the canary could have caused itself is no excuse") {
    Scene scene;
    scene.green();
    scene.gate.begin(scene.now);
    scene.api.ours = 50;
    scene.api.not_ours = 480 + 150;  // three times ours: people may react four times as much as believed
    scene.slow();
    CHECK_FALSE(scene.slow().failed.empty());
}

TEST_CASE("without load in the telemetry nothing can be blamed on others") {
    Scene scene;
    scene.api.not_ours = 0;
    scene.api.ours = 0;
    scene.green();
    scene.gate.begin(scene.now);
    scene.slow();
    CHECK_FALSE(scene.slow().failed.empty());
}

TEST_CASE("stale telemetry, the operator's hand and a stalled provider let it wait and fail nothing") {
    Scene scene;
    scene.green();
    scene.gate.begin(scene.now);
    scene.api.holds = true;
    scene.api.reason = "telemetry: newest valid sample 21 s old";
    for (int i = 0; i < 5; ++i) {
        const auto verdict = scene.look();
        CHECK(verdict.failed.empty());
        CHECK(verdict.waits == "app-api: telemetry: newest valid sample 21 s old");
    }
    // A sample over the objective that is no evidence (frozen, too few requests): the controller does not hold for it.
    scene.api.breach = Breach{"p99", 0.412, 0.3};
    for (int i = 0; i < 5; ++i) CHECK(scene.look().failed.empty());
    scene.green();
    CHECK(scene.look(true).waits == "opens have stopped: the provider holds messages back");
}

TEST_CASE("each of several backends can fail a canary, and the next canary starts without its record") {
    Scene scene;
    scene.gate.begin(start);
    BackendSight card{.backend = "card", .sampled = start + 1s, .holds = true, .over = true};
    card.reason = "errors";
    card.breach = Breach{"errors", 0.031, 0.01};
    const auto look = [&](TimePoint sampled) {
        card.sampled = sampled;
        return scene.gate.look({.now = sampled + 1s, .backends = {scene.api, card}});
    };
    CHECK(look(start + 5s).failed.empty());
    scene.gate.reset();
    scene.gate.begin(start + 6s);
    CHECK(look(start + 10s).failed.empty());
    CHECK(look(start + 15s).failed == "card errors 3.1 % > 1 %");
}

TEST_CASE("the worst of what a sample breaks is named, and what is no number breaks nothing") {
    Observation sample;
    sample.p99 = Seconds(0.33);
    sample.errors = 0.05;
    sample.extra = {{"lock_waits", 60, 40}};
    CHECK(breach_of(sample, 0.3, 0.01)->text() == "errors 5 % > 1 %");
    sample.errors = 0.0;
    CHECK(breach_of(sample, 0.3, 0.01)->text() == "lock_waits 60 > 40");
    sample.extra.clear();
    CHECK(breach_of(sample, 0.3, 0.01)->text() == "p99 330 ms > 300 ms");
    sample.p99 = Seconds(std::numeric_limits<double>::quiet_NaN());
    CHECK_FALSE(breach_of(sample, 0.3, 0.01));
}

TEST_CASE("backends have been seen up to the oldest of their newest samples") {
    GateSight sight{.now = start, .backends = {}};
    CHECK(sight.seen_until() == start);
    sight.backends = {{.backend = "a", .sampled = start - 3s}, {.backend = "b", .sampled = start - 9s}};
    CHECK(sight.seen_until() == start - 9s);
    sight.backends.push_back({.backend = "c"});
    CHECK(sight.seen_until() == TimePoint::min());
}

TEST_CASE("the soak follows the curve as it is learnt, and the words say whose curve it is") {
    const ResponseOptions belief{.open_rate = 0.1, .median = 10s, .spread = 1.0};
    Reaction reaction(belief, start);
    CHECK(curve_of(reaction) == "believed curve, opens are not counted");
    const double believed = Seconds(soak_of(reaction.model())).count();
    CHECK(believed == doctest::Approx(23.2).epsilon(0.01));
    // People take four times as long as believed.
    reaction.grant(20000, start);
    for (int t = 1; t <= 100; ++t) {
        const ResponseModel truth({.open_rate = 0.1, .median = 40s, .spread = 1.0});
        const double opened = 20000 * (truth.cumulative(t) - truth.cumulative(t - 1));
        reaction.see_opens({{t - 0.5, opened}}, start + (t - 1) * 1s, start + t * 1s);
    }
    CHECK(curve_of(reaction).starts_with("curve learnt from "));
    CHECK(Seconds(soak_of(reaction.model())).count() > 2 * believed);
}
