#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "sim/decider.hpp"
#include "tidegate/pacing/admission.hpp"
#include "tidegate/pacing/controller.hpp"
#include "tidegate/pacing/first_come.hpp"
#include "tidegate/quota/quota_store.hpp"

// The one file of the simulator that touches the deciding code. It does what the gate's control thread does each tick.

namespace tidegate::sim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Samples just before the start that are looked at as they came.
constexpr std::size_t kLive = 60;
constexpr int kParts = 8;

Duration duration_of(double seconds) {
    return std::chrono::duration_cast<Duration>(Seconds(seconds));
}

class ImpactDecider final : public Decider {
  public:
    ImpactDecider(const Scenario& scenario, History history)
        : scenario_(scenario),
          history_(std::move(history)),
          early_(scenario.backends.size()),
          advice_(scenario.backends.size()) {
        for (const Campaign& campaign : scenario.campaigns) {
            const bool known = campaign.rush_known && campaign.crowd.rush;
            events_.push_back(known ? std::optional<FirstCome>(campaign.crowd.rush->options()) : std::nullopt);
        }
        begin();
        // The newest samples of before the start are still on their way.
        for (std::size_t b = 0; b < history_.size(); ++b)
            for (const Sample& sample : history_[b])
                if (arrives(b, sample) > kStart) early_[b].push_back(sample);
    }

    void decide(const Tick& tick, const Truth&, Decision& decision) override {
        const TimePoint now = after(kStart, static_cast<double>(tick.t));
        if (tick.takeover) {
            begin();
            for (const auto& [second, sent] : sent_) book(sent, second);
        }
        if (tick.t > 0) {
            sent_.emplace_back(tick.t - 1, tick.sent);
            book(tick.sent, tick.t - 1);
        }
        for (std::size_t c = 0; c < reactions_.size(); ++c)
            for (const OpensReport& report : tick.opens[c]) learn(c, report);

        for (std::size_t c = 0; c < reactions_.size(); ++c)
            decision.campaigns[c] = {tick.active[c] ? kInfinity : 0.0, "nothing binds"};
        for (std::size_t b = 0; b < controllers_.size(); ++b) steer(b, tick, now, decision);
        for (std::size_t c = 0; c < reactions_.size(); ++c) hold_for_rush(c, tick, decision);
    }

  private:
    /// A node that knows what was observed before the start and nothing of what happened since.
    void begin() {
        controllers_.clear();
        reactions_.clear();
        for (const Backend& backend : scenario_.backends)
            controllers_.push_back(make_controller(backend.limits, duration_of(backend.telemetry.period_s)));
        for (const Campaign& campaign : scenario_.campaigns) reactions_.emplace_back(campaign.belief, kStart);
        for (std::size_t b = 0; b < controllers_.size(); ++b) {
            expect(b);
            if (b < history_.size()) look_back(b);
        }
    }

    void look_back(std::size_t b) {
        std::vector<Observation> past;
        for (const Sample& sample : history_[b]) past.push_back(sample.seen);
        controllers_[b]->remember(past);
        for (std::size_t i = past.size() - std::min(past.size(), kLive); i < past.size(); ++i)
            if (const TimePoint due = arrives(b, history_[b][i]); due <= kStart)
                controllers_[b]->observe(past[i], {}, due);
    }

    void expect(std::size_t b) {
        double lag = 0.0, per_open = 0.0;
        for (std::size_t c = 0; c < reactions_.size(); ++c)
            if (const auto felt = impact(c, b)) {
                lag = std::max(lag, reactions_[c].model().median());
                per_open = std::max(per_open, felt->per_open);
            }
        if (lag > 0.0) controllers_[b]->expect(lag, per_open);
    }

    std::optional<Impact> impact(std::size_t campaign, std::size_t backend) const {
        const auto& impacts = scenario_.campaigns[campaign].impact;
        const auto found = impacts.find(scenario_.backends[backend].limits.name);
        if (found == impacts.end() || (found->second.per_open <= 0.0 && found->second.per_delivery <= 0.0))
            return std::nullopt;
        return found->second;
    }

    TimePoint arrives(std::size_t backend, const Sample& sample) const {
        return sample.seen.at + duration_of(scenario_.backends[backend].telemetry.delay_s);
    }

    void book(const std::vector<double>& sent, std::int64_t second) {
        // Messages leave all through the second, as they do behind the pacer.
        for (std::size_t c = 0; c < reactions_.size(); ++c)
            for (int part = 0; part < kParts; ++part)
                reactions_[c].grant(sent[c] / kParts,
                                    after(kStart, static_cast<double>(second) + (part + 0.5) / kParts));
    }

