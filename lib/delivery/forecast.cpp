#include "tidegate/delivery/forecast.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "delivery/cohort_clock.hpp"
#include "delivery/eligibility.hpp"
#include "delivery/imagined_backend.hpp"
#include "pacing/reserve.hpp"
#include "pacing/words.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/pacing/admission.hpp"

namespace tidegate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kStepsAimedAt = 4000.0;
constexpr std::size_t kMostSteps = 20000;
constexpr double kShortestStep = 0.01;
constexpr double kFaded = 0.01;  // of our peak: the load counts as over
/// Cohorts closer together than this are one stream, whose cohort starts mean nothing to anybody.
constexpr auto kDistinctStarts = std::chrono::minutes(2);
constexpr TimePoint kOrigin{std::chrono::hours(1)};
/// So many periods in a row without a message mean that none will ever go.
constexpr double kHopeless = 500.0;

/// One backend that the campaign loads.
struct Guarded {
    std::string name;
    Impact impact;
    double period_s = 1.0;
    double baseline = 0.0;
    std::optional<double> bound;
    bool enforced = true;
    const Backend* stated = nullptr;

    /// Room under the bound, were it known for sure.
    double room() const { return bound && enforced ? std::max(0.0, *bound - baseline) : kInfinity; }
};

double at_least_zero(double value) {
    return std::isfinite(value) && value > 0.0 ? value : 0.0;
}

std::vector<Guarded> guarded_backends(const Site& site, const Campaign& campaign, const ForecastInput& input,
                                      const ResponseModel& model) {
    std::vector<Guarded> result;
    for (const Backend& backend : site.backends) {
        const auto impact = campaign.impact.find(backend.limits.name);
        if (impact == campaign.impact.end()) continue;
        if (impact->second.per_open <= 0.0 && impact->second.per_delivery <= 0.0) continue;
        const auto baseline = input.baseline.find(backend.limits.name);
        Guarded g{.name = backend.limits.name,
                  .impact = impact->second,
                  .period_s = Seconds(period_of(backend.signal)).count(),
                  .baseline = baseline == input.baseline.end() ? 0.0 : at_least_zero(baseline->second),
                  .bound = std::nullopt,
                  .enforced = !backend.limits.shadow,
                  .stated = &backend};
        if (backend.limits.capacity_hint) {
            const double ours = pacing::survivable_load({.capacity = *backend.limits.capacity_hint,
                                                         .reserve = backend.limits.reserve,
                                                         .baseline = g.baseline,
                                                         .reaction_s = Seconds(period_of(backend.signal)).count(),
                                                         .slo_s = Seconds(backend.limits.latency_slo).count()},
                                                        model);
            g.bound = std::min(*backend.limits.capacity_hint, g.baseline + ours);
        }
        result.push_back(std::move(g));
    }
    return result;
}

/// Everyone is tried on the first channel of the route; what goes out besides must keep up with it.
double rate_limit(const Site& site, const Campaign& campaign) {
    double limit = campaign.per_second.per_second;
    for (std::size_t i = 0; i < campaign.send.size(); ++i) {
        if (i > 0 && !campaign.send[i].also) continue;
        for (const ChannelOptions& channel : site.channels)
            if (channel.name == campaign.send[i].channel) limit = std::min(limit, channel.per_second.per_second);
    }
    return std::max(0.0, limit);
}

/// What a backend bears when a rate is held for ever.
double steady_rate(const Guarded& g, const ResponseModel& model) {
    const double effect = g.impact.per_open * model.careful_total() + g.impact.per_delivery;
    return effect > 0.0 ? g.room() / effect : kInfinity;
}

std::vector<bool> without_anybody(const std::vector<std::uint64_t>& sizes) {
    std::vector<bool> empty;
    for (const std::uint64_t size : sizes) empty.push_back(size == 0);
    return empty;
}

