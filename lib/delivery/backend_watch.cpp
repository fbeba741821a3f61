#include "delivery/backend_watch.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <utility>

namespace tidegate::delivery {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

BackendWatch::BackendWatch(Backend backend, std::shared_ptr<Sensor> sensor, std::unique_ptr<BackendMemory> memory)
    : backend_(std::move(backend)),
      sensor_(std::move(sensor)),
      memory_(std::move(memory)),
      controller_(make_controller(backend_.limits, period_of(backend_.signal))),
      period_(period_of(backend_.signal)) {
    publish(0);
}

void BackendWatch::recall(TimePoint now, WallTime wall) {
    controller_->remember(memory_->recall(now, wall));
    advice_ = controller_->advise(now);
    publish(0);
}

BackendWatch::Seen BackendWatch::poll(TimePoint now) {
    Seen seen;
    if (!sensor_) return seen;
    Result<Observation> sample = Error{Errc::internal, "the sensor threw", backend_.limits.name, ""};
    try {
        sample = sensor_->poll(now);
    } catch (const std::exception& thrown) {
        sample.error().what = std::string("the sensor threw: ") + thrown.what();
    } catch (...) {
        sample.error().what = "the sensor threw";
    }
    if (!sample) {
        sensor_error_ = sample.error().text();
        return seen;
    }
    sensor_error_.clear();
    if (newest_ && sample->at <= newest_->at) return seen;
    // A clock that runs ahead must not make every true sample after it look old.
    if (seconds_between(now, sample->at) > period_.count()) return seen;

    seen.fresh = true;
    if (sample->opens && std::isfinite(*sample->opens) && newest_) {
        seen.opens = *sample->opens * seconds_between(newest_->at, sample->at);
        seen.from = newest_->at;
    }
    seen.p99_s = sample->p99.count();
    const bool over = seen.p99_s > Seconds(backend_.limits.latency_slo).count() ||
                      (sample->errors && *sample->errors > backend_.limits.error_slo);
    // A sample speaks for the time since the one before, but not for a gap in the telemetry.
    const double covers =
        newest_ ? std::min(seconds_between(newest_->at, sample->at), 2 * period_.count()) : period_.count();
    if (over) seen.seconds_over = covers;
    newest_ = *sample;
    seen.to = sample->at;
    return seen;
}

void BackendWatch::judge(const OwnLoad& own, double fades_s, TimePoint now, WallTime wall) {
    if (!newest_) return;
    controller_->observe(*newest_, own, now);
    memory_->note(*newest_, {std::max(own.predicted, own.observed.value_or(0.0)), fades_s}, now, wall);
}

const Advice& BackendWatch::decide(TimePoint now) {
    if (!sensor_) {
        advice_ = Advice{};
        advice_.open = true;
        advice_.room = advice_.ceiling = std::numeric_limits<double>::infinity();
        advice_.state = "open";
        advice_.reason = "not watched";
    } else {
        advice_ = controller_->advise(now);
        if (!advice_.open && !sensor_error_.empty()) advice_.reason += "; " + sensor_error_;
    }
    heed_button();
    return advice_;
}

void BackendWatch::heed_button() {
    if (!held_.load()) return;
    advice_.open = false;
    advice_.room = 0;
    advice_.state = "hold";
    advice_.signal = "operator";
    advice_.reason = "held by the operator";
}

const Advice& BackendWatch::follow(const std::optional<BackendWord>& word, TimePoint now) {
    advice_ = Advice{};
    advice_.signal = "leader";
    advice_.room = advice_.ceiling = std::numeric_limits<double>::infinity();
    advice_.age_s = std::numeric_limits<double>::infinity();
    if (word) {
        advice_.open = !word->sight.holds;
        advice_.state = word->state;
        advice_.reason = word->sight.reason;
        advice_.baseline = word->sight.not_ours;
        if (word->sight.breach) advice_.signal = word->sight.breach->signal;
        if (word->sight.sampled != TimePoint::min()) advice_.age_s = seconds_between(word->sight.sampled, now);
    } else {
        advice_.state = "hold";
        advice_.reason = "no leader of the domain says how it is";
    }
    heed_button();
    return advice_;
}

bool BackendWatch::sees(TimePoint now) const {
    return !sensor_ || (newest_ && seconds_between(newest_->at, now) <= Seconds(backend_.limits.max_age).count());
}

std::optional<BackendSight> BackendWatch::sight() const {
    if (!sensor_ || backend_.limits.shadow) return std::nullopt;
    BackendSight seen;
    seen.backend = backend_.limits.name;
    if (newest_) {
        seen.sampled = newest_->at;
        seen.breach = breach_of(*newest_, Seconds(backend_.limits.latency_slo).count(), backend_.limits.error_slo);
    }
    seen.holds = !advice_.open;
    // The controller's word, so that a sample that is no evidence fails nobody.
    seen.over = seen.breach && seen.holds && advice_.state == "hold" && advice_.signal == seen.breach->signal;
    seen.reason = advice_.reason;
    seen.not_ours = advice_.baseline;
    return seen;
}

std::optional<HoldRecord> BackendWatch::hold_change(WallTime wall) {
    if (!advice_.open && !hold_) {
        hold_ = HoldRecord{backend_.limits.name, wall, std::nullopt, advice_.signal, advice_.value, advice_.reason};
        return hold_;
    }
    if (advice_.open && hold_) {
        HoldRecord ended = *std::exchange(hold_, std::nullopt);
        ended.to = wall;
        return ended;
    }
    return std::nullopt;
}

BackendTick BackendWatch::tick(WallTime wall, double committed, double expected) const {
    BackendTick tick;
    tick.at = wall;
    tick.backend = backend_.limits.name;
    tick.slo_s = Seconds(backend_.limits.latency_slo).count();
    tick.p99_s = newest_ ? newest_->p99.count() : nan;
    tick.load = newest_ && newest_->load ? *newest_->load : nan;
    tick.errors = newest_ && newest_->errors ? *newest_->errors : nan;
    tick.committed = committed;
    tick.expected = expected;
    tick.baseline = advice_.baseline;
    tick.ceiling = std::isfinite(advice_.ceiling) ? advice_.ceiling : nan;
    tick.age_s = std::isfinite(advice_.age_s) ? advice_.age_s : nan;
    tick.state = advice_.state;
    tick.reason = advice_.reason;
    return tick;
}

void BackendWatch::hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    to_tell_ = true;
}

bool BackendWatch::heed(bool held) {
    const std::lock_guard lock(mutex_);
    return !to_tell_ && held_.exchange(held) != held;
}

std::optional<bool> BackendWatch::take_order() {
    const std::lock_guard lock(mutex_);
    return std::exchange(to_tell_, false) ? std::optional(held_.load()) : std::nullopt;
}

void BackendWatch::publish(double committed) {
    const std::lock_guard lock(mutex_);
    published_.name = backend_.limits.name;
    published_.slo_s = Seconds(backend_.limits.latency_slo).count();
    published_.p99_s = newest_ ? newest_->p99.count() : nan;
    published_.load = newest_ && newest_->load ? *newest_->load : nan;
    published_.committed = committed;
    published_.baseline = advice_.baseline;
    published_.ceiling = advice_.ceiling;
    published_.age_s = advice_.age_s;
    published_.state = advice_.state;
    published_.reason = advice_.reason;
    published_.remembered = advice_.remembered;
}

BackendProgress BackendWatch::progress() const {
    const std::lock_guard lock(mutex_);
    BackendProgress progress = published_;
    progress.held_by_operator = held_.load();
    progress.history = memory_->summary();
    return progress;
}

}  // namespace tidegate::delivery
