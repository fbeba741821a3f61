#include "tidegate/pacing/controller.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>

#include "pacing/evidence.hpp"
#include "pacing/reserve.hpp"
#include "pacing/words.hpp"

namespace tidegate {
namespace {

using pacing::brief;
using pacing::milliseconds;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The law's constants; what each one is worth is in the README.
constexpr double kLead = 0.25, kLeadWithoutLoad = 0.5;
constexpr double kTrust = 3.0;
constexpr double kTarget = 0.85, kTargetWithoutLoad = 0.75;
constexpr double kMargin = 1.5;
constexpr double kKnee = 4.0;       // times the quiet pressure: the lead is at its smallest
constexpr double kLeastLead = 0.4;  // share of the lead kept there
constexpr double kQuietest = 0.1;   // of the objective: below it latency differences mean nothing
constexpr double kQuietAlpha = 0.001;
constexpr double kSmallestStep = 3.0;     // sigmas
constexpr double kStartRequests = 150.0;  // requests in one tau: the smallest load worth measuring
constexpr double kAlpha = 0.3, kSlowAlpha = 0.03, kSigmaAlpha = 0.03;
constexpr double kCut = 0.8, kCutWhenLost = 0.5;
constexpr double kCreep = 0.007, kCreepWhenLost = 0.10;
constexpr double kRecovered = 0.9;
constexpr double kNotOurs = 0.02;  // of the load: below it trouble says nothing about us
constexpr double kExtraShare = 0.8;
constexpr double kGoodErrors = 0.8;  // of the error objective
constexpr double kHintStillBelieved = 0.9;
constexpr int kSeveral = 3;
constexpr double kPeriodsUntilStale = 3.0;
constexpr double kLateness = 0.5;       // seconds a sample may take to be looked at
constexpr double kReserveSpread = 1.2;  // how our load is taken to fade when capacity vanishes

/// The worst of a sample's signals, as a share of what is allowed.
struct Reading {
    double ratio = 0.0;
    std::string signal = "p99";
    double value = 0.0;
    double limit = 0.0;

    std::string text() const { return signal == "p99" ? "p99 " + milliseconds(value) : signal + " " + brief(value); }
    std::string limit_text() const {
        if (signal == "p99") return "the SLO of " + milliseconds(limit);
        return "the limit of " + brief(limit);
    }
};

class FirstController final : public Controller {
  public:
    FirstController(const BackendOptions& options, Duration period)
        : options_(options),
          period_(std::max(Seconds(period).count(), 0.01)),
          slo_(Seconds(options.latency_slo).count()),
          evidence_(period_),
          fading_(make_fading(1.0)) {}

    void set_lag(double median_s) override {
        if (!std::isfinite(median_s) || median_s <= 0.0 || median_s == lag_) return;
        lag_ = median_s;
        fading_ = make_fading(lag_);
    }

    void observe(const Observation& sample, double own, TimePoint now) override {
        if (!std::isfinite(own) || own < 0.0) own = 0.0;
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
        if (was_frozen || (newest_ && seconds_between(*newest_, now) > stale_after())) start_over();
        take_delay(std::max(0.0, seconds_between(sample.at, now)));
        newest_ = sample.at;
        fresh_ = std::min(fresh_ + 1, kSeveral);

        const bool repeated = judged.worth == pacing::Worth::repeated;
        last_ = read(sample);
        errors_ = sample.errors.value_or(0.0);
        if (!repeated) learn(sample, own);
        judge_health(sample.at, own, repeated, judged.worth == pacing::Worth::thin);
    }

