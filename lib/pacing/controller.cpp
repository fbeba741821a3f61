#include "tidegate/pacing/controller.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "pacing/baseline.hpp"
#include "pacing/capacity_twins.hpp"
#include "pacing/evidence.hpp"
#include "pacing/leading_signal.hpp"
#include "pacing/proven_load.hpp"
#include "pacing/reserve.hpp"
#include "pacing/words.hpp"

namespace tidegate {
namespace {

using pacing::brief;
using pacing::milliseconds;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr double kLateness = 0.5;                            // seconds a sample may take to be looked at
constexpr std::size_t kTold = 300, kStrides[] = {107, 109};  // samples of the past; primes
constexpr double kSlowDelay = 0.05;
constexpr double kLeap = 16.0;                      // times the median load of the past: more is a broken counter
constexpr double kLeastLag = 1e-3, kMostLag = 1e7;  // seconds
constexpr double kSameLag = 0.01;                   // share by which a lag may differ and be the same to the reserve

/// The worst of a sample's signals, as a share of what is allowed.
struct Reading {
    double ratio = 0.0;
    std::string signal = "p99";
    double value = 0.0;
    double limit = 0.0;

    std::string text() const {
        if (signal == "p99") return "p99 " + milliseconds(value);
        if (signal == "errors") return "errors " + brief(100.0 * value) + " %";
        return signal + " " + brief(value);
    }
    std::string limit_text() const {
        if (signal == "p99") return "the SLO of " + milliseconds(limit);
        if (signal == "errors") return "the SLO of " + brief(100.0 * limit) + " %";
        return "the limit of " + brief(limit);
    }
};

class LearningController final : public Controller {
  public:
    LearningController(const BackendOptions& options, Duration period, const Law& law)
        : law_(law),
          options_(options),
          period_(std::max(Seconds(period).count(), 0.01)),
          slo_(Seconds(options.latency_slo).count()),
          evidence_(period_, law),
          baseline_(period_, law),
          twins_(slo_, period_, options.capacity_hint.value_or(0.0), law),
          proven_(period_, law),
          fading_(make_fading(fading_lag_)) {}

    void expect(double median_s, double per_open) override {
        if (std::isfinite(per_open) && per_open >= 0.0) per_open_ = per_open;
        if (!std::isfinite(median_s) || median_s <= 0.0) return;
        lag_ = std::clamp(median_s, kLeastLag, kMostLag);
        if (std::fabs(lag_ - fading_lag_) > kSameLag * fading_lag_) {
            fading_lag_ = lag_;
            fading_ = make_fading(lag_);
        }
    }

    void remember(const std::vector<Observation>& past) override {
        std::vector<const Observation*> usable;
        for (const Observation& sample : past) {
            const double p99 = sample.p99.count(), load = sample.load.value_or(0.0);
            const bool sound = load > 0.0 && p99 > 0.0 && std::isfinite(load) && std::isfinite(p99);
            if (sound && sample.errors.value_or(0.0) <= law_.bad_errors * options_.error_slo) usable.push_back(&sample);
        }
        // A counter that ran over is no load; and the dead of night says nothing about capacity, yet the twins would be
        // laid around it.
        if (!usable.empty()) {
            const double most = kLeap * *usable[usable.size() / 2]->load;
            while (*usable.back()->load > most) usable.pop_back();
            const double least = *usable.back()->load / kLeap;
            std::erase_if(usable, [least](const Observation* o) { return *o->load < least; });
        }
        // The twins forget after some hundred samples: the day is told to them by its range of loads, not by its
        // length.
        std::stable_sort(usable.begin(), usable.end(),
                         [](const Observation* a, const Observation* b) { return *a->load < *b->load; });
        const std::size_t told = std::min(usable.size(), kTold);
        const std::size_t stride = told % kStrides[0] == 0 ? kStrides[1] : kStrides[0];
        for (std::size_t i = 0; i < told; ++i) {
            // Neither rising nor falling: a stride that is coprime to the length visits all.
            const std::size_t rank = (i * stride % told) * usable.size() / told;
            twins_.remember(*usable[rank]->load, usable[rank]->p99.count());
        }
        remembered_ = told;
        for (const Observation* sample : usable)
            for (const ExtraReading& extra : sample->extra) {
                leading(extra.name).observe(*sample->load, extra.value);
                limits_[extra.name] = extra.limit;
            }
    }

