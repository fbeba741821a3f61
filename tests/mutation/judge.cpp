// Judges the library it is linked with: prints "holds: PROPERTY" or "fails: PROPERTY" for each property named, or for
// all of them. Ends with 0 when all hold, 1 when one fails, 2 when nothing could be judged.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "tidegate/base/rng.hpp"
#include "tidegate/pacing/controller.hpp"
#include "tidegate/sim/simulate.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace {

Scenario scenario(const std::string& name) {
    auto read = read_scenario(std::string(TIDEGATE_SOURCE_DIR) + "/examples/incidents/" + name + ".toml");
    if (!read) throw std::runtime_error(read.error().front().text());
    return *read;
}

SimResult rehearse(const std::string& name, std::uint64_t seed = 1) {
    return simulate(scenario(name), {PolicyKind::impact}, seed);
}

/// Messages sent between two moments after the event struck.
double sent(const SimResult& result, double from, double to) {
    double sum = 0.0;
    const auto& series = result.campaigns[0].series;
    for (auto t = static_cast<std::size_t>(result.struck_s + from); t < series.size(); ++t)
        if (static_cast<double>(t) < result.struck_s + to) sum += series[t].sent;
    return sum;
}

struct Property {
    const char* name;
    bool (*holds)();
};

/// A backend that is watched without sending: what is seen of it, each second.
struct Watched {
    Watched() { controller->expect(45.0, 3.0); }
    void see(double p99, double load) {
        Observation o;
        o.at = at;
        o.p99 = Seconds(p99 * (1.0 + 0.05 * chance.normal()));
        if (load > 0.0) o.load = load * (1.0 + 0.02 * chance.normal());
        o.errors = 0.0;
        last = o;
        controller->observe(o, {}, at);
        at += std::chrono::seconds(1);
    }
    /// The last values once more with a fresh time.
    void see_again() {
        last.at = at;
        controller->observe(last, {}, at);
        at += std::chrono::seconds(1);
    }
    Advice advice() const { return controller->advise(at); }

    std::unique_ptr<Controller> controller = make_controller({.name = "api"}, std::chrono::seconds(1));
    TimePoint at{std::chrono::seconds(1000)};
    Observation last;
    Rng chance{7};
};

bool stops_when_telemetry_stops(double load) {
    Watched backend;
    for (int i = 0; i < 60; ++i) backend.see(0.05, load);
    const bool was_open = backend.advice().open;
    backend.at += std::chrono::seconds(10);
    return was_open && !backend.advice().open;
}

/// Where the load is not known nothing else notices: there is no baseline whose doubt could grow.
bool stops_when_values_stand_still() {
    Watched backend;
    for (int i = 0; i < 60; ++i) backend.see(0.05, 0.0);
    const bool was_open = backend.advice().open;
    for (int i = 0; i < 30; ++i) backend.see_again();
    return was_open && !backend.advice().open;
}

const Property kProperties[] = {
    {"telemetry that stopped stops the sends",
     [] {
         // The limit is 25 s at most, and a second for the tick.
         return sent(rehearse("table/gap-surge"), 27, 60) == 0.0 && stops_when_telemetry_stops(100.0) &&
                stops_when_telemetry_stops(0.0);
     }},
    {"values that stand still stop the sends",
     [] { return sent(rehearse("attacks/frozen-exporter", 2), 60, 300) == 0.0 && stops_when_values_stand_still(); }},
    {"what was granted is reckoned with",
     [] {
         const SimResult gate = rehearse("table/nominal");
         return gate.finished && gate.seconds_over == 0.0;
     }},
    {"somebody else's surge teaches nothing about the backend",
     [] {
         // A fluid queue that serves 1,600 a second and holds six seconds of work.
         Watched backend;
         double queue = 0.0;
         const auto serve = [&](double load) {
             queue = std::clamp(queue + load - 1600.0, 0.0, 6.0 * 1600.0);
             backend.see(0.046 / (1.0 - std::min(load / 1600.0, 0.97)) + queue / 1600.0, load);
         };
         for (int i = 0; i < 600; ++i) serve(400.0 + i);
         const double before = backend.advice().ceiling;
         for (int i = 0; i < 7200; ++i) serve(2400.0);
         for (int i = 0; i < 60; ++i) serve(500.0);
         return std::fabs(backend.advice().ceiling - before) < 0.1 * before;
     }},
    {"somebody else's surge takes from our room at once",
     [] {
         // One sample, its age, and a tick.
         const SimResult gate = rehearse("table/surge-1.8x");
         const auto believed = [&](double t) {
             return gate.backends[0].series[static_cast<std::size_t>(gate.struck_s + t)].baseline;
         };
         double least = 1e300;
         for (int t = 12; t < 60; ++t) least = std::min(least, believed(t));
         return least > 1.4 * believed(-5) && gate.seconds_over <= 60.0;
     }},
    {"a provider that stalls is given nothing more",
     [] {
         const SimResult gate = rehearse("table/stall-3min");
         return gate.finished && gate.seconds_over == 0.0;
     }},
    {"a p99 that is no number opens nothing", [] { return sent(rehearse("attacks/nan-and-reset", 2), 30, 60) == 0.0; }},
    {"what the reserve may lose is left free", [] { return rehearse("table/capacity-half").seconds_over <= 75.0; }},
    {"nothing passes the capacity hint",
     [] {
         const Scenario what = scenario("table/lock-hint");
         const double hint = *what.backends[0].limits.capacity_hint;
         const SimResult gate = simulate(what, {PolicyKind::impact}, 1);
         return std::all_of(gate.backends[0].series.begin(), gate.backends[0].series.end(),
                            [hint](const BackendSecond& second) { return second.ceiling <= hint; });
     }},
};

}  // namespace

int main(int argc, char** argv) {
    int judged = 0, failed = 0;
    try {
        for (const Property& property : kProperties) {
            const auto named = [&](const char* word) { return std::string(word) == property.name; };
            if (argc > 1 && std::none_of(argv + 1, argv + argc, named)) continue;
            const bool holds = property.holds();
            std::printf("%s: %s\n", holds ? "holds" : "fails", property.name);
            ++judged;
            failed += holds ? 0 : 1;
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "judge: %s\n", error.what());
        return 2;
    }
    if (judged == 0) return std::fprintf(stderr, "judge: no such property\n"), 2;
    return failed > 0 ? 1 : 0;
}