    Advice advise(TimePoint now) const override {
        Advice advice;
        advice.age_s = newest_ ? std::max(0.0, seconds_between(*newest_, now)) : kInfinity;
        advice.baseline = baseline();
        advice.ceiling = trusted_load();
        if (refuse(advice)) return advice;

        advice.open = true;
        advice.state = "open";
        advice.signal = last_.signal;
        advice.value = last_.value;
        const double free = advice.ceiling - advice.baseline - kMargin * sigma();
        const double survivable = reserve_bound();
        const double room = std::min(free, survivable);
        advice.room = std::isfinite(room) && room > 0.0 ? room : 0.0;
        if (advice.room <= 0.0) advice.signal = knows_load_ ? "load" : last_.signal;
        if (advice.room <= 0.0 && knows_load_) advice.value = load_;
        advice.reason = reason_when_open(advice.room, survivable < free);
        return advice;
    }

  private:
    ResponseModel make_fading(double lag) const {
        return ResponseModel(
            {.open_rate = 1.0, .median = std::chrono::duration_cast<Duration>(Seconds(lag)), .spread = kReserveSpread});
    }

    double tau() const { return lag_ + period_ + delay_; }
    double target() const { return knows_load_ ? kTarget : kTargetWithoutLoad; }
    double baseline() const { return knows_load_ ? std::max({0.0, base_, slow_base_}) : 0.0; }
    double sigma() const { return knows_load_ ? std::sqrt(variance_) : 0.0; }

    double stale_after() const {
        return std::min(Seconds(options_.max_age).count(), kPeriodsUntilStale * period_ + delay_ + kLateness);
    }

    /// Quick to believe in a shorter delay, slow to get used to a longer one: telemetry that grows old must not look
    /// normal.
    void take_delay(double delay) {
        if (!newest_ || delay < delay_)
            delay_ = delay;
        else
            delay_ += 0.05 * (delay - delay_);
    }

    void start_over() {
        fresh_ = 0;
        recent_count_ = 0;
        over_ = 0;
        good_ = 0;
    }

    Reading read(const Observation& sample) const {
        Reading worst{sample.p99.count() / slo_, "p99", sample.p99.count(), slo_};
        for (const ExtraReading& extra : sample.extra) {
            const double ratio = kExtraShare * extra.value / extra.limit;
            if (ratio > worst.ratio) worst = {ratio, extra.name, extra.value, extra.limit};
        }
        return worst;
    }

    void learn(const Observation& sample, double own) {
        recent_[static_cast<std::size_t>(recent_count_++ % kSeveral)] = last_.ratio;
        load_ = sample.load.value_or(own);
        if (recent_count_ >= kSeveral) {
            const double p = pressure();
            quiet_ = std::isnan(quiet_) || p < quiet_ ? p : quiet_ + kQuietAlpha * (p - quiet_);
        }
        const bool first = !seen_any_ || knows_load_ != sample.load.has_value();
        knows_load_ = sample.load.has_value();
        seen_any_ = true;
        base_before_ = base_;
        const double rest = load_ - own;
        if (first) {
            smooth_ = load_;
            base_ = slow_base_ = base_before_ = rest;
            variance_ = load_ / period_;
            return;
        }
        smooth_ += kAlpha * (load_ - smooth_);
        const double e = rest - base_;
        variance_ += kSigmaAlpha * (std::min(e * e, 4.0 * variance_ + load_) - variance_);
        base_ += kAlpha * e;
        // What we cause may come later than predicted and then looks like a baseline that fell; believe in falls
        // slowly.
        slow_base_ += kSlowAlpha * (rest - slow_base_);
    }

    /// Median of the last three ratios; of fewer, the highest.
    double pressure() const {
        std::array<double, kSeveral> sorted = recent_;
        const auto n = std::min<std::size_t>(static_cast<std::size_t>(recent_count_), kSeveral);
        if (n == 0) return 1.0;
        std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(n));
        return n == kSeveral ? sorted[1] : sorted[n - 1];
    }

    /// 1 = idle, 0 = at the target, -1 = at the objective.
    double headroom() const {
        const double p = pressure(), aim = target();
        return p < aim ? 1.0 - p / aim : std::max(-1.0, -(p - aim) / (1.0 - aim));
    }