    void observe(const Observation& sample, const OwnLoad& given, TimePoint now) override {
        const double predicted = std::isfinite(given.predicted) && given.predicted > 0.0 ? given.predicted : 0.0;
        const double seen = given.observed.value_or(predicted);
        const double own = std::isfinite(seen) && seen >= 0.0 ? seen : predicted;
        const bool was_frozen = evidence_.frozen();
        pacing::Judgement judged = evidence_.judge(sample, own, now);
        if (judged.worth == pacing::Worth::nothing) {
            if (!judged.why.empty()) flaw_ = std::move(judged.why);
            return;
        }
        flaw_.clear();
        if (evidence_.frozen()) {
            newest_ = sample.at;
            return;
        }
        // After a silence the old picture proves nothing: as many samples as at the start.
        if (was_frozen || (newest_ && seconds_between(*newest_, now) > stale_after())) fresh_ = 0;
        take_delay(std::max(0.0, seconds_between(sample.at, now)));
        newest_ = sample.at;
        if (judged.worth != pacing::Worth::repeated) informed_ = sample.at;
        fresh_ = std::min(fresh_ + 1, several());
        was_over_ = last_.ratio > 1.0;
        last_ = read(sample);
        learnt_ = false;
        if (judged.worth == pacing::Worth::thin || judged.worth == pacing::Worth::full)
            learn(sample, own, predicted, judged.worth == pacing::Worth::thin);
    }

    Advice advise(TimePoint now) const override {
        Advice advice;
        advice.age_s = newest_ ? std::max(0.0, seconds_between(*newest_, now)) : kInfinity;
        advice.baseline = baseline();
        advice.remembered = remembered_;
        const pacing::CapacityTwins::Limit limit = trusted();
        advice.ceiling = limit.median;
        if (refuse(advice)) return advice;

        advice.open = true;
        advice.state = "open";
        advice.signal = last_.signal;
        advice.value = last_.value;
        const double unheard = std::max(0.0, seconds_between(informed_, now));
        const double free = free_room(limit, unheard);
        const double survivable = std::min(reserve_bound(limit), surge_bound(free));
        const double room = std::max(std::min(free, survivable), harmless(limit, unheard));
        advice.room = std::isfinite(room) && room > 0.0 ? room : 0.0;
        if (advice.room <= 0.0 && knows_load_) {
            advice.signal = "load";
            advice.value = load_;
        }
        advice.reason = reason_when_open(advice.room, limit.median, reserve_bound(limit) <= room);
        return advice;
    }

  private:
    ResponseModel make_fading(double lag) const {
        return ResponseModel({.open_rate = 1.0,
                              .median = std::chrono::duration_cast<Duration>(Seconds(lag)),
                              .spread = law_.fading_spread});
    }

    int several() const { return static_cast<int>(std::lround(law_.several)); }
    pacing::LeadingSignal& leading(const std::string& name) {
        return leading_.try_emplace(name, law_.signal_samples).first->second;
    }

    double tau() const { return lag_ + period_ + delay_; }
    double start_load() const { return law_.start_requests / tau(); }
    double baseline() const { return knows_load_ ? baseline_.level() : 0.0; }

    double stale_after() const {
        return std::min(Seconds(options_.max_age).count(), law_.stale_periods * period_ + delay_ + kLateness);
    }
    /// Samples that should have come since the newest.
    double missed(double age) const { return std::max(0.0, std::floor((age - delay_ - kLateness) / period_)); }

    /// Quick to believe in a shorter delay, slow to get used to a longer one: telemetry that grows old must not look
    /// normal.
    void take_delay(double delay) {
        if (!newest_ || delay < delay_)
            delay_ = delay;
        else
            delay_ += kSlowDelay * (delay - delay_);
    }

    Reading read(const Observation& sample) const {
        Reading worst{sample.p99.count() / slo_, "p99", sample.p99.count(), slo_};
        for (const ExtraReading& extra : sample.extra)
            if (extra.value / extra.limit > worst.ratio)
                worst = {extra.value / extra.limit, extra.name, extra.value, extra.limit};
        const double errors = sample.errors.value_or(0.0);
        if (errors > options_.error_slo) worst = {errors / options_.error_slo, "errors", errors, options_.error_slo};
        return worst;
    }

