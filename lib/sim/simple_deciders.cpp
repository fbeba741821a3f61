#include <algorithm>
#include <cmath>
#include <optional>

#include "sim/decider.hpp"

namespace tidegate::sim {
namespace {

class Blast final : public Decider {
  public:
    explicit Blast(double rate, std::string reason) : rate_(rate), reason_(std::move(reason)) {}
    void decide(const Tick& tick, const Truth&, Decision& decision) override {
        for (std::size_t i = 0; i < tick.active.size(); ++i)
            decision.campaigns[i] = {tick.active[i] ? rate_ : 0.0, reason_};
    }

  private:
    double rate_;
    std::string reason_;
};

/// The worst of the backends' newest latencies, as a multiple of each one's SLO.
class Latest {
  public:
    explicit Latest(const Scenario& scenario) {
        for (const Backend& backend : scenario.backends) slo_.push_back(Seconds(backend.limits.latency_slo).count());
        p99_.resize(slo_.size());
        p50_.resize(slo_.size());
    }
    /// True when a sample came.
    bool take(const Tick& tick) {
        bool fresh = false;
        for (std::size_t b = 0; b < slo_.size(); ++b)
            for (const Sample& sample : tick.samples[b]) {
                if (!std::isfinite(sample.seen.p99.count())) continue;
                p99_[b] = sample.seen.p99.count() / slo_[b];
                p50_[b] = sample.p50_s;
                fresh = true;
            }
        return fresh;
    }
    double worst_p99() const { return *std::max_element(p99_.begin(), p99_.end()); }
    double worst_p50() const { return *std::max_element(p50_.begin(), p50_.end()); }

  private:
    std::vector<double> slo_, p99_, p50_;
};

/// All active campaigns share one rate.
void share_out(const Tick& tick, double rate, const char* reason, Decision& decision) {
    const auto n = static_cast<double>(std::count(tick.active.begin(), tick.active.end(), true));
    for (std::size_t i = 0; i < tick.active.size(); ++i)
        decision.campaigns[i] = {tick.active[i] ? rate / n : 0.0, reason};
}

/// Additive increase, multiplicative decrease, on the p99; tuned for the nominal scenario.
class Aimd final : public Decider {
  public:
    explicit Aimd(const Scenario& scenario) : latest_(scenario) {}
    void decide(const Tick& tick, const Truth&, Decision& decision) override {
        if (latest_.take(tick)) {
            if (latest_.worst_p99() < 0.8) {
                rate_ += 25.0;
            } else if (tick.t - cut_ >= 10) {
                rate_ *= 0.7;
                cut_ = tick.t;
            }
        }
        share_out(tick, rate_, "aimd", decision);
    }

  private:
    Latest latest_;
    double rate_ = 100.0;
    std::int64_t cut_ = -1000;
};

constexpr double kLongWindow = 600.0;  // samples

/// Gradient2 on the median latency, with the send rate in place of the limit. Source: Netflix concurrency-limits; the
/// queue allowance is the square root of the limit, because a fixed one of 4 never reaches any useful send rate.
class Gradient final : public Decider {
  public:
    explicit Gradient(const Scenario& scenario) : latest_(scenario) {}
    void decide(const Tick& tick, const Truth&, Decision& decision) override {
        if (latest_.take(tick)) {
            ++count_;
            long_ += (latest_.worst_p50() - long_) / std::min<double>(count_, kLongWindow);
            if (long_ > 2.0 * latest_.worst_p50()) long_ *= 0.95;
        }
        if (count_ > 0) {
            const double gradient = std::clamp(1.5 * long_ / latest_.worst_p50(), 0.5, 1.0);
            rate_ = std::max(20.0, 0.8 * rate_ + 0.2 * (gradient * rate_ + std::sqrt(rate_)));
        }
        share_out(tick, rate_, "gradient", decision);
    }

  private:
    Latest latest_;
    double long_ = 0.0, rate_ = 20.0;
    int count_ = 0;
};

}  // namespace

std::unique_ptr<Decider> make_simple_decider(const Scenario& scenario, const Policy& policy) {
    switch (policy.kind) {
        case PolicyKind::fixed:
            return std::make_unique<Blast>(policy.fixed_rate, "static");
        case PolicyKind::aimd:
            return std::make_unique<Aimd>(scenario);
        case PolicyKind::gradient:
            return std::make_unique<Gradient>(scenario);
        default:
            return std::make_unique<Blast>(std::numeric_limits<double>::infinity(), "blast");
    }
}

}  // namespace tidegate::sim