    void judge_health(TimePoint at, double own, bool repeated, bool thin) {
        const bool many_errors = errors_ > options_.error_slo;
        const bool over = last_.ratio > 1.0;
        if (!over && !many_errors) {
            over_ = 0;
            paused_ = false;
            if (!repeated) recover();
        } else if (thin) {
            // Too few requests for a verdict about capacity, enough to wait for the next look.
            paused_ = true;
            good_ = 0;
        } else if (over_ += over ? 1 : 0; many_errors || over_ >= 2) {
            trouble(own, many_errors);
        } else {
            paused_ = true;
            good_ = 0;
        }
        remember_proven(at);
    }

    void recover() {
        const bool good = last_.ratio < target() && errors_ <= kGoodErrors * options_.error_slo;
        if (hold_) {
            good_ = good ? good_ + 1 : 0;
            if (good_ >= kSeveral) {
                hold_ = false;
                proven_ = std::max(proven_, smooth_);
            }
        } else if (good && pressure() < target()) {
            proven_ = std::max(proven_, smooth_);
        }
        if (!good || !std::isfinite(cap_)) return;
        const double creep = lost_ ? kCreepWhenLost : kCreep;
        cap_ *= 1.0 + creep * std::max(0.0, headroom()) * period_ / tau();
        if (lost_ && cap_ > kRecovered * lost_proven_) lost_ = false;
    }

    void trouble(double own, bool many_errors) {
        paused_ = false;
        good_ = 0;
        hold_signal_ = many_errors ? "errors" : last_.signal;
        hold_value_ = many_errors ? errors_ : last_.value;
        hold_reason_ =
            many_errors
                ? "errors " + brief(100.0 * errors_) + " % over the SLO of " + brief(100.0 * options_.error_slo) + " %"
                : last_.text() + " over " + last_.limit_text() + " for " + std::to_string(over_) + " samples";
        if (hold_) return;  // one breach, one lesson: the load of before the stop is still arriving
        hold_ = true;
        if (own > kNotOurs * smooth_) {
            // It worked at this load one tau ago: capacity was taken away. Otherwise we went too far.
            if (smooth_ < 1.05 * proven_before_) {
                if (!lost_) lost_proven_ = proven_;
                lost_ = true;
            }
            const double base = knows_load_ ? std::max(0.0, base_before_) : 0.0;
            const double ours = std::max(0.0, std::min(cap_, smooth_) - base);
            cap_ = std::min(cap_, base + (lost_ ? kCutWhenLost : kCut) * ours);
        }
        proven_ = 0.0;
    }

    /// Keeps what was proven one tau ago at hand.
    void remember_proven(TimePoint at) {
        while (history_.size() > 1 && seconds_between(history_[1].first, at) >= tau()) history_.pop_front();
        proven_before_ = history_.empty() ? proven_ : history_.front().second;
        if (history_.empty() || seconds_between(history_.back().first, at) >= tau() / 64.0)
            history_.emplace_back(at, proven_);
        else
            history_.back().second = proven_;
    }

    /// Latency that has left its quiet level far behind warns of a knee long before the objective does.
    double caution() const {
        if (std::isnan(quiet_)) return 1.0;
        return std::clamp((kKnee - pressure() / std::max(quiet_, kQuietest)) / (kKnee - 1.0), kLeastLead, 1.0);
    }

    bool hint_believed() const {
        return options_.capacity_hint && knows_load_ && cap_ >= kHintStillBelieved * *options_.capacity_hint;
    }

    /// Proven load, and a step beyond it that shrinks with the headroom.
    double proven_with_lead() const {
        const double h = headroom();
        if (h < 0.0) return proven_ * (1.0 + kLead * h);
        const double start = kStartRequests / tau();
        if (!knows_load_) return proven_ * (1.0 + caution() * kLeadWithoutLoad * h) + start * h;
        const double lead = kLead * (hint_believed() ? kTrust : 1.0) * proven_;
        const double visible = std::min(kSmallestStep * sigma(), proven_);
        return proven_ + h * std::max(start, caution() * std::max(lead, visible));
    }

