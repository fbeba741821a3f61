#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tidegate/base/rng.hpp"
#include "tidegate/pacing/controller.hpp"

using namespace tidegate;

namespace {

constexpr TimePoint kStart{std::chrono::seconds(1000)};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Observation seen(TimePoint at, double p99) {
    Observation o;
    o.at = at;
    o.p99 = Seconds(p99);
    return o;
}

/// A backend with one sample a second; values jitter a little, as real ones do.
struct Bench {
    explicit Bench(BackendOptions options = {.name = "api"})
        : controller(make_controller(options, std::chrono::seconds(1))) {
        controller->set_lag(2.0);
    }
    Observation sample(double p99, double load = 100.0) {
        Observation o = seen(after(kStart, t), p99 * (1.0 + 1e-4 * ++count));
        o.load = load * (1.0 + 1e-4 * count);
        o.errors = 0.0;
        return o;
    }
    Advice see(const Observation& o, double own = 0.0) {
        controller->observe(o, own, after(kStart, t));
        const Advice advice = controller->advise(after(kStart, t));
        t += 1.0;
        return advice;
    }
    Advice see(double p99, double load = 100.0, double own = 0.0) { return see(sample(p99, load), own); }
    Advice healthy(int n, double load = 100.0, double own = 0.0) {
        Advice a;
        for (int i = 0; i < n; ++i) a = see(0.05, load, own);
        return a;
    }
    Advice later(double seconds) { return controller->advise(after(kStart, t - 1.0 + seconds)); }

