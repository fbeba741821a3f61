#include <algorithm>
#include <cmath>

#include "sim/decider.hpp"

namespace tidegate::sim {
namespace {

constexpr std::int64_t kHeld = 5;  // seconds a rate is taken to be held
constexpr double kHorizonGrowth = 1.1;

/// Knows everything of this moment and nothing of the next: keeps the load already caused under a share of the capacity
/// at every horizon.
class Oracle final : public Decider {
  public:
    explicit Oracle(const Scenario& scenario) {
        for (const Backend& backend : scenario.backends) share_.push_back(oracle_share(backend.plant));
        for (const Campaign& campaign : scenario.campaigns) {
            per_delivery_.emplace_back();
            for (const Backend& backend : scenario.backends) {
                const auto found = campaign.impact.find(backend.limits.name);
                per_delivery_.back().push_back(found == campaign.impact.end() ? 0.0 : found->second.per_delivery);
            }
        }
    }

    void decide(const Tick& tick, const Truth& truth, Decision& decision) override {
        double waiting = static_cast<double>(std::count(tick.active.begin(), tick.active.end(), true));
        for (std::size_t c = 0; c < tick.active.size(); ++c) {
            decision.campaigns[c] = {0.0, "oracle"};
            if (!tick.active[c]) continue;
            if (!truth.stalled) decision.campaigns[c].rate = most(c, tick.t, truth, 1.0 / waiting);
            waiting -= 1.0;
        }
    }

  private:
    double most(std::size_t campaign, std::int64_t t, const Truth& truth, double part) const {
        double rate = std::numeric_limits<double>::infinity();
        const Audience& audience = truth.audiences[campaign];
        for (std::size_t b = 0; b < share_.size(); ++b) {
            const double per_open = truth.per_open[campaign][b], per_delivery = per_delivery_[campaign][b];
            if (per_open <= 0.0 && per_delivery <= 0.0) continue;
            if (truth.queue[b] > 0.0) return 0.0;
            const double room = share_[b] * truth.capacity[b] - truth.baseline[b];
            if (per_open > 0.0) rate = std::min(rate, part * audience.rush_room(t, std::max(0.0, room) / per_open));
            if (per_delivery > 0.0)
                rate = std::min(rate, part * std::max(0.0, room - load(b, t, truth)) / per_delivery);
            for (std::int64_t h = 0; h < audience.horizon();
                 h = std::max(h + 1, static_cast<std::int64_t>(static_cast<double>(h) * kHorizonGrowth))) {
                double effect = 0.0;
                for (std::int64_t lag = std::max<std::int64_t>(0, h - kHeld + 1); lag <= h; ++lag)
                    effect += per_open * audience.response(lag, truth.order[campaign]);
                if (effect <= 0.0) continue;
                rate = std::min(rate, part * (room - load(b, t + h, truth)) / effect);
                if (rate <= 0.0) return 0.0;
            }
        }
        return rate;
    }

    double load(std::size_t backend, std::int64_t at, const Truth& truth) const {
        double sum = 0.0;
        for (std::size_t c = 0; c < truth.audiences.size(); ++c)
            if (truth.per_open[c][backend] > 0.0) sum += truth.per_open[c][backend] * truth.audiences[c].expected(at);
        return sum;
    }

    std::vector<double> share_;
    std::vector<std::vector<double>> per_delivery_;
};

}  // namespace

std::unique_ptr<Decider> make_oracle(const Scenario& scenario) {
    return std::make_unique<Oracle>(scenario);
}

}  // namespace tidegate::sim
