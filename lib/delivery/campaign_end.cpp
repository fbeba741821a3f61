// The feeder's rooms of a run, continued: from cohort to cohort, and to the end.

#include <algorithm>
#include <cmath>

#include "delivery/campaign_run.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::delivery {

namespace {

std::string recipients(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " recipient" : " recipients");
}

}  // namespace

/// The cohort is out when nothing of it waits; but a channel that lags does not keep the others from the next cohort,
/// unless this one is a canary or the last.
bool CampaignRun::cohort_is_out() const {
    if (cohort_clock_.in_canary() || cohort_clock_.last()) return ready_count() == 0;
    return std::any_of(ready_.begin(), ready_.end(), [](const auto& queue) { return queue.empty(); });
}

void CampaignRun::move_on(TimePoint now) {
    cohort_now_ = cohort_clock_.current();
    if (!walk_ended_ || walked_all_ || !cohort_is_out()) return;
    if (!cohort_clock_.exhausted()) {
        cohort_clock_.released_all();
        CohortRecord& cohort = cohorts_[std::min<std::size_t>(cohort_clock_.current(), cohorts_.size() - 1)];
        if (cohort.started_at && !passed_over_) cohort.finished_at = clock_.wall();
        job_.batch.cohorts.push_back(cohort);
    }
    if (cohort_clock_.last()) {
        walked_all_ = true;
        return;
    }
    if (!cohort_clock_.ready(now)) {
        const double wait = seconds_between(now, cohort_clock_.ready_at());
        const std::string next = cohorts_[cohort_clock_.current() + 1].label;
        if (cohort_clock_.in_canary()) canary_waits(now);
        note_reason(cohort_clock_.in_canary()
                        ? next + " waits for " + cohorts_[cohort_clock_.current()].label + ": " + words_for_gate(now)
                    : wait > 0
                        ? next + " starts in " + format_duration(std::chrono::seconds(std::llround(std::ceil(wait))))
                        : next + " is about to start");
        return;
    }
    if (cohort_clock_.in_canary()) gate_stands(cohort_clock_.current(), GateState::passed, words_for_gate(now), true);
    cohort_clock_.advance(now);
    canary_gate_.reset();
    gate_told_ = false;
    gate_waits_.clear();
    cursor_ = {cohort_clock_.current(), 0, 0};
    walk_ended_ = false;
}

void CampaignRun::check_end(TimePoint now) {
    if (ending_) {
        {
            const std::lock_guard lock(mutex_);
            if (aborted_) ending_ = RunResult{RunState::aborted, 3, "aborted by " + ordered_by_};
            if (stop_deadline_) ending_deadline_ = std::min(ending_deadline_, *stop_deadline_);
        }
        const bool quiet = in_doubt_ == 0 && outbox_.idle() && job_.batch.deliveries.empty();
        if (!quiet && now < ending_deadline_) return;
        const bool all_on_disk = outbox_.idle() && job_.batch.finals.empty();
        if (all_on_disk && working_.empty() && pending() == 0 && ending_->state != RunState::aborted) {
            ending_ = completed();
        }
        job_.batch.meta.emplace_back("state", std::string(to_string(ending_->state)));
        job_.batch.meta.emplace_back("why", ending_->why);
        job_.batch.meta.emplace_back(meta_response, to_text(response(now, clock_.wall())));
        job_.batch.events.push_back({clock_.wall(), std::string(to_string(ending_->state)), ending_->why, {}});
        job_.batch.cohorts.insert(job_.batch.cohorts.end(), cohorts_.begin(), cohorts_.end());
        for (const DeliveryId id : unanswered()) job_.settled.emplace_back(accounts_[account_of(id)], 1);
        job_.last = true;
        last_pushed_ = true;
        closed_to_operators_ = true;
        forget_everyone();
        return;
    }
    const WallTime wall = clock_.wall();
    const TimePoint soon = now + wind_up;
    {
        std::unique_lock lock(mutex_);
        const std::optional<TimePoint> stop = stop_deadline_;
        const std::string why = stop_why_;
        const bool aborted = aborted_;
        const std::string by = ordered_by_;
        const std::optional<std::string> failed = failed_;
        lock.unlock();
        if (aborted) return begin_ending(RunState::aborted, 3, "aborted by " + by, soon);
        if (stop) return begin_ending(RunState::stopped, 3, why, *stop);
        if (failed) return begin_ending(RunState::incomplete, 5, *failed, soon);
    }
    if (guard_) return stop_by_guard(soon);

    const bool all_on_disk = outbox_.idle() && job_.batch.finals.empty();
    if (walked_all_ && night_ends_) return check_night(now, wall, all_on_disk);
    const bool nothing_open = working_.empty() && all_on_disk && reports_.empty();
    if (nothing_open && pending() == 0) {
        if (now < last_release_ + wait_reports_ && reports_owed()) {
            return note_reason("all sent; waiting for delivery reports");
        }
        if (now < last_release_ + watch_after_) return note_reason("all sent; watching the backends");
        const RunResult end = completed();
        return begin_ending(end.state, end.exit_code, end.why, soon);
    }
    if (limit_ != 0 && begun_ >= limit_ && nothing_open && ready_count() == 0) {
        return begin_ending(RunState::incomplete, 4,
                            "the limit of " + std::to_string(limit_) + " recipients is reached", soon);
    }
    if (campaign_.deadline && wall >= *campaign_.deadline) {
        begin_ending(RunState::incomplete, 4, words_for_deadline(), soon);
    }
}

