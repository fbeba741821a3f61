#include "pacing/capacity_twins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace tidegate::pacing {
namespace {

/// Servers behind the backend. The last one is a cliff: no warning before capacity.
constexpr std::array<double, 7> kServers{1, 2, 4, 8, 16, 64, 4096};
constexpr std::size_t kCliff = kServers.size() - 1;
/// Capacities: sixteenths of an octave, from half of the first load seen to 256 times it.
constexpr int kStepsPerOctave = 16, kStepsBelow = 16, kStepsAbove = 128;
constexpr double kModelled = 0.985;  // the formula is believed up to here
constexpr double kLeastOdds = 1e-4;
/// A latency nobody foresaw may be anything within eight e-folds.
constexpr double kAnything = 1.0 / 8.0;
constexpr double kFirstTrials = 100.0, kGlitchMemory = 500.0;  // samples
constexpr double kLeastNoise = 0.03, kNoiseGain = 0.03, kBiasGain = 0.12;
constexpr double kQueueDoubt = 0.36;     // variance of the logarithm of a wait that is all queue
constexpr double kLatencyIsQueue = 0.2;  // share of queue above which the latency says nothing about the base
constexpr double kOutgrown = 64.0;       // times the load the grid was laid around
constexpr double kSettled = 30.0;        // samples after which a belief is worth remembering
constexpr int kLeftBehind = 3;           // samples as far below it
constexpr int kSpreadSteps = 2;          // the grid's own width: +-2 % in five points
constexpr double kSpreadStep = 0.01;

/// Latency of a class of servers over its latency without load, as a table over utilisation, and back.
class Curve {
  public:
    explicit Curve(double servers) {
        const double exponent = std::sqrt(2.0 * (servers + 1.0)) - 1.0;
        for (int i = 0; i <= kPoints; ++i) {
            const double rho = kModelled * i / kPoints;
            growth_[static_cast<std::size_t>(i)] = 1.0 + std::pow(rho, exponent) / (servers * (1.0 - rho));
        }
    }
    double growth(double rho) const {
        const double x = std::clamp(rho / kModelled, 0.0, 1.0) * kPoints;
        const auto i = std::min<std::size_t>(static_cast<std::size_t>(x), kPoints - 1);
        return growth_[i] + (x - static_cast<double>(i)) * (growth_[i + 1] - growth_[i]);
    }
    double utilisation(double growth) const {
        const auto above = std::upper_bound(growth_.begin(), growth_.end(), growth);
        if (above == growth_.begin()) return 0.0;
        if (above == growth_.end()) return kModelled;
        const double low = *(above - 1), high = *above;
        const auto i = static_cast<double>(above - growth_.begin() - 1);
        return kModelled * (i + (high > low ? (growth - low) / (high - low) : 0.0)) / kPoints;
    }

  private:
    static constexpr int kPoints = 512;
    std::array<double, kPoints + 1> growth_{};
};

const Curve& curve(std::size_t servers) {
    static const std::vector<Curve> curves(kServers.begin(), kServers.end());
    return curves[servers];
}

}  // namespace

CapacityTwins::CapacityTwins(double slo_s, double period_s, double proven, const Law& law)
    : law_(law),
      slo_(slo_s),
      period_(period_s),
      proven_(proven),
      glitches_(law.glitch_share * kFirstTrials),
      trials_(kFirstTrials) {}

bool CapacityTwins::off_the_grid(double load) {
    far_below_ = load * kOutgrown < anchor_ ? far_below_ + 1 : 0;
    // All twins far above any load would agree that everything is fine, however large.
    return load > kOutgrown * anchor_ || far_below_ >= kLeftBehind;
}

void CapacityTwins::lay_grid(double load, double p99) {
    const double alpha = -std::log2(1.0 - law_.wall_per_doubling);
    anchor_ = load;
    twins_.clear();
    former_.clear();
    far_below_ = 0;
    for (std::size_t c = 0; c < kServers.size(); ++c)
        for (int k = -kStepsBelow; k <= kStepsAbove; ++k) {
            Twin twin;
            twin.capacity = load * std::exp2(static_cast<double>(k) / kStepsPerOctave);
            twin.servers = static_cast<std::uint8_t>(c);
            twin.prior = twin.weight = -alpha * std::log(twin.capacity);
            twin.base = std::log(p99 / curve(c).growth(load / twin.capacity));
            if (limit_of(twin) < proven_) twin.weight = twin.prior += std::log(law_.vouched_wrongly);
            twins_.push_back(twin);
        }
    normalise();
}

void CapacityTwins::normalise() {
    double best = -std::numeric_limits<double>::infinity(), sum = 0.0;
    for (const Twin& twin : twins_) best = std::max(best, twin.weight);
    for (const Twin& twin : twins_) sum += std::exp(twin.weight - best);
    const double shift = best + std::log(sum);
    for (Twin& twin : twins_) twin.weight -= shift;
}

