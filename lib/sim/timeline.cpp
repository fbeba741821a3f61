#include "sim/timeline.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::sim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeastCapacity = 0.02;

/// Seconds since the event's present occurrence began; negative when it is not on.
double running(const Event& event, double begins, double t) {
    double since = t - begins;
    if (!(since >= 0.0)) return -1.0;
    if (event.every_s > 0.0) {
        const double turn = std::floor(since / event.every_s);
        if (turn >= static_cast<double>(event.times)) return -1.0;
        since -= turn * event.every_s;
    }
    return since < event.lasts_s ? since : -1.0;
}

void apply_to_backend(const Event& event, double since, BackendEffects& effects) {
    switch (event.kind) {
        case EventKind::capacity:
            effects.capacity *= event.value;
            break;
        case EventKind::leak:
            effects.capacity *= std::max(kLeastCapacity, 1.0 - event.value * since / 60.0);
            break;
        case EventKind::latency:
            effects.latency *= event.value;
            break;
        case EventKind::surge:
            effects.surge *= event.value;
            break;
        case EventKind::telemetry_gap:
            effects.gap = true;
            break;
        case EventKind::telemetry_frozen:
            effects.frozen = true;
            break;
        case EventKind::telemetry_nan:
            effects.nan = true;
            break;
        case EventKind::telemetry_reset:
            effects.reset = true;
            break;
        case EventKind::telemetry_late:
            effects.late_s += event.value;
            break;
        default:
            break;
    }
}

void apply(const Event& event, double since, Effects& effects) {
    switch (event.kind) {
        case EventKind::stall:
            effects.stalled = true;
            break;
        case EventKind::throttle:
            effects.provider_ceiling = std::min(effects.provider_ceiling, event.value);
            break;
        case EventKind::opens_lost:
            effects.opens_lost = true;
            break;
        case EventKind::opens_doubled:
            effects.opens_times *= 2.0;
            break;
        case EventKind::opens_late:
            effects.opens_late_s += event.value;
            break;
        case EventKind::requests_per_open:
            effects.requests_per_open *= event.value;
            break;
        case EventKind::other_sender:
            if (since < 1.0) effects.other_sends += event.value;
            break;
        case EventKind::pause:
            effects.paused = true;
            break;
        case EventKind::takeover:
            effects.takeover = effects.takeover || since < 1.0;
            break;
        default:
            break;
    }
}

}  // namespace

Timeline::Timeline(const Scenario& scenario) : scenario_(scenario), begins_(scenario.events.size(), kInfinity) {}

Effects Timeline::at(double t, double sent) {
    Effects effects;
    effects.backends.resize(scenario_.backends.size());
    for (std::size_t i = 0; i < begins_.size(); ++i) {
        const Event& event = scenario_.events[i];
        if (std::isinf(begins_[i])) {
            if (event.at_s >= 0.0)
                begins_[i] = event.at_s + event.after_s;
            else if (sent >= event.at_sent)
                begins_[i] = t + event.after_s;
        }
        const double since = running(event, begins_[i], t);
        if (since < 0.0) continue;
        if (struck_ < 0.0) struck_ = t;
        apply(event, since, effects);
        for (std::size_t b = 0; b < effects.backends.size(); ++b)
            if (event.backend.empty() || event.backend == scenario_.backends[b].limits.name)
                apply_to_backend(event, since, effects.backends[b]);
    }
    return effects;
}

}  // namespace tidegate::sim