class Run {
  public:
    Run(const Site& site, const Campaign& campaign, const ForecastInput& input, double coarseness)
        : campaign_(campaign),
          sizes_(input.cohort_sizes),
          model_(campaign.response),
          sent_(campaign.response, kOrigin),
          guarded_(guarded_backends(site, campaign, input, model_)),
          limit_(rate_limit(site, campaign)),
          clock_({.cohorts = static_cast<std::uint32_t>(sizes_.size()),
                  .canaries = static_cast<std::uint32_t>(std::min(campaign.cohorts.canary.size(), sizes_.size())),
                  .gap = campaign.cohorts.gap,
                  .soak = std::chrono::duration_cast<Duration>(Seconds(model_.quantile(0.8))),
                  .begun = {},
                  .empty = without_anybody(sizes_)},
                 kOrigin) {
        starts_ = std::max(campaign.starts.value_or(input.now), input.now);
        if (campaign.deadline) last_chance_ = std::max(0.0, Seconds(*campaign.deadline - starts_).count());
        for (const Guarded& g : guarded_) {
            all_.push_back({{&sent_, g.impact}});
            limit_ = std::min(limit_, steady_rate(g, model_));
        }
        for (std::uint64_t size : sizes_) total_ += size;
        left_ = static_cast<double>(total_);
        step_ = step_length() * coarseness;
        for (const Guarded& g : guarded_) imagined_.emplace_back(*g.stated, g.baseline, kOrigin);
        if (campaign.event) set_up_event(*campaign.event);
        prepare(input);
    }

    /// False when it took too many steps; a coarser run may do.
    bool go() {
        if (total_ > 0 && limit_ <= 0.0) {
            result_.endless = true;
            finish();
            return true;
        }
        while (left_ > 0.0 || !faded()) {
            if (left_ > 0.0 && hopeless()) {
                result_.endless = true;
                finish();
                return true;
            }
            if (result_.released.size() >= kMostSteps) {
                result_.endless = left_ > 0.0;
                finish();
                return false;
            }
            step();
        }
        finish();
        return true;
    }

    Forecast take() { return std::move(result_); }

  private:
    double step_length() const {
        double length = model_.horizon();
        if (limit_ > 0.0) length += static_cast<double>(total_) / limit_;
        const double gap = Seconds(campaign_.cohorts.gap).count();
        length += static_cast<double>(sizes_.size()) * gap +
                  static_cast<double>(campaign_.cohorts.canary.size()) * model_.quantile(0.8);
        if (campaign_.event) length += std::max(0.0, Seconds(campaign_.event->at - starts_).count());
        length = std::min(length, last_chance_ + model_.horizon());
        return std::max({kShortestStep, model_.median() / 20.0, length / kStepsAimedAt});
    }

    /// Nothing has gone for so long, and nothing that passes by itself is the reason.
    bool hopeless() const {
        double period = step_;
        for (const delivery::ImaginedBackend& backend : imagined_) period = std::max(period, backend.period_s());
        return time_ - moved_ > kHopeless * period;
    }

    void set_up_event(const EventOptions& event) {
        crowd_.emplace(event.rush);
        instant_ = Seconds(event.at - starts_).count();
        for (const Guarded& g : guarded_) {
            if (!g.enforced || !g.stated->limits.capacity_hint) continue;
            Advice present;
            present.baseline = g.baseline;
            lot_ = std::min(lot_, crowd_->largest_lot({room_at_instant(g.stated->limits, present), g.impact.per_open}));
        }
    }

    /// Advertisements wait for the morning. Those with a night consent go on; how many they are is not known here.
    bool night(double now) const {
        if (campaign_.purpose != Purpose::advertising) return false;
        const Result<delivery::Hours> hours = delivery::hours_at(wall(now), campaign_.zone);
        return hours && hours->night;
    }

    void prepare(const ForecastInput& input) {
        result_.starts = result_.last_release = result_.load_over = starts_;
        result_.step = std::chrono::duration_cast<Duration>(Seconds(step_));
        result_.recipients = total_;
        for (std::size_t i = 0; i < sizes_.size(); ++i)
            result_.cohorts.push_back(
                {.label = i < input.cohort_labels.size() ? input.cohort_labels[i] : "cohort " + std::to_string(i),
                 .canary = i < campaign_.cohorts.canary.size(),
                 .recipients = sizes_[i]});
        for (const Guarded& g : guarded_)
            result_.backends.push_back({.backend = g.name, .bound = g.bound, .peak = g.baseline, .load = {}});
    }

    WallTime wall(double seconds) const { return starts_ + std::chrono::milliseconds(std::llround(seconds * 1000.0)); }
    static double seconds(TimePoint t) { return t == TimePoint::min() ? 0.0 : seconds_between(kOrigin, t); }