    void learn(const Observation& sample, double own, double predicted, bool thin) {
        knows_load_ = sample.load.has_value();
        load_ = sample.load.value_or(own);
        const double at = Seconds(sample.at.time_since_epoch()).count();
        if (!knows_load_) {
            proven_.observe(at, own, last_.ratio, last_.signal == "errors", tau(), start_load());
            return;
        }
        baseline_.observe(at, load_, own, predicted, per_open_, lag_);
        // Too few requests for a verdict about capacity.
        if (thin) return;
        const double errors = sample.errors.value_or(0.0);
        double p99 = sample.p99.count();
        if (errors > law_.bad_errors * options_.error_slo)
            p99 = std::max(p99, slo_ * (1.0 + errors / options_.error_slo));
        learnt_ = true;
        if (twins_.begun() || load_ >= 0.5 * start_load()) twins_.observe(load_, p99);
        if (errors <= law_.bad_errors * options_.error_slo)
            for (const ExtraReading& extra : sample.extra) leading(extra.name).observe(load_, extra.value);
        for (const ExtraReading& extra : sample.extra) limits_[extra.name] = extra.limit;
    }

    /// The load that is trusted: twins, leading signals and the hint, whichever says less.
    pacing::CapacityTwins::Limit trusted() const {
        pacing::CapacityTwins::Limit limit = twins_.limit();
        if (!knows_load_) {
            limit.median = limit.careful = proven_.trusted(start_load());
        } else if (!twins_.begun()) {
            // An idle backend must be begun on.
            limit.median = limit.careful = baseline() + start_load();
        }
        const auto bound = [&limit](double load) {
            limit.median = std::min(limit.median, load);
            limit.careful = std::min(limit.careful, load);
        };
        for (const auto& [name, signal] : leading_)
            if (const auto found = limits_.find(name); found != limits_.end())
                bound(std::max(0.0, signal.load_at(law_.planned_signal * found->second)));
        bound(options_.capacity_hint.value_or(kInfinity));
        return limit;
    }

    /// Independent doubts add in squares: about the capacity, and about the load one lag ahead.
    double free_room(const pacing::CapacityTwins::Limit& limit, double age) const {
        const double level = baseline();
        double doubt = 0.0;
        if (knows_load_) {
            const double spread = baseline_.spread() * std::pow(law_.per_missed, missed(age));
            const double shot = per_open_ * std::max(0.0, limit.careful - level) / period_;
            doubt = baseline_.margin() * std::sqrt(spread * spread + shot);
        }
        return limit.median - std::hypot(limit.median - limit.careful, doubt) - level;
    }

    /// On a backend at ease, what the others' load varies by anyway is no new risk: enough for a small campaign at
    /// once.
    double harmless(const pacing::CapacityTwins::Limit& limit, double age) const {
        if (!knows_load_ || last_.ratio > law_.at_ease || missed(age) > 0.0) return 0.0;
        return std::min({baseline_.calm_spread(), law_.harmless * baseline(), limit.median - baseline()});
    }

    double reserve_bound(const pacing::CapacityTwins::Limit& limit) const {
        if (!(options_.reserve > 0.0)) return kInfinity;
        double capacity = options_.capacity_hint.value_or(kInfinity);
        if (twins_.begun()) capacity = std::min(capacity, twins_.capacity());
        // Without a capacity there is only what is trusted, of which the same share is left free.
        if (!std::isfinite(capacity)) return std::max(0.0, (1.0 - options_.reserve) * limit.median - baseline());
        return pacing::survivable_load({.capacity = capacity,
                                        .reserve = options_.reserve,
                                        .baseline = baseline(),
                                        .reaction_s = 2.0 * period_ + delay_,
                                        .slo_s = slo_},
                                       fading_, law_);
    }

    /// What is in flight cannot be called back when others surge: the older telemetry is, the more of it arrives.
    double surge_bound(double free) const {
        if (!knows_load_ || !twins_.begun() || !(free > 0.0)) return kInfinity;
        if (period_ + delay_ < law_.old_medians * lag_) return kInfinity;
        const double survivable = pacing::survivable_load({.capacity = twins_.capacity(),
                                                           .baseline = baseline_.calm_level(),
                                                           .surge = law_.surge,
                                                           .reaction_s = 2.0 * period_ + delay_,
                                                           .slo_s = slo_},
                                                          fading_, law_);
        return std::max(survivable, (1.0 - law_.surge_costs) * free);
    }

