#include "sim/plant.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tidegate::sim {
namespace {

constexpr double kAlpha = 0.2;          // of the utilisation
constexpr double kMostUtilised = 0.97;  // of the smooth curve; beyond it the queue speaks
constexpr double kMostUtilisedKnee = 0.99;
constexpr double kTimeOut = 2.0, kTimeOutSpread = 0.2, kNoTimeOutBelow = 0.5;  // seconds of waiting
constexpr std::size_t kRetryFirst = 3, kRetryLast = 5;                         // seconds after the failure
constexpr double kContentionRises = 0.1, kContentionFalls = 1.0 / 30.0;        // a second
constexpr double kContentionAbove = 0.88, kContentionBelow = 0.70;             // utilisation
constexpr double kContentionCosts = 0.5;
constexpr double kSignalFrom = 0.55, kSignalScale = 0.08, kSignalMost = 1.5;

double timed_out(double wait) {
    if (wait < kNoTimeOutBelow) return 0.0;
    return 1.0 / (1.0 + std::exp(-(wait - kTimeOut) / kTimeOutSpread));
}

}  // namespace

double PlantModel::capacity_now(double factor) {
    double capacity = plant_.capacity * factor * scale_;
    if (plant_.curve == Curve::lock) capacity *= 1.0 - kContentionCosts * contention_;
    return std::max(capacity, 1e-3 * plant_.capacity);
}

void PlantModel::scale_to_load(double load) {
    if (!plant_.autoscaler) return;
    const Autoscaler& scaler = *plant_.autoscaler;
    const double wanted = std::clamp(scale_ * load / scaler.target, scaler.least, scaler.most);
    if (ordered_in_s_ >= 0.0) {
        ordered_in_s_ -= 1.0;
        if (ordered_in_s_ < 0.0) scale_ = std::max(scale_, ordered_);
    } else if (wanted > 1.1 * scale_) {
        ordered_ = wanted;
        ordered_in_s_ = scaler.warm_up_s;
    }
    quiet_s_ = wanted < 0.85 * scale_ ? quiet_s_ + 1.0 : 0.0;
    if (quiet_s_ >= scaler.cool_down_s) {
        scale_ = wanted;
        quiet_s_ = 0.0;
    }
}

void PlantModel::latencies(PlantSecond& second, double factor, double wait) const {
    const double c = plant_.servers;
    switch (plant_.curve) {
        case Curve::smooth: {
            const double mean = factor * 0.010 / (1.0 - std::min(utilisation_, kMostUtilised));
            second.p50_s = 0.69 * mean + wait;
            second.p99_s = 4.6 * mean + wait;
            break;
        }
        case Curve::sharp:
        case Curve::lock: {
            const double service = factor * c / second.capacity;
            const double load = std::min(utilisation_, kMostUtilisedKnee);
            const double queued = service * std::pow(load, std::sqrt(2.0 * (c + 1.0)) - 1.0) / (c * (1.0 - load));
            second.p50_s = service + queued + wait;
            second.p99_s = 0.100 * service / 0.04 + 4.6 * queued + wait;
            break;
        }
        case Curve::kinked: {
            const double bent = std::max(0.0, utilisation_ - 0.7);
            second.p99_s = factor * (0.06 + 0.05 * utilisation_ + 1.5 * bent) + wait;
            second.p50_s = 0.3 * (second.p99_s - wait) + wait;
            break;
        }
        case Curve::step:
            second.p99_s = factor * (utilisation_ < 0.8 ? 0.08 : 0.45) + wait;
            second.p50_s = 0.3 * (second.p99_s - wait) + wait;
            break;
        case Curve::exponential:
            second.p99_s = factor * 0.02 * std::exp(3.4 * std::min(utilisation_, 1.5)) + wait;
            second.p50_s = 0.3 * (second.p99_s - wait) + wait;
            break;
    }
}