CapacityTwins::Foreseen CapacityTwins::foresee(double load, double p99, double seconds) {
    Foreseen foreseen;
    const double floor = noise_ * noise_ * (1.0 + 1.0 / samples_);
    for (Twin& twin : twins_) {
        const double backlog = std::max(0.0, twin.backlog + (load - twin.capacity) * seconds);
        const double wait = 0.5 * (twin.backlog + backlog) / twin.capacity;
        const double expected = std::exp(twin.base) * curve(twin.servers).growth(load / twin.capacity) + wait;
        twin.queued_share = wait / expected;
        twin.surprise = std::log(p99 / expected);
        // Heavy tails: one sample in ten may be off by several times the noise.
        const double variance = floor + kQueueDoubt * twin.queued_share * twin.queued_share;
        const double square = twin.surprise * twin.surprise / variance;
        twin.density = (0.9 * std::exp(-0.5 * square) + 0.04 * std::exp(-0.08 * square)) /
                       std::sqrt(2.0 * std::numbers::pi * variance);
        // A wait cannot exceed the latency seen.
        twin.backlog = std::min(backlog, twin.capacity * p99);
        const double weight = std::exp(twin.weight);
        foreseen.density += weight * twin.density;
        foreseen.mean_surprise += weight * twin.surprise;
        foreseen.mean_square += weight * std::min(twin.surprise * twin.surprise, 9.0 * noise_ * noise_);
    }
    return foreseen;
}

void CapacityTwins::learn(const Foreseen& foreseen, bool healthy) {
    const double glitch = glitches_ / trials_;
    // Under water all twins look alike: what was learnt before must not be forgotten for that.
    const double keep = healthy ? 1.0 - 1.0 / law_.memory_samples : 1.0;
    for (Twin& twin : twins_) {
        const double evidence = std::log((1.0 - glitch) * twin.density + glitch * kAnything + 1e-6);
        twin.broke *= 1.0 - 1.0 / law_.broke_samples;
        const double prior = twin.prior + twin.broke;
        twin.weight = prior + keep * (twin.weight - prior) + evidence;
        if (twin.queued_share < kLatencyIsQueue)
            twin.base += std::clamp(twin.surprise, -0.5, 0.5) / std::min(samples_ + 1.0, law_.memory_samples);
    }
    normalise();
    const double variance = noise_ * noise_ + kNoiseGain * (1.05 * foreseen.mean_square - noise_ * noise_);
    noise_ = std::sqrt(std::max(kLeastNoise * kLeastNoise, variance));
    bias_ += kBiasGain * (std::clamp(foreseen.mean_surprise, -3.0 * noise_, 3.0 * noise_) - bias_);
}

void CapacityTwins::remember(double load, double p99) {
    if (!(load > 0.0) || !(p99 > 0.0) || !std::isfinite(load) || !std::isfinite(p99)) return;
    if (!begun() || load > kOutgrown * anchor_) lay_grid(load, p99);
    samples_ = std::min(samples_ + 1.0, law_.memory_samples);
    learn(foresee(load, p99, 1.0), p99 < slo_);
    recent_.emplace_back(load, p99 < slo_);
    if (recent_.size() > 4) recent_.pop_front();
    work_out_limits();
}

void CapacityTwins::observe(double load, double p99) {
    if (!(load > 0.0) || !(p99 > 0.0) || !std::isfinite(load) || !std::isfinite(p99)) return;
    if (!begun() || off_the_grid(load)) lay_grid(load, p99);
    // Latency answers to the load of this sample and the end of the one before.
    const double mean = last_load_ < 0.0 ? load : 0.5 * (load + last_load_);
    last_load_ = load;
    samples_ = std::min(samples_ + 1.0, law_.memory_samples);
    const Foreseen foreseen = foresee(mean, p99, period_);

    const bool worse = foreseen.mean_surprise > 0.0;
    const double glitch = glitches_ / trials_;
    odds_ = (odds_ + law_.change_per_sample) * kAnything /
            ((1.0 - glitch) * foreseen.density + (worse ? glitch * kAnything : 0.0));
    odds_ = std::max(odds_, kLeastOdds);
    const bool suspect = worse && glitch * kAnything > (1.0 - glitch) * foreseen.density;
    trials_ += 1.0;
    if (suspect_ && !suspect) glitches_ += 1.0;
    if (trials_ > kGlitchMemory) {
        glitches_ *= kGlitchMemory / trials_;
        trials_ = kGlitchMemory;
    }
    suspect_ = suspect;
    noise_alone_ = foreseen.mean_surprise < law_.noise_alone * noise_ &&
                   p99 < law_.target * slo_ * std::exp(foreseen.mean_surprise);
    if (changed() > law_.changed) {
        start_anew(mean, p99, worse);
    } else if (!suspect && !(p99 >= slo_ && load > limit_.median)) {
        // Trouble at a load that was believed to bring it teaches nothing, and hours of it would wash out what is
        // known.
        learn(foreseen, p99 < slo_);
        recent_.emplace_back(load, p99 < slo_);
        if (recent_.size() > 4) recent_.pop_front();
    }
    work_out_limits();
}