    /// What the control thread would allow now.
    double rate(double now) {
        const TimePoint at = after(kOrigin, now);
        double rate = limit_;
        for (std::size_t b = 0; b < guarded_.size(); ++b) {
            imagined_[b].live(all_[b], model_.median(), guarded_[b].impact.per_open, at);
            if (!guarded_[b].enforced) continue;
            const Admission admission =
                admissible_rate(imagined_[b].room(), all_[b].front(), all_[b], imagined_[b].period_s(), at);
            rate = std::min(rate, admission.rate);
        }
        if (crowd_ && now < instant_ + crowd_->served_after()) {
            const double told = static_cast<double>(total_) - left_;
            const double may_tell = crowd_->decide(instant_ - now, told, lot_).may_tell;
            if (may_tell <= 0.0) moved_ = now;  // it waits, and will go on
            rate = std::min(rate, may_tell / step_);
        }
        if (night(now)) {
            moved_ = now;
            if (!slept_)
                result_.warnings.push_back("waits for the morning from " + local(wall(now)) +
                                           "; the plan sends nobody at night");
            slept_ = true;
            return 0.0;
        }
        return rate;
    }

    void step() {
        const double end = time_ + step_;
        const double before = left_;
        if (left_ > 0.0) release(time_, std::min(end, last_chance_));
        if (last_chance_ <= end && left_ > 0.0) give_up();
        time_ = end;
        result_.released.push_back(before - left_ - given_up_);
        if (result_.released.back() > 0.0) moved_ = end;
        if (end <= instant_) told_before_ += result_.released.back();
        given_up_ = 0.0;
        ours_ = 0.0;
        for (std::size_t b = 0; b < guarded_.size(); ++b) {
            double ours = predicted_load(all_[b], after(kOrigin, end));
            if (crowd_ && end > instant_)
                ours += told_before_ * guarded_[b].impact.per_open *
                        crowd_->opens(end - step_ - instant_, end - instant_) / step_;
            ours_ = std::max(ours_, ours);
            result_.backends[b].load.push_back(guarded_[b].baseline + ours);
            result_.backends[b].peak = std::max(result_.backends[b].peak, guarded_[b].baseline + ours);
        }
        peak_ = std::max(peak_, ours_);
    }

    /// Hands out what the rate allows between two moments, cohort after cohort; starts fall between steps, not on them.
    void release(double from, double to) {
        const double allowed = rate(from);
        double cursor = from;
        while (left_ > 0.0 && cursor < to) {
            const std::size_t cohort = clock_.current();
            if (done_in_cohort_ >= static_cast<double>(sizes_[cohort])) {
                clock_.released_all();
                if (clock_.last()) break;
                const double ready = std::max(cursor, seconds(clock_.ready_at()));
                if (ready >= to) {
                    moved_ = to;
                    return;
                }
                cursor = ready;
                clock_.advance(after(kOrigin, cursor));
                done_in_cohort_ = 0.0;
                continue;
            }
            if (allowed <= 0.0) return;
            const double wanted = static_cast<double>(sizes_[cohort]) - done_in_cohort_;
            const double count = std::isinf(allowed) ? wanted : std::min(wanted, allowed * (to - cursor));
            const double until = std::isinf(allowed) ? cursor : std::min(to, cursor + count / allowed);
            book(cohort, count, cursor, until);
            cursor = count < wanted ? to : until;
        }
    }

    void book(std::size_t cohort, double count, double from, double to) {
        ForecastCohort& c = result_.cohorts[cohort];
        if (done_in_cohort_ <= 0.0) c.starts = wall(from);
        c.ends = result_.last_release = wall(to);
        clock_.released(after(kOrigin, from));
        clock_.released(after(kOrigin, to));
        const double pieces = std::clamp(std::ceil((to - from) * 20.0 / model_.median()), 1.0, 2000.0);
        for (int i = 0; i < pieces; ++i)
            sent_.grant(count / pieces, after(kOrigin, from + (to - from) * (i + 0.5) / pieces));
        // Rounding must not leave a hair of a recipient behind.
        const double size = static_cast<double>(sizes_[cohort]);
        done_in_cohort_ = size - done_in_cohort_ - count < 1e-6 ? size : done_in_cohort_ + count;
        left_ = left_ - count < 1e-6 * (1.0 + static_cast<double>(total_) * 1e-9) ? 0.0 : left_ - count;
    }

    void give_up() {
        result_.left_at_deadline = static_cast<std::uint64_t>(std::ceil(left_ - 1e-6));
        given_up_ = left_;
        left_ = 0.0;
    }