    std::unique_ptr<Controller> controller;
    double t = 0.0;
    int count = 0;
};

bool says(const Advice& a, const std::string& part) {
    return a.reason.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("nothing is released before three samples have been seen") {
    Bench bench;
    CHECK_FALSE(bench.controller->advise(kStart).open);
    CHECK(bench.controller->advise(kStart).state == "hold");
    CHECK(std::isinf(bench.controller->advise(kStart).age_s));
    CHECK_FALSE(bench.healthy(1).open);
    const Advice two = bench.healthy(1);
    CHECK_FALSE(two.open);
    CHECK(says(two, "2 of 3 samples"));
    const Advice three = bench.healthy(1);
    CHECK(three.open);
    CHECK(three.state == "open");
    CHECK(three.room > 0.0);
}

TEST_CASE("the room is what was proven and a step, less what is not ours") {
    Bench bench;
    const Advice a = bench.healthy(60);
    CHECK(a.baseline == doctest::Approx(100.0).epsilon(0.05));
    CHECK(a.ceiling > 105.0);
    CHECK(a.ceiling <= 100.0 * 1.02 * 1.6);
    CHECK(a.room < a.ceiling - a.baseline);
}

TEST_CASE("the capacity hint bounds the total whatever has been proven") {
    Bench bench({.name = "api", .capacity_hint = 320.0});
    Advice a = bench.healthy(10, 100.0);
    for (int i = 0; i < 100; ++i) {
        a = bench.healthy(1, 100.0 + 5.0 * i, 5.0 * i);
        REQUIRE(a.ceiling <= 320.0);
        REQUIRE(a.room + a.baseline <= 320.0);
    }
    CHECK(says(a, "capacity hint"));
}

TEST_CASE("a reserve leaves less room than the hint, the more the larger") {
    double last = kInf;
    for (double reserve : {0.0, 0.2, 0.4, 0.6}) {
        Bench bench({.name = "api", .reserve = reserve, .capacity_hint = 1000.0});
        bench.controller->set_lag(45.0);
        Advice a;
        for (int i = 0; i < 80; ++i) a = bench.healthy(1, 100.0 + 10.0 * i, 10.0 * i);
        CHECK(a.room < last);
        last = a.room;
    }
    CHECK(last > 0.0);
}

TEST_CASE("one sample over the objective pauses and the next good one goes on") {
    Bench bench;
    const double before = bench.healthy(20).room;
    const Advice over = bench.see(0.4);
    CHECK_FALSE(over.open);
    CHECK(over.state == "pause");
    CHECK(over.room == 0.0);
    CHECK(over.signal == "p99");
    const Advice next = bench.see(0.05);
    CHECK(next.open);
    CHECK(next.room <= before * 1.05);
}

TEST_CASE("two samples over the objective hold until three good ones, and say so") {
    Bench bench;
    bench.healthy(20);
    bench.see(0.4);
    const Advice held = bench.see(0.412);
    CHECK_FALSE(held.open);
    CHECK(held.state == "hold");
    CHECK(held.signal == "p99");
    CHECK(held.value == doctest::Approx(0.412).epsilon(0.01));
    CHECK(says(held, "over the SLO of 300 ms for 2 samples"));
    CHECK_FALSE(bench.healthy(2).open);
    CHECK(bench.healthy(1).open);
}

TEST_CASE("errors over their objective hold at once although latency looks fine") {
    Bench bench;
    bench.healthy(20);
    Observation shedding = bench.sample(0.02);
    shedding.errors = 0.2;
    const Advice a = bench.see(shedding);
    CHECK(a.state == "hold");
    CHECK(a.signal == "errors");
    CHECK(says(a, "errors 20 % over the SLO of 1 %"));
}

TEST_CASE("a leading signal over its limit stops before latency does, by name") {
    Bench bench;
    const auto with_locks = [&](double locks) {
        Observation o = bench.sample(0.05);
        o.extra = {{"lock_waits", locks, 40.0}};
        return bench.see(o);
    };
    for (int i = 0; i < 10; ++i) with_locks(1.0 + 0.01 * i);
    const Advice a = with_locks(60.0);
    CHECK_FALSE(a.open);
    CHECK(a.signal == "lock_waits");
    CHECK(says(a, "lock_waits 60 over the limit of 40"));
}

TEST_CASE("after we went too far the ceiling stays below what broke, and is forgotten slowly") {
    Bench bench;
    bench.healthy(10, 100.0);
    for (int i = 0; i < 20; ++i) bench.see(0.05, 100.0 + 10.0 * i, 10.0 * i);
    bench.see(0.5, 320.0, 220.0);
    bench.see(0.5, 320.0, 220.0);
    bench.see(0.05, 250.0, 150.0);
    bench.see(0.05, 200.0, 100.0);
    Advice a = bench.see(0.05, 120.0, 20.0);
    CHECK(a.open);
    for (int i = 0; i < 30; ++i) {
        a = bench.see(0.05, 100.0 + 5.0 * i, 5.0 * i);
        REQUIRE(a.ceiling < 320.0);
    }
    CHECK(says(a, "learnt from trouble"));
}

TEST_CASE("capacity taken away cuts deeper than having gone too far, and comes back sooner") {
    // The same load that held for a minute fails.
    Bench bench;
    bench.healthy(10, 100.0);
    for (int i = 0; i < 40; ++i) bench.see(0.05, 300.0, 200.0);
    bench.see(0.5, 300.0, 200.0);
    bench.see(0.5, 300.0, 200.0);
    for (int i = 0; i < 3; ++i) bench.see(0.05, 110.0, 10.0);
    Advice a;
    for (int i = 0; i < 5; ++i) a = bench.see(0.05, 190.0, 90.0);
    CHECK(a.ceiling < 100.0 + 0.7 * 200.0);
    for (int i = 0; i < 60; ++i) a = bench.see(0.05, 290.0, 190.0);
    CHECK(a.ceiling > 0.9 * 300.0);
}

TEST_CASE("trouble while nothing of ours is in flight leaves no ceiling behind") {
    Bench bench;
    bench.healthy(20);
    for (int i = 0; i < 30; ++i) bench.see(0.9, 100.0);
    const double room = bench.healthy(20).room;
    CHECK(room > 0.0);
    for (int i = 0; i < 30; ++i) bench.see(0.05, 100.0 + 10.0 * i, 10.0 * i);
    CHECK(bench.see(0.05, 400.0, 300.0).ceiling > 400.0);
}

TEST_CASE("silence holds within the telemetry's periods and never later than max_age") {
    Bench quick;
    quick.healthy(20);
    CHECK(quick.later(3.0).open);
    const Advice stale = quick.later(4.0);
    CHECK_FALSE(stale.open);
    CHECK(stale.state == "stale");
    CHECK(stale.signal == "telemetry");
    Bench slow({.name = "api", .max_age = std::chrono::seconds(2)});
    slow.healthy(20);
    CHECK_FALSE(slow.later(2.5).open);
}

TEST_CASE("after a silence three fresh samples are needed") {
    Bench bench;
    bench.healthy(20);
    bench.t += 60.0;
    CHECK_FALSE(bench.healthy(1).open);
    CHECK_FALSE(bench.healthy(1).open);
    CHECK(bench.healthy(1).open);
}

TEST_CASE("telemetry that slowly grows old does not come to look normal") {
    Bench bench;
    bench.healthy(20);
    bool open = true;
    for (int i = 0; i < 60 && open; ++i) {
        Observation o = bench.sample(0.05);
        o.at = after(kStart, bench.t - 0.25 * i);
        open = bench.see(o).open;
    }
    CHECK_FALSE(open);
}

TEST_CASE("nonsense is not evidence: it neither opens nor keeps open") {
    const auto broken = [](Bench& bench, int kind) {
        Observation o = bench.sample(0.05);
        switch (kind) {
            case 0:
                o.p99 = Seconds(kNan);
                break;
            case 1:
                o.p99 = Seconds(kInf);
                break;
            case 2:
                o.p99 = Seconds(-1.0);
                break;
            case 3:
                o.load = kNan;
                break;
            case 4:
                o.load = -50.0;
                break;
            case 5:
                o.load = kInf;
                break;
            case 6:
                o.errors = kNan;
                break;
            case 7:
                o.errors = 1.5;
                break;
            case 8:
                o.extra = {{"locks", kNan, 40.0}};
                break;
            case 9:
                o.extra = {{"locks", 1.0, 0.0}};
                break;
            case 10:
                o.load.reset();
                break;
            case 11:
                o.p99 = Seconds(0.0);
                break;
            case 12:
                o.samples = 12;
                break;
            case 13:
                o.at = after(kStart, bench.t + 2.0);
                break;
            default:
                o.at = kStart;
                break;
        }
        return o;
    };
    for (int kind = 0; kind <= 14; ++kind) {
        CAPTURE(kind);
        Bench never;
        const bool harmless_alone = kind == 10 || kind == 14;  // load that was never there, one old sample
        for (int i = 0; i < 20 && !harmless_alone; ++i) REQUIRE_FALSE(never.see(broken(never, kind)).open);
        Bench running;
        const Advice before = running.healthy(20);
        for (int i = 0; i < 20; ++i) {
            const Advice a = running.see(broken(running, kind));
            REQUIRE(a.room <= before.room);
            if (i >= 4) REQUIRE_FALSE(a.open);
        }
        CHECK(running.healthy(3).open);  // and good samples reopen
    }
}

TEST_CASE("a sample dated ahead does not shut out the true ones after it") {
    Bench bench;
    bench.healthy(10);
    Observation ahead = bench.sample(0.05);
    ahead.at = after(kStart, 1e6);
    bench.see(ahead);
    CHECK(bench.healthy(1).open);
}

TEST_CASE("frozen values with fresh stamps hold after six samples and never raise the room") {
    Bench bench;
    const Advice before = bench.healthy(20);
    Observation frozen = bench.sample(0.05);
    Advice a = bench.see(frozen);
    const double room = std::max(a.room, before.room);
    for (int i = 2; i <= 30; ++i) {
        frozen.at = after(kStart, bench.t);
        a = bench.see(frozen, 50.0);
        REQUIRE(a.room <= room * 1.000001);
        CHECK(a.open == (i < 6));
    }
    CHECK(a.state == "stale");
    CHECK(says(a, "frozen"));
    CHECK_FALSE(bench.healthy(2).open);
    CHECK(bench.healthy(1).open);
}

TEST_CASE("a frozen p99 without load takes three times as long to tell") {
    Bench bench;
    const auto only_p99 = [&] { return seen(after(kStart, bench.t), 0.05); };
    for (int i = 1; i <= 25; ++i) CHECK(bench.see(only_p99()).open == (i >= 3 && i < 18));
}

TEST_CASE("an idle backend is not frozen, and a backend without traffic can be begun on") {
    Bench bench;
    const auto idle = [&] {
        Observation o = seen(after(kStart, bench.t), 0.0);
        o.load = 0.0;
        return o;
    };
    Advice a;
    for (int i = 0; i < 50; ++i) a = bench.see(idle());
    CHECK(a.open);
    CHECK(a.room > 0.0);
    // Once we load it, the same zeros are a dead exporter.
    for (int i = 0; i < 6; ++i) a = bench.see(idle(), 20.0);
    CHECK_FALSE(a.open);
    for (int i = 0; i < 20; ++i) a = bench.see(idle(), 0.0);
    CHECK_FALSE(a.open);
}

TEST_CASE("a quiet backend is believed on few requests, but only its load is low") {
    Bench quiet;
    const auto few = [&](double p99, double load) {
        Observation o = quiet.sample(p99, load);
        o.samples = 10;
        return o;
    };
    Advice a;
    for (int i = 0; i < 10; ++i) a = quiet.see(few(0.05, 10.0));
    CHECK(a.open);
    CHECK(a.room > 0.0);
    // Ten requests cannot prove a breach, yet nobody sends on while they are slow.
    a = quiet.see(few(0.6, 10.0));
    a = quiet.see(few(0.6, 10.0));
    CHECK(a.state == "pause");
    CHECK(quiet.see(few(0.05, 10.0)).open);
}

TEST_CASE("a rising baseline takes from the room at once") {
    Bench bench({.name = "api", .capacity_hint = 400.0});
    for (int i = 0; i < 30; ++i) bench.see(0.05, 300.0, 200.0);
    const double before = bench.see(0.05, 300.0, 200.0).room;
    Advice a;
    for (int i = 0; i < 4; ++i) a = bench.see(0.06, 380.0, 200.0);
    CHECK(a.room < before - 45.0);
}

TEST_CASE("shadow does not change the advice") {
    Bench plain, shadow({.name = "api", .shadow = true});
    for (int i = 0; i < 30; ++i) {
        const double p99 = i % 7 == 0 ? 0.5 : 0.1;
        REQUIRE(plain.see(p99, 100.0, 10.0) == shadow.see(p99, 100.0, 10.0));
    }
}

TEST_CASE("no sequence of samples, however mad, yields a room that is negative, infinite or not a number") {
    const double odd[] = {kNan, kInf, -kInf, -1.0, 0.0, 1e-300, 1e300, 0.05, 0.4, 100.0, 5.0};
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        Rng rng(seed);
        Bench bench({.name = "api",
                     .reserve = seed % 3 == 0 ? 0.5 : 0.0,
                     .capacity_hint = seed % 2 == 0 ? std::optional(300.0) : std::nullopt});
        const bool sane = seed % 4 == 0;
        for (int i = 0; i < 300; ++i) {
            const auto any = [&] { return odd[rng.bits() % std::size(odd)]; };
            Observation o = bench.sample(rng.uniform() * 0.4, rng.uniform() * 500.0);
            if (!sane && rng.uniform() < 0.3) o.p99 = Seconds(any());
            if (!sane && rng.uniform() < 0.3) o.load = any();
            if (rng.uniform() < 0.1) o.load.reset();
            if (!sane && rng.uniform() < 0.2) o.errors = any();
            if (!sane && rng.uniform() < 0.1) o.extra = {{"x", any(), any()}};
            if (rng.uniform() < 0.1) bench.controller->set_lag(any());
            const Advice a = bench.see(o, rng.uniform() < 0.1 ? any() : rng.uniform() * 300.0);
            REQUIRE(std::isfinite(a.room));
            REQUIRE(a.room >= 0.0);
            REQUIRE_FALSE(std::isnan(a.baseline));
            REQUIRE_FALSE(std::isnan(a.ceiling));
            REQUIRE((a.open || a.room == 0.0));
            REQUIRE_FALSE(a.reason.empty());
        }
        // Nothing that happened can shut the gate for good.
        bool open = false;
        for (int i = 0; i < 10 && !open; ++i) open = bench.see(0.05, 100.0).open;
        REQUIRE(open);
    }
}

TEST_CASE("without load our own prediction stands in, and the room grows only with what was tried") {
    Bench bench;
    const auto blind = [&](double own) {
        return bench.see(seen(after(kStart, bench.t), 0.05 + 1e-5 * ++bench.count), own);
    };
    Advice a;
    for (int i = 0; i < 20; ++i) a = blind(0.0);
    CHECK(a.open);
    const double start = a.room;
    CHECK(start > 0.0);
    for (int i = 0; i < 20; ++i) a = blind(0.0);
    CHECK(a.room <= start * 1.01);
    for (int i = 0; i < 20; ++i) a = blind(start);
    CHECK(a.room > 1.2 * start);
    CHECK(a.room < 3.0 * start);
}

TEST_CASE("an older sample that comes late does not overrule the newest") {
    Bench bench;
    bench.healthy(20);
    CHECK(bench.see(0.4).state == "pause");
    Observation late = bench.sample(0.05);
    late.at = after(kStart, bench.t - 3.0);
    CHECK(bench.see(late).state == "pause");
}

TEST_CASE("opens that come later than predicted are not taken for a baseline that fell") {
    Bench bench({.name = "api", .capacity_hint = 400.0});
    const Advice before = bench.healthy(30, 100.0);
    Advice a;
    for (int i = 0; i < 6; ++i) a = bench.see(0.05, 100.0, 100.0);
    CHECK(a.baseline > 80.0);
    CHECK(a.room < before.room + 40.0);
}
