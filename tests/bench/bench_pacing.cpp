// What deciding costs: a control tick, a token.

#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "tidegate/pacing/admission.hpp"
#include "tidegate/pacing/controller.hpp"
#include "tidegate/pacing/pacer.hpp"
#include "tidegate/quota/quota_store.hpp"

namespace tidegate {
namespace {

using namespace std::chrono_literals;

/// One campaign that has been sending for an hour onto three backends, with telemetry every five seconds and opens
/// counted each second.
struct Hour {
    explicit Hour(double reserve) {
        for (int i = 0; i < 3; ++i) {
            BackendOptions options;
            options.name = "backend-" + std::to_string(i);
            options.capacity_hint = 2000;
            options.reserve = reserve;
            controllers.push_back(make_controller(options, 5s));
        }
        for (now = start; now < start + 1h; now += 100ms) {
            reaction.grant(40 + 10 * std::sin(seconds_between(start, now) / 60), now);
            if ((now - start) % 1s == 0s) open();
            if ((now - start) % 5s == 0s) sample();
        }
    }

    /// A second's opens, by people who are not quite as believed.
    void open() {
        const std::vector<double> messages = reaction.sent().by_age(truth.edges(), now - 500ms);
        std::vector<OpensOfAge> opens;
        for (std::size_t j = 0; j < messages.size(); ++j)
            opens.push_back({(truth.edges()[j] + truth.edges()[j + 1]) / 2, messages[j] * truth.expected()[j]});
        reaction.see_opens(opens, now - 1s, now);
    }

    void sample() {
        const OwnLoad own = own_load({{&reaction, impact}}, now, 5);
        double wobble = 0.001 * static_cast<double>((now - start) / 5s % 7);
        for (const auto& controller : controllers) {
            Observation seen;
            seen.at = now;
            seen.p99 = Seconds(0.08 + wobble);
            seen.load = 400 + own.observed.value_or(own.predicted) + 1000 * wobble;
            seen.errors = 0.001;
            controller->expect(reaction.model().median(), impact.per_open);
            controller->observe(seen, own, now);
            wobble += 0.0005;
        }
    }