    bool faded() const {
        if (guarded_.empty() || sent_.sent().total() <= 0.0) return true;
        // Nobody has opened yet right after the last release: low does not mean over before the curve has had its turn.
        const double since = time_ - Seconds(result_.last_release - starts_).count();
        return since > model_.horizon() || (since > model_.median() && ours_ <= kFaded * peak_);
    }

    void finish() {
        if (result_.endless && campaign_.deadline && result_.left_at_deadline == 0)
            result_.left_at_deadline = static_cast<std::uint64_t>(std::ceil(left_));
        result_.load_over = std::max(result_.last_release, wall(guarded_.empty() ? 0.0 : time_));
        warn();
    }

    bool near_quarter(WallTime t) const {
        const Result<int> minute = local_minute_of_day(t, campaign_.zone);
        return minute && (*minute % 15 == 14 || *minute % 15 == 0);
    }
    std::string local(WallTime t) const { return format_local(t, campaign_.zone).value_or(format_wall_time(t)); }

    void warn() {
        std::vector<std::string>& out = result_.warnings;
        if (total_ == 0) out.push_back("the audience is empty");
        if (guarded_.empty())
            out.push_back(
                "no backend has an impact of this campaign: nothing but the limits paces it; fill in [impact]");
        for (const Guarded& g : guarded_) {
            if (!g.bound)
                out.push_back(g.name +
                              ": no capacity_hint, so this forecast does not know its bound; the gate will feel its "
                              "way and be slower");
            else if (!g.enforced)
                out.push_back(g.name + ": shadow mode, its bound is not enforced");
            else if (g.room() <= 0.0)
                out.push_back(g.name + ": its baseline of " + pacing::brief(g.baseline) +
                              " requests/s leaves no room under " + pacing::brief(*g.bound));
        }
        if (result_.endless) out.push_back("at this rate the campaign would never finish");
        if (result_.left_at_deadline > 0)
            out.push_back(std::to_string(result_.left_at_deadline) + " of " + std::to_string(total_) +
                          " recipients would be left at the deadline");
        // Everybody's cron jobs and other senders start then. Source: Firebase, "Scale FCM" advice on traffic spikes.
        if (total_ > 0 && near_quarter(starts_))
            out.push_back("starts at " + local(starts_) +
                          ", within a minute of the hour or quarter-hour, when others start too");
        if (campaign_.cohorts.gap < kDistinctStarts) return;
        std::size_t unlucky = 0;
        const ForecastCohort* first = nullptr;
        for (std::size_t i = 1; i < result_.cohorts.size(); ++i)
            if (result_.cohorts[i].starts != WallTime{} && near_quarter(result_.cohorts[i].starts) && unlucky++ == 0)
                first = &result_.cohorts[i];
        if (first != nullptr)
            out.push_back(std::to_string(unlucky) +
                          " cohorts start within a minute of the hour or quarter-hour, the first is " + first->label +
                          " at " + local(first->starts));
    }

    const Campaign& campaign_;
    const std::vector<std::uint64_t>& sizes_;
    ResponseModel model_;
    Reaction sent_;
    std::vector<Guarded> guarded_;
    std::vector<std::vector<Commitment>> all_;  // by backend
    double limit_;
    delivery::CohortClock clock_;
    WallTime starts_{};
    double last_chance_ = kInfinity;
    std::uint64_t total_ = 0;
    std::vector<delivery::ImaginedBackend> imagined_;  // by backend
    std::optional<FirstCome> crowd_;
    double instant_ = -kInfinity, lot_ = kInfinity, told_before_ = 0.0;
    bool slept_ = false;
    double moved_ = 0.0;
    double left_ = 0.0, given_up_ = 0.0, done_in_cohort_ = 0.0, time_ = 0.0, step_ = 1.0;
    double ours_ = 0.0, peak_ = 0.0;
    Forecast result_;
};

}  // namespace

Forecast forecast(const Site& site, const Campaign& campaign, const ForecastInput& input) {
    Forecast last;
    // The length is estimated before it is known; a run that turns out longer is told again with coarser steps.
    for (double coarseness : {1.0, 4.0, 16.0, 64.0}) {
        Run run(site, campaign, input, coarseness);
        const bool done = run.go();
        last = run.take();
        if (done) break;
    }
    return last;
}

}  // namespace tidegate