/// Everybody has a final outcome; but where a provider's first word is not its last, `accepted` may still change.
RunResult CampaignRun::completed() const {
    const bool two_phase =
        std::any_of(steps_.begin(), steps_.end(), [](const RouteStep& step) { return step.traits.two_phase; });
    const std::lock_guard lock(mutex_);
    if (two_phase && totals_.outcomes[static_cast<std::size_t>(Final::accepted)] > 0) {
        return {RunState::awaiting_reports, 0, "every recipient has a final outcome; delivery reports may change it"};
    }
    return {RunState::completed, 0, "every recipient has a final outcome"};
}

/// Everyone who may be sent to now has been; some wait for the morning and are met in a new walk.
void CampaignRun::check_night(TimePoint now, WallTime wall, bool all_on_disk) {
    if (campaign_.deadline && all_on_disk && wall < *night_ends_ && *night_ends_ >= *campaign_.deadline &&
        idle_until(after(now, Seconds(*campaign_.deadline - wall).count()))) {
        return begin_ending(RunState::incomplete, 4, words_for_night() + ", after the deadline", now + wind_up);
    }
    if (campaign_.deadline && wall >= *campaign_.deadline) {
        return begin_ending(RunState::incomplete, 4, words_for_deadline(), now + wind_up);
    }
    if (wall < *night_ends_) return note_reason(words_for_night());
    if (!passed_over_) return night_ends_.reset();  // those who had been tried wake by themselves
    if (!all_on_disk) return;
    passed_over_ = walked_all_ = walk_ended_ = false;
    night_ends_.reset();
    cohort_clock_.restart(now, mostly_released(cohorts_));
    canary_gate_.reset();
    cursor_ = {};
}

/// Nothing is under way, and nothing wakes before `then`.
bool CampaignRun::idle_until(TimePoint then) const {
    return in_doubt_ == 0 && ready_count() == 0 && (waiting_.empty() || waiting_.top().due >= then);
}

std::string CampaignRun::words_for_deadline() const {
    return "the deadline has passed with " + recipients(pending()) + " pending";
}

std::string CampaignRun::words_for_night() const {
    const std::string when = format_local(*night_ends_, campaign_.zone).value_or(format_wall_time(*night_ends_));
    const std::string zone = " (" + campaign_.zone + ")";
    if (!walked_all_) return "at night only who agreed to it; the others from " + when + zone;
    return "quiet hours until " + when + zone + ", " + recipients(pending()) + " left";
}

std::uint64_t CampaignRun::pending() const {
    const std::lock_guard lock(mutex_);
    return totals_.outcomes[static_cast<std::size_t>(Final::pending)];
}

/// Attempts whose answer this run will not see any more.
std::vector<DeliveryId> CampaignRun::unanswered() const {
    std::vector<DeliveryId> ids;
    for (const auto& [recipient, work] : working_) {
        for (const LedgerDelivery& delivery : work.deliveries) {
            if (delivery.state == DeliveryState::intended) ids.push_back(delivery.id);
        }
    }
    return ids;
}

/// The ledger could not be written to the end: the accounts are shared and must not keep counting what was ours.
void CampaignRun::let_go() {
    const bool counted = last_pushed_;  // the last job carries them already
    last_pushed_ = true;
    closed_to_operators_ = true;
    while (std::optional<WriteJob> job = outbox_.take()) {
        for (const auto& [account, attempt] : job->attempts) account->submitted(1);
        for (const auto& [account, attempts] : job->settled) account->settled(attempts);
        outbox_.finished();
    }
    for (std::size_t i = 0; i < batches_.size(); ++i) accounts_[i]->submitted(batches_[i].attempts.size());
    if (!counted) {
        for (const DeliveryId id : unanswered()) accounts_[account_of(id)]->settled(1);
    }
    forget_everyone();
    ledger_.reset();
    std::string why;
    {
        const std::lock_guard lock(mutex_);
        why = disk_error_;
    }
    finish({RunState::incomplete, 5, "the ledger cannot be written: " + why});
}

/// Personal data do not outlive the run because somebody keeps its handle.
void CampaignRun::forget_everyone() {
    close_reports();
    unwritten_.clear();
    working_.clear();
    excused_.clear();
    adopted_.clear();
    ready_.assign(ready_.size(), {});
    batches_.assign(batches_.size(), {});
    waiting_ = {};
}

void CampaignRun::begin_ending(RunState state, int exit_code, std::string why, TimePoint deadline) {
    ending_ = RunResult{state, exit_code, std::move(why)};
    ending_deadline_ = deadline;
}

void CampaignRun::flush(TimePoint now) {
    {
        const std::lock_guard lock(mutex_);
        if (!facts_.empty()) {
            append(job_.batch, std::move(facts_));
            facts_ = {};
            job_.batch.cohorts.push_back(cohorts_[std::min<std::size_t>(cohort_clock_.current(), cohorts_.size() - 1)]);
            job_.batch.elapsed_s += seconds_between(last_elapsed_, now);
            last_elapsed_ = now;
        }
    }
    if (job_.batch.empty() && job_.attempts.empty() && !job_.last) return;
    job_.made_at = now;
    job_.number = job_number_++;
    outbox_.push(std::move(job_));
    job_ = {};
    wake_writer_();
}

}  // namespace tidegate::delivery