PlantSecond PlantModel::step(double first, double capacity, double latency, const PlantSecond* below) {
    PlantSecond second;
    retries_.resize(static_cast<std::size_t>(plant_.retry_times));
    second.attempts = first;
    for (Retries& ages : retries_) {
        std::rotate(ages.begin(), ages.begin() + 1, ages.end());
        ages.back() = 0.0;
        second.attempts += ages.front();
    }
    second.capacity = capacity_now(capacity);
    double served = second.attempts;
    if (plant_.shed_above > 0.0) served = std::min(served, plant_.shed_above * second.capacity);
    utilisation_ += kAlpha * (served / second.capacity - utilisation_);

    const double most = queue_room_ * second.capacity;
    const double grown = queue_ + served - second.capacity;
    const double dropped = std::max(0.0, grown - most) + (second.attempts - served);
    queue_ = std::clamp(grown, 0.0, most);
    double wait = queue_ / second.capacity;
    latencies(second, latency, wait);

    const double reaches = second.attempts > 0.0 ? std::max(0.0, 1.0 - dropped / second.attempts) : 1.0;
    double fine = (1.0 - timed_out(wait)) * reaches;
    calls_ = plant_.depends.backend.empty() ? 0.0 : plant_.depends.calls * second.attempts * reaches;
    if (below && !plant_.depends.backend.empty()) {
        // Each failed call is tried again at once by some; the caller waits for both, and fails if the last one does.
        const double again = plant_.depends.retries * below->errors;
        calls_ *= 1.0 + again;
        second.p50_s += below->p50_s;
        second.p99_s += below->p99_s * (1.0 + again);
        fine *= 1.0 - below->errors * (1.0 - plant_.depends.retries * (1.0 - below->errors));
    }
    second.errors = std::clamp(1.0 - fine, 0.0, 1.0);

    // What fails comes back, each generation a last time fewer.
    double failing = first * second.errors;
    for (Retries& ages : retries_) {
        const double come_back = ages.front();
        for (std::size_t age = kRetryFirst; age <= kRetryLast; ++age)
            ages[age] += plant_.retry_share * failing / static_cast<double>(kRetryLast - kRetryFirst + 1);
        failing = come_back * second.errors;
    }

    if (plant_.curve == Curve::lock) {
        if (utilisation_ > kContentionAbove)
            contention_ = std::min(1.0, contention_ + kContentionRises);
        else if (utilisation_ < kContentionBelow && queue_ <= 0.0)
            contention_ = std::max(0.0, contention_ - kContentionFalls);
    }
    second.signal =
        std::exp((std::min(utilisation_, kSignalMost) - kSignalFrom) / kSignalScale) * (1.0 + 2.0 * contention_);
    second.queue = queue_;
    scale_to_load(second.attempts / second.capacity);
    return second;
}

BaselineModel::BaselineModel(const Baseline& baseline, double phase, std::uint64_t seed)
    : baseline_(baseline), phase_(phase), chance_(seed) {}

double BaselineModel::mean(double t) const {
    const double wave = std::sin(2.0 * std::numbers::pi * t / baseline_.swing_period_s + phase_);
    return baseline_.mean * (1.0 + baseline_.swing * wave);
}

double BaselineModel::step(double t, double surge) {
    const double keeps = std::exp(-1.0 / baseline_.noise_time_s);
    slow_ = keeps * slow_ + std::sqrt(1.0 - keeps * keeps) * baseline_.noise * chance_.normal();
    return static_cast<double>(chance_.poisson(std::max(0.0, mean(t) * (1.0 + slow_) * surge)));
}

double oracle_share(const Plant& plant) {
    if (plant.oracle_load > 0.0) return plant.oracle_load;
    switch (plant.curve) {
        case Curve::smooth:
            return 0.80;
        case Curve::sharp:
            return 0.93;
        case Curve::lock:
            return 0.82;
        case Curve::kinked:
            return 0.78;
        case Curve::step:
            return 0.75;
        case Curve::exponential:
            return 0.75;
    }
    return 0.80;
}

}  // namespace tidegate::sim