    const TimePoint start{1000h};
    TimePoint now = start;
    Reaction reaction{ResponseOptions{}, start};  // median 45 s: horizons from 5 s up to 12 minutes
    const ResponseModel truth{ResponseOptions{.open_rate = 0.1, .median = 50s}};
    Impact impact{3.0, 0.1};
    std::vector<std::unique_ptr<Controller>> controllers;
};

/// What the control thread does every 100 ms for one campaign on three backends, but for reading sensors.
void control_tick(benchmark::State& state) {
    Hour hour(static_cast<double>(state.range(0)) / 10);
    double admitted = 0;
    for (auto _ : state) {
        hour.now += 100ms;
        if ((hour.now - hour.start) % 1s == 0s) {  // opens and telemetry have to stay fresh
            state.PauseTiming();
            hour.reaction.grant(400, hour.now);
            hour.open();
            if ((hour.now - hour.start) % 5s == 0s) hour.sample();
            state.ResumeTiming();
        }
        const Reaction reaction = hour.reaction;  // the copy that the control thread takes under the lock
        const std::vector<Commitment> all = {{&reaction, hour.impact}};
        for (const auto& controller : hour.controllers) {
            controller->expect(reaction.model().median(), hour.impact.per_open);
            const Advice advice = controller->advise(hour.now);
            const Admission admission =
                admissible_rate(advice.open ? advice.room : 0.0, all.front(), all, 5.0, hour.now);
            benchmark::DoNotOptimize(predicted_load(all, hour.now));
            admitted += admission.rate;
        }
    }
    benchmark::DoNotOptimize(admitted);
    state.SetLabel("3 backends, 1 h of history");
}
BENCHMARK(control_tick)->ArgName("reserve_tenths")->Arg(0)->Arg(3)->Unit(benchmark::kMicrosecond);

/// One backend's share of it: the horizons of one admission, when the curve is known and when nearly all are possible.
void admission(benchmark::State& state) {
    Hour hour(0);
    Reaction young(ResponseOptions{}, hour.start);
    young.grant(100, hour.start);
    young.see_opens(0.0, hour.start, hour.start + 1s);
    const bool known = state.range(0) != 0;
    const Commitment mine{known ? &hour.reaction : &young, hour.impact};
    const std::vector<Commitment> all = {mine};
    const TimePoint now = known ? hour.now : hour.start + 2s;
    for (auto _ : state) benchmark::DoNotOptimize(admissible_rate(900.0, mine, all, 5.0, now));
}
BENCHMARK(admission)->ArgName("curve_known")->Arg(1)->Arg(0)->Unit(benchmark::kMicrosecond);

/// What a new sample adds to a tick: above all the twins.
void telemetry_sample(benchmark::State& state) {
    Hour hour(0.3);
    for (auto _ : state) {
        hour.now += 5s;
        hour.sample();
    }
    state.SetLabel("3 backends");
}
BENCHMARK(telemetry_sample)->Unit(benchmark::kMicrosecond);

/// What a second's opens add.
void opens_seen(benchmark::State& state) {
    Hour hour(0);
    for (auto _ : state) {
        hour.now += 1s;
        hour.reaction.grant(400, hour.now);
        hour.open();
    }
    state.SetLabel("1 campaign");
}
BENCHMARK(opens_seen)->Unit(benchmark::kMicrosecond);

/// The loop of the next two without the thing measured.
void token_nothing(benchmark::State& state) {
    TimePoint now{1000h};
    std::uint64_t taken = 0;
    for (auto _ : state) {
        now += 200us;
        benchmark::DoNotOptimize(taken += now.time_since_epoch().count() > 0 ? 1 : 0);
    }
}
BENCHMARK(token_nothing);

void token_bucket(benchmark::State& state) {
    TimePoint now{1000h};
    TokenBucket bucket(Rate{5000}, now);
    std::uint64_t taken = 0;
    for (auto _ : state) {
        now += 200us;
        benchmark::DoNotOptimize(taken += bucket.take(1, now));
    }
}
BENCHMARK(token_bucket);

/// A token under a lease of the local quota that is renewed every 100 ms, 5,000 tokens/s: renewal shared out.
void token_local_quota(benchmark::State& state) {
    TimePoint now{1000h};
    const auto quota = make_local_quota();
    quota->set_cap("acct:ios", Rate{5000});
    const std::array<Flow, 1> flows = {Flow{"campaign/ios", {"acct:ios"}, 5, Rate::unlimited()}};
    TokenBucket bucket(Rate{0}, now);
    Lease lease;
    std::uint64_t taken = 0;
    int until_renewal = 0;
    for (auto _ : state) {
        now += 200us;
        if (--until_renewal < 0) {
            lease = quota->renew(flows, now)->front();
            until_renewal = 500;
        }
        const Rate leased = now < lease.expires ? lease.rate : Rate{0};
        if (bucket.rate() != leased) bucket.set_rate(leased, now);
        benchmark::DoNotOptimize(taken += bucket.take(1, now));
    }
}
BENCHMARK(token_local_quota);

void quota_renewal(benchmark::State& state) {
    TimePoint now{1000h};
    const auto quota = make_local_quota();
    quota->set_cap("acct:ios", Rate{5000});
    quota->set_cap("acct:android", Rate{4000});
    std::vector<Flow> flows;
    for (int i = 0; i < 4; ++i) {
        for (const char* account : {"ios", "android"}) {
            flows.push_back({std::to_string(i) + "/" + account, {std::string("acct:") + account}, i, Rate{3000}});
        }
    }
    for (auto _ : state) {
        now += 100ms;
        benchmark::DoNotOptimize(quota->renew(flows, now));
    }
    state.SetLabel("4 campaigns on 2 accounts");
}
BENCHMARK(quota_renewal)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tidegate