    double trusted_load() const {
        if (!seen_any_) return options_.capacity_hint.value_or(kInfinity);
        return std::min({cap_, options_.capacity_hint.value_or(kInfinity), proven_with_lead()});
    }

    double reserve_bound() const {
        if (!options_.capacity_hint) return kInfinity;
        return pacing::survivable_load({.capacity = *options_.capacity_hint,
                                        .reserve = options_.reserve,
                                        .baseline = baseline() + sigma(),
                                        .reaction_s = period_ + delay_,
                                        .slo_s = slo_},
                                       fading_);
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
        if (hold_)
            return shut("hold", hold_signal_, hold_value_,
                        hold_reason_ + "; " + std::to_string(good_) + " of 3 good samples since");
        if (paused_) {
            const bool many_errors = errors_ > options_.error_slo;
            if (many_errors)
                return shut("pause", "errors", errors_,
                            "errors " + brief(100.0 * errors_) + " % over the SLO of " +
                                brief(100.0 * options_.error_slo) + " %, on few requests; waiting for the next sample");
            return shut("pause", last_.signal, last_.value,
                        last_.text() + " over " + last_.limit_text() + "; waiting for the next sample");
        }
        if (fresh_ < kSeveral)
            return shut("hold", "telemetry", fresh_,
                        "telemetry: learning, " + std::to_string(fresh_) + " of 3 samples seen");
        return false;
    }

    std::string reason_when_open(double room, bool reserve_binds) const {
        const double ceiling = trusted_load();
        std::string what;
        if (reserve_binds)
            what = "the reserve of " + brief(100.0 * options_.reserve) + " %";
        else if (ceiling == options_.capacity_hint.value_or(kInfinity))
            what = "the capacity hint of " + brief(ceiling) + "/s";
        else if (ceiling == cap_)
            what = "the ceiling of " + brief(ceiling) + "/s learnt from trouble";
        else if (headroom() < 0.0)
            what = last_.text() + " near " + last_.limit_text();
        else
            what = brief(ceiling) + "/s: proven " + brief(proven_) + "/s and a step beyond";
        const std::string rest = knows_load_ ? ", " + brief(baseline()) + "/s not ours" : "";
        return (room > 0.0 ? "room " + brief(room) + "/s under " : "no room under ") + what + rest + ", " +
               last_.text() + " of " + last_.limit_text();
    }

    BackendOptions options_;
    double period_, slo_, lag_ = 0.0, delay_ = 0.0;
    pacing::Evidence evidence_;
    ResponseModel fading_;

    std::optional<TimePoint> newest_;  // time of the newest valid sample
    std::string flaw_;                 // of the newest sample that was not valid
    int fresh_ = 0;                    // valid samples since the start or the last silence
    bool seen_any_ = false, knows_load_ = false;
    Reading last_;
    double errors_ = 0.0, load_ = 0.0, smooth_ = 0.0;
    std::array<double, kSeveral> recent_{};
    int recent_count_ = 0;
    double quiet_ = std::numeric_limits<double>::quiet_NaN();  // lowest pressure, forgotten slowly

    double base_ = 0.0, base_before_ = 0.0, slow_base_ = 0.0, variance_ = 0.0;
    double proven_ = 0.0, proven_before_ = 0.0, cap_ = kInfinity;
    std::deque<std::pair<TimePoint, double>> history_;
    bool lost_ = false;
    double lost_proven_ = 0.0;

    int over_ = 0, good_ = 0;
    bool hold_ = false, paused_ = false;
    std::string hold_signal_, hold_reason_;
    double hold_value_ = 0.0;
};

}  // namespace

std::unique_ptr<Controller> make_controller(const BackendOptions& options, Duration period) {
    return std::make_unique<FirstController>(options, period);
}

}  // namespace tidegate
