// The feeder's rooms of a run, continued: what the last run left open, and what every answer means.

#include <algorithm>

#include "delivery/campaign_run.hpp"
#include "delivery/reports.hpp"

namespace tidegate::delivery {

namespace {

bool reached_nobody(const Outcome& answer) {
    return answer.kind != OutcomeClass::accepted && answer.kind != OutcomeClass::unknown;
}

}  // namespace

void CampaignRun::adopt_open_deliveries(const std::vector<std::pair<LedgerDelivery, LedgerRecipient>>& open) {
    const TimePoint now = clock_.now();
    const WallTime wall = clock_.wall();
    for (const auto& [delivery, recipient] : open) {
        Work& work = working_[recipient.id];
        if (work.recipient.id == 0) {
            work.recipient = recipient;
            adopted_.insert(recipient.id);
            Result<LedgerEntry> all = ledger_->of(recipient.id);
            if (all) work.deliveries = std::move(all->deliveries);
            ++begun_;
        }
    }
    for (const auto& [delivery, recipient] : open) {
        Work& work = working_.at(recipient.id);
        LedgerDelivery* mine = delivery_of(work, delivery.id);
        if (mine == nullptr) mine = &work.deliveries.emplace_back(delivery);
        if (delivery.state == DeliveryState::intended) {
            mine->last = ambiguous("in doubt after a restart");
            apply(work, *mine, judge_doubt(campaign_.on_unknown, repeats_merge(delivery.id)), now);
        } else {
            // Those of an earlier run count as its last one.
            if (excused(delivery.last)) excused_[delivery.id] = delivery.attempts;
            const double wait = delivery.retry_at ? Seconds(*delivery.retry_at - wall).count() : 0.0;
            waiting_.push({after(now, std::max(0.0, wait)), delivery.id});
        }
    }
}

bool CampaignRun::repeats_merge(DeliveryId id) const {
    const ChannelTraits& traits = steps_[step_of(id)].traits;
    return traits.idempotent || (traits.collapsible && !campaign_.message.collapse.empty());
}

void CampaignRun::take_answers(TimePoint now) {
    std::vector<Answer> answers;
    {
        const std::lock_guard lock(answers_mutex_);
        answers.swap(answers_);
    }
    double nowhere = 0;
    for (const Answer& answer : answers)
        if (settle(answer, now) && reached_nobody(answer.outcome)) ++nowhere;
    if (nowhere == 0) return;
    // Nobody will open these: kept on the books they would look like a provider that holds messages back.
    const std::lock_guard lock(pace_mutex_);
    reaction_.take_back(nowhere, now);
}

/// False when the answer is to nothing that waits for one.
bool CampaignRun::settle(const Answer& settled, TimePoint now) {
    const auto& [id, answer, ours] = settled;
    Work* work = work_of(id);
    LedgerDelivery* delivery = work != nullptr ? delivery_of(*work, id) : nullptr;
    // A channel of the host's that completes twice, or late, changes nothing.
    if (delivery == nullptr || delivery->state != DeliveryState::intended) return false;
    const std::size_t index = account_of(id);
    --in_doubt_;
    job_.settled.emplace_back(accounts_[index], 1);

    tally(*accounts_[index], answer.kind);

    delivery->last = answer;
    const Verdict verdict = judge(answer, tries_with(*delivery, answer), campaign_.on_unknown, repeats_merge(id),
                                  RetryOptions{}, rng_.uniform());
    judge_account({this, id}, index, answer, ours, now);
    if (verdict.outcome == Final::accepted && steps_[step_of(id)].traits.two_phase && wait_reports_ > Duration{0}) {
        const std::lock_guard lock(reports_mutex_);
        awaited_.expect({index, request_of(answer.provider_id)}, now);
    }
    apply(*work, *delivery, verdict, now);
    return true;
}

/// The ledger keeps one number of attempts; which of them were excused is known to the run that made them.
Tries CampaignRun::tries_with(const LedgerDelivery& delivery, const Outcome& answer) {
    if (excused(answer)) ++excused_[delivery.id];
    const auto found = excused_.find(delivery.id);
    const std::uint32_t spared = found == excused_.end() ? 0 : std::min(found->second, delivery.attempts);
    return {delivery.attempts - spared, spared};
}

/// One row for each account and job, not for each answer.
void CampaignRun::tally(const Account& account, OutcomeClass kind) {
    std::vector<ChannelTally>& tallies = job_.batch.tallies;
    auto mine = std::find_if(tallies.begin(), tallies.end(),
                             [&](const ChannelTally& known) { return known.name == account.name(); });
    if (mine == tallies.end()) mine = tallies.insert(mine, {account.name(), account.traits().kind, {}});
    ++mine->answers[static_cast<std::size_t>(kind)];
}

/// The deliveries of one recipient become durable together: one row alone would make the others look finished, or the
/// recipient untouched, to the next run.
void CampaignRun::anchor(Work& work, DeliveryId first, Batch* batch) {
    for (LedgerDelivery& other : work.deliveries) {
        const bool in_memory_only = other.state == DeliveryState::waiting && other.attempts == 0 && !other.retry_at;
        if (other.id == first || !in_memory_only) continue;
        other.retry_at = clock_.wall();
        if (batch != nullptr) {
            batch->beside.push_back(other.id);
        } else {
            job_.batch.deliveries.push_back(other);
        }
    }
}

void CampaignRun::apply(Work& work, LedgerDelivery& delivery, const Verdict& verdict, TimePoint now) {
    anchor(work, delivery.id, nullptr);
    delivery.state = verdict.state;
    delivery.outcome = verdict.outcome;
    delivery.retry_at.reset();
    if (verdict.state == DeliveryState::waiting) {
        delivery.retry_at = clock_.wall() + std::chrono::duration_cast<std::chrono::milliseconds>(verdict.delay);
        waiting_.push({now + verdict.delay, delivery.id});
    }
    job_.batch.deliveries.push_back(delivery);
    if (verdict.state == DeliveryState::done) proceed(work.recipient.id, now);
}

/// After a delivery ended: fail over, or close the recipient. The next delivery is written together with the end of the
/// one before, so that a crash between them cannot make a recipient look untouched.
void CampaignRun::proceed(std::int64_t recipient, TimePoint now) {
    Work& work = working_.at(recipient);
    const RouteMove move = next_move(steps_, work.recipient, work.deliveries, campaign_.purpose);
    for (const DeliveryId id : move.start) {
        LedgerDelivery next;
        next.id = id;
        next.state = DeliveryState::waiting;
        next.retry_at = clock_.wall();
        work.deliveries.push_back(next);
        job_.batch.deliveries.push_back(next);
        waiting_.push({now, id});
    }
    if (move.finished) finish_recipient(recipient, move.outcome);
}

void CampaignRun::finish_recipient(std::int64_t recipient, Final outcome) {
    job_.batch.finals.push_back({recipient, outcome});
    for (const LedgerDelivery& delivery : working_.at(recipient).deliveries) excused_.erase(delivery.id);
    unwritten_.closed(recipient, job_number_);
    working_.erase(recipient);
}

}  // namespace tidegate::delivery
