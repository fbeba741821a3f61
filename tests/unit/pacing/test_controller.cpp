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
        controller->expect(2.0, 3.0);
    }
    Observation sample(double p99, double load = 100.0) {
        Observation o = seen(after(kStart, t), p99 * (1.0 + 1e-4 * ++count));
        o.load = load * (1.0 + 1e-4 * count);
        o.errors = 0.0;
        return o;
    }
    Advice see(const Observation& o, double own = 0.0) {
        controller->observe(o, {.predicted = own}, after(kStart, t));
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

    /// Between -5 and 5.
    double noise() { return 10.0 * rng.uniform() - 5.0; }

    std::unique_ptr<Controller> controller;
    Rng rng{3};
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

TEST_CASE("an older sample that comes late does not overrule the newest") {
    Bench bench;
    bench.healthy(20);
    CHECK(bench.see(0.4).state == "hold");
    Observation late = bench.sample(0.05);
    late.at = after(kStart, bench.t - 3.0);
    CHECK(bench.see(late).state == "hold");
}

TEST_CASE("the room is what the backend is trusted with, less what is not ours and the doubt about both") {
    Bench bench;
    const Advice a = bench.healthy(60);
    CHECK(a.baseline == doctest::Approx(100.0).epsilon(0.05));
    CHECK(a.ceiling > 105.0);
    CHECK(a.room > 0.0);
    CHECK(a.room < a.ceiling - a.baseline);
    CHECK(says(a, "95 %"));
}

TEST_CASE("the past is learnt from: room on the first three samples as after hours of watching") {
    const auto past = [] {
        std::vector<Observation> day;
        for (int i = 0; i < 800; ++i) {
            Observation o = seen(kStart, 0.0);
            const double load = 60.0 + 240.0 * (i * 37 % 100) / 100.0;
            o.load = load;
            o.p99 = Seconds(0.05 / (1.0 - load / 500.0));
            day.push_back(o);
        }
        return day;
    }();
    Bench taught, fresh;
    taught.controller->remember(past);
    CHECK_FALSE(taught.controller->advise(kStart).open);
    const auto begin = [](Bench& bench) {
        Advice a;
        for (int i = 0; i < 3; ++i) a = bench.see(0.0625);
        return a;
    };
    const double known = begin(taught).room;
    CHECK(known > 100.0);
    CHECK(known > 2.0 * begin(fresh).room);
    // A counter that ran over and nights of nothing do not teach.
    std::vector<Observation> broken = past;
    for (double load : {1e9, 3e5, 0.0, 0.001, kNan, -5.0}) {
        broken.push_back(past[0]);
        broken.back().load = load;
        broken.push_back(past[1]);
        broken.back().p99 = Seconds(load < 0.0 ? kNan : -1.0);
    }
    Bench sceptic;
    sceptic.controller->remember(broken);
    CHECK(begin(sceptic).room == doctest::Approx(known).epsilon(0.25));
    // Trouble of the past is not capacity.
    std::vector<Observation> shedding = past;
    for (Observation& o : shedding) {
        o.errors = 0.5;
        o.load = *o.load * 10.0;
    }
    Bench wary;
    wary.controller->remember(shedding);
    CHECK(begin(wary).room < known);
}

TEST_CASE("a reserve never gives more room, and a larger one less") {
    double last = kInf;
    for (double reserve : {0.0, 0.2, 0.4, 0.6}) {
        Bench bench({.name = "api", .reserve = reserve, .capacity_hint = 1000.0});
        bench.controller->expect(45.0, 3.0);
        Advice a;
        for (int i = 0; i < 80; ++i) a = bench.healthy(1, 100.0 + 10.0 * i, 10.0 * i);
        CHECK(a.room <= last);
        if (reserve > 0.3) CHECK(a.room < last);
        last = a.room;
        if (reserve > 0.3) CHECK(says(a, "reserve"));
    }
    CHECK(last > 0.0);
}

TEST_CASE("one sample over the objective holds and the next good one goes on") {
    Bench bench;
    const double before = bench.healthy(20).room;
    const Advice over = bench.see(0.4);
    CHECK_FALSE(over.open);
    CHECK(over.room == 0.0);
    CHECK(over.signal == "p99");
    CHECK(says(over, "over the SLO of 300 ms"));
    const Advice next = bench.see(0.05);
    CHECK(next.open);
    CHECK(next.room <= before * 1.05);
}

TEST_CASE("a sample that is far from what was foreseen pauses although it is inside the objective") {
    Bench bench;
    bench.healthy(40);
    const Advice a = bench.see(0.28);
    CHECK_FALSE(a.open);
    CHECK(a.state == "pause");
    CHECK(says(a, "not what was foreseen"));
    CHECK(bench.healthy(2).open);
}

TEST_CASE("two samples over the objective are a changed backend: it reopens with less room, not with the old one") {
    Bench bench;
    for (int i = 0; i < 60; ++i) bench.see(0.05, 300.0, 200.0);
    const Advice before = bench.see(0.05, 300.0, 200.0);
    for (int i = 0; i < 3; ++i) CHECK_FALSE(bench.see(0.5, 300.0, 200.0).open);
    Advice a;
    int waited = 0;
    while (!a.open && waited < 40) {
        a = bench.see(0.05, 110.0, 10.0);
        ++waited;
    }
    CHECK(a.open);
    CHECK(waited <= 10);
    CHECK(a.room < before.room);
    CHECK(a.ceiling < before.ceiling);
}

TEST_CASE("a backend known for single slow samples is not stopped by one, but by two") {
    Bench bench;
    bench.healthy(20);
    for (int i = 0; i < 300; ++i) bench.see(i % 12 == 11 ? 0.6 : 0.05);
    bench.healthy(3);
    CHECK(bench.see(0.6).open);
    CHECK_FALSE(bench.see(0.6).open);
    // The leave covers latency alone, and only a sample that the verdict is about.
    bench.healthy(20);
    Observation errors = bench.sample(0.6);
    errors.errors = 0.3;
    CHECK_FALSE(bench.see(errors).open);
    bench.healthy(20);
    bench.see(0.6);
    Observation thin = bench.sample(0.6, 10.0);
    thin.samples = 10;
    CHECK_FALSE(bench.see(thin).open);
}

TEST_CASE("somebody else's trouble before anything of ours was sent does not pin the campaign") {
    Bench bench;
    bench.healthy(20);
    for (int i = 0; i < 30; ++i) bench.see(0.9, 100.0);
    Advice a;
    for (int i = 0; i < 60; ++i) a = bench.see(0.05, 100.0);
    CHECK(a.open);
    for (int i = 0; i < 60; ++i) a = bench.see(0.05, 100.0 + a.room, a.room);
    CHECK(a.ceiling > 150.0);
    Bench blind;
    const auto p99 = [&](double value, double own) {
        return blind.see(seen(after(kStart, blind.t), value + 1e-5 * ++blind.count), own);
    };
    for (int i = 0; i < 20; ++i) p99(0.9, 0.0);
    for (int i = 0; i < 6; ++i) a = p99(0.05, 0.0);
    CHECK(a.open);
    CHECK(a.room > 10.0);
}

TEST_CASE("silence holds after two periods and a little, and never later than max_age") {
    Bench quick;
    const Advice fresh = quick.healthy(20);
    CHECK(quick.later(2.6).open);
    CHECK(quick.later(2.6).room <= fresh.room);
    const Advice stale = quick.later(2.8);
    CHECK_FALSE(stale.open);
    CHECK(stale.state == "stale");
    CHECK(stale.signal == "telemetry");
    Bench slow({.name = "api", .max_age = std::chrono::seconds(2)});
    slow.healthy(20);
    CHECK(slow.later(1.9).open);
    CHECK_FALSE(slow.later(2.1).open);
}

TEST_CASE("room shrinks with every sample that is missing and never grows with time alone") {
    for (double reserve : {0.0, 0.4}) {
        Bench bench({.name = "api", .reserve = reserve, .capacity_hint = 300.0});
        for (int i = 0; i < 40; ++i) bench.see(0.05, 100.0 + 5.0 * bench.noise());
        double last = bench.see(0.05).room;
        REQUIRE(last > 0.0);
        for (double later = 0.0; later < 20.0; later += 0.05) {
            const double room = bench.later(later).room;
            REQUIRE(room <= last);
            last = room;
        }
        CHECK(last == 0.0);
    }
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

TEST_CASE("a quiet backend is believed on few requests, but they prove nothing about its capacity") {
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
    const double room = a.room;
    // Nobody sends on while they are slow, yet ten requests change no belief.
    CHECK_FALSE(quiet.see(few(0.6, 10.0)).open);
    CHECK_FALSE(quiet.see(few(0.6, 10.0)).open);
    a = quiet.see(few(0.05, 10.0));
    CHECK(a.open);
    CHECK(a.room == doctest::Approx(room).epsilon(0.2));
}

TEST_CASE("a load out of nowhere is believed when the next sample says so too, and teaches no capacity by itself") {
    Bench glitch;
    const Advice before = glitch.healthy(60);
    glitch.see(0.05, 1e9);
    const Advice after_it = glitch.healthy(1);
    CHECK(after_it.open);
    CHECK(after_it.baseline == doctest::Approx(before.baseline).epsilon(0.05));
    CHECK(after_it.ceiling <= 1.1 * before.ceiling);
    CHECK(after_it.room <= 1.1 * before.room);
    Bench stampede;
    stampede.healthy(60);
    stampede.see(0.06, 5000.0);
    CHECK(stampede.see(0.06, 5000.0).baseline > 4000.0);
    // Even when two in a row are wrong, they do not stay a capacity nobody has.
    Bench twice;
    twice.healthy(60);
    for (int i = 0; i < 2; ++i) twice.see(0.05, 1e9 + i);
    for (int i = 0; i < 900; ++i) {
        const Advice a = twice.see(0.05, 100.0 + twice.noise());
        if (i > 3) REQUIRE(a.room <= 300.0);
    }
    CHECK(twice.healthy(1).open);
    // Slow is slow, whatever the load says.
    Bench slow;
    slow.healthy(60);
    CHECK_FALSE(slow.see(0.6, 1e9).open);
    for (double load : {1e13, 1e300}) {
        Bench absurd;
        for (int i = 0; i < 10; ++i) CHECK_FALSE(absurd.see(0.05, load).open);
    }
}

TEST_CASE("a rising baseline takes from the room at once") {
    Bench bench({.name = "api", .capacity_hint = 400.0});
    for (int i = 0; i < 60; ++i) bench.see(0.05, 150.0 + bench.noise(), 50.0);
    const double before = bench.see(0.05, 150.0, 50.0).room;
    CHECK(before > 100.0);
    const Advice a = bench.see(0.06, 300.0, 50.0);
    CHECK(a.baseline == doctest::Approx(250.0).epsilon(0.02));
    CHECK(a.room < before - 130.0);
}

TEST_CASE("a baseline that varied much is not room on a backend that is trusted with less") {
    Bench bench;
    for (int i = 0; i < 60; ++i) bench.see(0.05, 100.0 + bench.noise());
    for (int i = 0; i < 5; ++i) bench.see(2.0, 1000.0);  // somebody else's surge, not borne
    Advice a;
    for (int i = 0; i < 60; ++i) {
        a = bench.see(0.05, 100.0 + bench.noise());
        REQUIRE(a.room <= std::max(0.0, a.ceiling - a.baseline) + 1e-9);
    }
}

TEST_CASE("shadow does not change the advice") {
    Bench plain, shadow({.name = "api", .shadow = true});
    for (int i = 0; i < 30; ++i) {
        const double p99 = i % 7 == 0 ? 0.5 : 0.1;
        REQUIRE(plain.see(p99, 100.0, 10.0) == shadow.see(p99, 100.0, 10.0));
    }
}

TEST_CASE("opens that were counted go before those that were foreseen") {
    Bench bench;
    for (int i = 0; i < 40; ++i) {
        const Observation o = bench.sample(0.05, 300.0);
        bench.controller->observe(o, {.predicted = 50.0, .observed = 200.0}, after(kStart, bench.t));
        bench.t += 1.0;
    }
    CHECK(bench.later(0.0).baseline == doctest::Approx(100.0).epsilon(0.05));
    // Nonsense is no count.
    bench.controller->observe(bench.sample(0.05, 300.0), {.predicted = 200.0, .observed = kNan},
                              after(kStart, bench.t));
    CHECK(bench.later(1.0).baseline == doctest::Approx(100.0).epsilon(0.05));
}

TEST_CASE("no sequence of samples, however mad, yields a room that is negative, infinite or not a number") {
    const double odd[] = {kNan, kInf, -kInf, -1.0, 0.0, 1e-300, 1e300, 0.05, 0.4, 100.0, 5.0};
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        Rng rng(seed);
        Bench bench({.name = "api",
                     .reserve = seed % 3 == 0 ? 0.5 : 0.0,
                     .capacity_hint = seed % 2 == 0 ? std::optional(300.0) : std::nullopt});
        const bool sane = seed % 4 == 0;
        for (int i = 0; i < 150; ++i) {
            const auto any = [&] { return odd[rng.bits() % std::size(odd)]; };
            Observation o = bench.sample(rng.uniform() * 0.4, rng.uniform() * 500.0);
            if (!sane && rng.uniform() < 0.3) o.p99 = Seconds(any());
            if (!sane && rng.uniform() < 0.3) o.load = any();
            if (rng.uniform() < 0.1) o.load.reset();
            if (!sane && rng.uniform() < 0.2) o.errors = any();
            if (!sane && rng.uniform() < 0.1) o.extra = {{"x", any(), any()}};
            if (!sane && rng.uniform() < 0.1) bench.controller->expect(any(), any());
            const Advice a = bench.see(o, rng.uniform() < 0.1 ? any() : rng.uniform() * 300.0);
            CAPTURE(seed);
            REQUIRE(std::isfinite(a.room));
            REQUIRE(a.room >= 0.0);
            REQUIRE_FALSE(std::isnan(a.baseline));
            REQUIRE_FALSE(std::isnan(a.ceiling));
            REQUIRE((a.open || a.room == 0.0));
            REQUIRE_FALSE(a.reason.empty());
        }
        // Nothing that happened can shut the gate for good, nor leave it open on nothing.
        bench.controller->expect(2.0, 3.0);
        Advice a;
        int waited = 0;
        while (!(a.open && a.room > 0.0) && waited < 400) {
            a = bench.see(0.05, 100.0 + bench.noise());
            ++waited;
        }
        CAPTURE(seed);
        REQUIRE(waited < 400);
    }
}

TEST_CASE("the same samples give the same advice to the last bit") {
    const auto run = [] {
        Bench bench({.name = "api", .reserve = 0.3});
        Rng rng(11);
        std::vector<Advice> all;
        for (int i = 0; i < 200; ++i) {
            const double own = 80.0 * rng.uniform();
            all.push_back(bench.see(0.05 + 0.02 * rng.uniform(), 100.0 + own + 10.0 * rng.normal(), own));
        }
        return all;
    };
    CHECK(run() == run());
}

TEST_CASE("without load our own stands in, and the room grows only with what was tried") {
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

TEST_CASE("the law's constants reach the controller") {
    BackendOptions options{.name = "api"};
    const auto sure = make_controller(options, std::chrono::seconds(1), Law{.several = 5.0});
    for (int i = 0; i < 5; ++i) {
        Observation o = seen(after(kStart, i), 0.05 + 0.001 * i);
        o.load = 100.0 + i;
        sure->expect(2.0, 3.0);
        sure->observe(o, {}, after(kStart, i));
        CHECK(sure->advise(after(kStart, i)).open == (i == 4));
    }
}