    /// Everything that keeps the gate shut, the most fundamental reason first.
    bool refuse(Advice& advice) const {
        const auto shut = [&](std::string state, std::string signal, double value, std::string reason) {
            advice.state = std::move(state);
            advice.signal = std::move(signal);
            advice.value = value;
            advice.reason = std::move(reason);
            return true;
        };
        const std::string last_flaw = flaw_.empty() ? "" : "; the last one: " + flaw_;
        if (!newest_) return shut("hold", "telemetry", 0.0, "telemetry: no valid sample yet" + last_flaw);
        if (advice.age_s > stale_after())
            return shut("stale", "telemetry", advice.age_s,
                        "telemetry: newest valid sample " + brief(advice.age_s) + " s old, limit " +
                            brief(stale_after()) + " s" + last_flaw);
        if (evidence_.frozen())
            return shut("stale", "telemetry", evidence_.repeats(),
                        "telemetry: the same values in " + std::to_string(evidence_.repeats()) + " samples, frozen");
        const std::string over = last_.text() + " over " + last_.limit_text();
        if (last_.ratio > 1.0) {
            // A backend that is known for single slow samples is not stopped by one.
            // Nor is one at which nothing but the usual noise of a p99 lifts it over.
            const bool harmless = learnt_ && last_.signal == "p99" && twins_.changed() <= law_.accepted &&
                                  (twins_.suspect() || (!was_over_ && twins_.noise_alone()));
            if (!harmless) return shut("hold", last_.signal, last_.value, over);
        }
        if (!knows_load_ && proven_.holding())
            return shut("hold", last_.signal, last_.value, "after trouble, waiting for three good samples in a row");
        if (twins_.changed() > law_.accepted)
            return shut(
                "pause", last_.signal, last_.value,
                last_.text() + " at " + brief(load_) + "/s is not what was foreseen; waiting for the next sample");
        if (twins_.queueing() > law_.accepted)
            return shut("hold", last_.signal, last_.value, "work is queueing at " + brief(load_) + "/s");
        if (fresh_ < several())
            return shut("hold", "telemetry", fresh_,
                        "telemetry: learning, " + std::to_string(fresh_) + " of " + std::to_string(several()) +
                            " samples seen" + (remembered_ == 0 ? ", no history" : ""));
        return false;
    }

    std::string reason_when_open(double room, double ceiling, bool reserve_binds) const {
        std::string what;
        if (reserve_binds)
            what = "the reserve of " + brief(100.0 * options_.reserve) + " %";
        else if (ceiling == options_.capacity_hint.value_or(kInfinity))
            what = "the capacity hint of " + brief(ceiling) + "/s";
        else
            what = brief(ceiling) + "/s (95 %: " + brief(trusted().careful) + "/s)";
        const std::string rest =
            knows_load_ ? ", " + brief(baseline()) + "/s not ours +- " + brief(baseline_.margin() * baseline_.spread())
                        : "";
        return (room > 0.0 ? "room " + brief(room) + "/s under " : "no room under ") + what + rest + ", " +
               last_.text() + " of " + last_.limit_text();
    }

    Law law_;
    BackendOptions options_;
    double period_, slo_, lag_ = 0.0, delay_ = 0.0, per_open_ = 1.0;
    pacing::Evidence evidence_;
    pacing::Baseline baseline_;
    pacing::CapacityTwins twins_;  // while load is known
    pacing::ProvenLoad proven_;    // while it is not
    std::map<std::string, pacing::LeadingSignal> leading_;
    std::map<std::string, double> limits_;
    double fading_lag_ = 1.0;
    ResponseModel fading_;

    std::size_t remembered_ = 0;       // samples of the past
    std::optional<TimePoint> newest_;  // time of the newest valid sample
    TimePoint informed_{};             // the same, of one that did not merely repeat the last
    std::string flaw_;                 // of the newest sample that was not valid
    int fresh_ = 0;                    // valid samples since the start or the last silence
    bool knows_load_ = false;
    bool learnt_ = false;  // the newest sample taught the twins
    Reading last_;
    bool was_over_ = false;  // the sample before it
    double load_ = 0.0;
};

}  // namespace

std::unique_ptr<Controller> make_controller(const BackendOptions& options, Duration period, const Law& law) {
    return std::make_unique<LearningController>(options, period, law);
}

}  // namespace tidegate