void CapacityTwins::start_anew(double load, double p99, bool worse) {
    std::array<const Twin*, kServers.size()> best{};
    for (const Twin& twin : twins_)
        if (best[twin.servers] == nullptr || twin.weight > best[twin.servers]->weight) best[twin.servers] = &twin;
    std::array<double, kServers.size()> base{};
    for (std::size_t c = 0; c < base.size(); ++c) base[c] = best[c]->base;
    double most = -std::numeric_limits<double>::infinity(), sum = 0.0, healthy = 0.0;
    for (const Twin& twin : twins_) most = std::max(most, twin.prior + twin.broke);
    for (const Twin& twin : twins_) sum += std::exp(twin.prior + twin.broke - most);
    const double shift = most + std::log(sum);
    for (const auto& [seen, well] : recent_)
        if (well) healthy = std::max(healthy, seen);

    // What changed for the better is often what it was before.
    const bool back = !worse && former_.size() == twins_.size();
    std::vector<double> known;
    if (samples_ >= kSettled)
        for (const Twin& twin : twins_) known.push_back(std::exp(twin.weight));
    for (std::size_t i = 0; i < twins_.size(); ++i) {
        Twin& twin = twins_[i];
        twin.base = base[twin.servers];
        const double now = std::exp(twin.weight), prior = std::exp(twin.prior + twin.broke - shift);
        twin.weight = std::log(back ? 0.5 * now + 0.25 * prior + 0.25 * former_[i] : 0.5 * now + 0.5 * prior);
        twin.backlog = std::min(twin.capacity * p99, std::max(0.0, 2.0 * period_ * (load - twin.capacity)));
    }
    if (!known.empty()) former_ = std::move(known);
    samples_ = 3.0;
    bias_ = 0.0;
    odds_ = kLeastOdds;
    // The load at which it broke is remembered.
    if (worse && healthy > 0.0)
        for (Twin& twin : twins_)
            if (limit_of(twin) > 0.95 * healthy) twin.broke += std::log(law_.broke_again);
    normalise();
}

double CapacityTwins::limit_of(const Twin& twin) const {
    // Latency that keeps coming out higher than foreseen counts as latency.
    // While it is averaged it goes on to grow, and what is sent now is felt later still.
    const double bias = law_.bias_ahead * std::max(0.0, bias_ - noise_ * std::sqrt(kBiasGain / (2.0 - kBiasGain)));
    const double growth = law_.target * slo_ / std::exp(twin.base + bias);
    if (growth <= 1.0) return 0.0;
    return twin.capacity * std::min(law_.most_utilisation, curve(twin.servers).utilisation(growth));
}

void CapacityTwins::work_out_limits() {
    std::vector<std::pair<double, double>> limits;  // load, weight
    double total = 0.0;
    queueing_ = 0.0;
    for (Twin& twin : twins_) {
        const double weight = std::exp(twin.weight);
        if (twin.backlog / twin.capacity > law_.queueing * slo_) queueing_ += weight;
        if (weight < 1e-7) continue;
        twin.limit = limit_of(twin);
        for (int step = -kSpreadSteps; step <= kSpreadSteps; ++step)
            limits.emplace_back(twin.limit * (1.0 + kSpreadStep * step), weight / (2 * kSpreadSteps + 1));
        total += weight;
    }
    std::sort(limits.begin(), limits.end());
    limit_ = {};
    double below = 0.0;
    bool careful = false;
    for (const auto& [load, weight] : limits) {
        below += weight / total;
        limit_.median = load;
        if (!careful && below >= law_.accepted) {
            limit_.careful = load;
            careful = true;
        }
        if (below >= 0.5) break;
    }
    work_out_capacity();
}

void CapacityTwins::work_out_capacity() {
    std::array<double, kStepsBelow + kStepsAbove + 1> weights{};
    double total = 0.0, below = 0.0;
    for (std::size_t i = 0; i < twins_.size(); ++i) {
        // Losing capacity is the rare event itself; it need not also find a cliff.
        if (twins_[i].servers == kCliff) continue;
        const double weight = std::exp(twins_[i].weight);
        weights[i % weights.size()] += weight;  // each class has the same capacities, rising
        total += weight;
    }
    for (std::size_t i = 0; i < weights.size(); ++i)
        if ((below += weights[i]) >= 0.5 * total) {
            capacity_ = twins_[i].capacity;
            return;
        }
}

}  // namespace tidegate::pacing