    void learn(std::size_t campaign, const OpensReport& report) {
        const TimePoint from = after(kStart, report.from_s), to = after(kStart, report.to_s);
        if (report.by_lag.empty() && report.total > 0.0) {
            reactions_[campaign].see_opens(report.total, from, to);
            return;
        }
        std::vector<OpensOfAge> opens;
        for (const auto& group : report.by_lag)
            for (int part = 0; part < kParts; ++part) {
                // A group stands for one second of sends seen through one second of opens.
                const double age = group.lag_s - 1.0 + (part + 0.5) / kParts;
                opens.push_back({std::max(0.0, age), group.count / kParts});
            }
        reactions_[campaign].see_opens(opens, from, to);
    }

    void steer(std::size_t b, const Tick& tick, TimePoint now, Decision& decision) {
        std::vector<Commitment> commitments;
        std::vector<std::size_t> owner;
        for (std::size_t c = 0; c < reactions_.size(); ++c)
            if (const auto felt = impact(c, b)) {
                commitments.push_back({&reactions_[c], *felt});
                owner.push_back(c);
            }
        Controller& controller = *controllers_[b];
        expect(b);
        const double period = scenario_.backends[b].telemetry.period_s;
        const auto take = [&](const Sample& sample) {
            controller.observe(sample.seen, own_load(commitments, sample.seen.at, period), now);
        };
        while (!early_[b].empty() && arrives(b, early_[b].front()) <= now) {
            take(early_[b].front());
            early_[b].pop_front();
        }
        for (const Sample& sample : tick.samples[b]) take(sample);
        const Advice& advice = advice_[b] = controller.advise(now);
        decision.backends[b] = {predicted_load(commitments, now), advice.baseline, advice.ceiling};

        std::vector<Admission> admissions;
        std::vector<Claim> claims;
        for (std::size_t k = 0; k < owner.size(); ++k) {
            admissions.push_back(
                admissible_rate(advice.open ? advice.room : 0.0, commitments[k], commitments, period, now));
            claims.push_back({5, tick.active[owner[k]] ? 1.0 : 0.0});
        }
        const std::vector<double> shares = divide(1.0, claims);
        const std::string& name = scenario_.backends[b].limits.name;
        for (std::size_t k = 0; k < owner.size(); ++k) {
            Decision::OfCampaign& word = decision.campaigns[owner[k]];
            if (!advice.open) {
                word = {0.0, name + ": " + advice.reason};
                continue;
            }
            if (admissions[k].stalled) {
                word = {0.0, "opens have stopped: the provider holds messages back, or nobody counts opens any more"};
                continue;
            }
            if (!std::isfinite(admissions[k].rate)) continue;
            const double rate = shares[k] * admissions[k].rate;
            if (rate <= word.rate) word = {rate, name + ": " + advice.reason};
        }
    }

    /// Before a fixed instant only so many may be told as can be served when all of them come at once.
    void hold_for_rush(std::size_t c, const Tick& tick, Decision& decision) {
        if (!events_[c]) return;
        double told = 0.0;
        for (const auto& entry : sent_) told += entry.second[c];
        double lot = kInfinity;
        for (std::size_t b = 0; b < controllers_.size(); ++b)
            if (const auto felt = impact(c, b); felt && advice_[b].open)
                lot = std::min(lot, events_[c]->largest_lot(
                                        {room_at_instant(scenario_.backends[b].limits, advice_[b]), felt->per_open}));
        const double until = scenario_.campaigns[c].crowd.rush->at_s - static_cast<double>(tick.t);
        const RushWord word = events_[c]->decide(until, told, lot);
        Decision::OfCampaign& mine = decision.campaigns[c];
        if (word.may_tell < mine.rate) mine = {word.may_tell, word.reason};
    }

    const Scenario& scenario_;
    History history_;
    std::vector<std::deque<Sample>> early_;
    std::vector<std::unique_ptr<Controller>> controllers_;
    std::vector<Reaction> reactions_;
    std::vector<std::pair<std::int64_t, std::vector<double>>> sent_;
    std::vector<std::optional<FirstCome>> events_;  // by campaign
    std::vector<Advice> advice_;                    // by backend
};

}  // namespace

std::unique_ptr<Decider> make_impact_decider(const Scenario& scenario, History history) {
    return std::make_unique<ImpactDecider>(scenario, std::move(history));
}

}  // namespace tidegate::sim
