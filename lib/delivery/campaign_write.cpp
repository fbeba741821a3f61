// The writer's rooms of a run: what is intended becomes durable here, and only then leaves.

#include <algorithm>
#include <exception>
#include <map>

#include "delivery/campaign_run.hpp"

namespace tidegate::delivery {

namespace {

constexpr auto disk_grace = std::chrono::seconds(30);
constexpr auto decided_lately = std::chrono::seconds(1);
constexpr auto disk_retry = std::chrono::milliseconds(500);

}  // namespace

bool CampaignRun::write() {
    const TimePoint now = clock_.now();
    if (disk_trouble_.load() && now < disk_retry_at_) return false;
    if (disk_given_up_.load()) return false;
    std::optional<WriteJob> job = outbox_.take();
    if (!job) return false;
    if (Result<void> written = ledger_->commit(job->batch); !written) {
        commit_failed(std::move(*job), written.error());
        return false;
    }
    if (disk_trouble_.exchange(false)) log_.info("campaign " + campaign_.id + ": the ledger can be written again");
    committed(*job);
    hand_over(*job);
    const bool last = job->last;
    outbox_.finished();
    if (last) {
        ledger_.reset();  // the next run of this campaign may begin while somebody still holds the handle
        finish(*ending_);
    }
    wake_feeder_();
    return true;
}

void CampaignRun::commit_failed(WriteJob job, const Error& error) {
    const TimePoint now = clock_.now();
    const bool fresh = !disk_trouble_.exchange(true);
    if (fresh) {
        disk_trouble_since_ = now;
        log_.error("campaign " + campaign_.id +
                   ": nothing more is sent, the ledger cannot be written: " + error.text());
    }
    disk_retry_at_ = now + disk_retry;
    bool hurry = false;
    {
        const std::lock_guard lock(mutex_);
        disk_error_ = error.text();
        hurry = stop_deadline_ && now >= *stop_deadline_;
    }
    outbox_.put_back(std::move(job));
    if (hurry || now - disk_trouble_since_ > disk_grace) {
        disk_given_up_ = true;  // the feeder ends the run
    }
    wake_feeder_();
}

void CampaignRun::committed(const WriteJob& job) {
    for (const auto& [account, attempts] : job.settled) account->settled(attempts);
    const std::lock_guard lock(mutex_);
    auto& outcomes = totals_.outcomes;
    for (const RecipientFinal& recipient : job.batch.finals) {
        --outcomes[static_cast<std::size_t>(Final::pending)];
        ++outcomes[static_cast<std::size_t>(recipient.outcome)];
    }
    for (const LedgerDelivery& delivery : job.batch.deliveries) {
        const bool first_try = delivery.state == DeliveryState::intended && delivery.attempts == 1;
        const bool never_tried = delivery.state == DeliveryState::done && delivery.attempts == 0;
        if (first_try || never_tried) ++totals_.deliveries;
    }
    totals_.attempts += job.batch.attempts;
    totals_.elapsed_s += job.batch.elapsed_s;
}

void CampaignRun::hand_over(WriteJob& job) {
    if (job.attempts.empty()) return;
    // A commit can take long. What was allowed then is not allowed now if the allowance ran out or a stop came between.
    bool stale = false;
    {
        const std::lock_guard lock(pace_mutex_);
        const TimePoint now = clock_.now();
        const Allowance& allowance = pacer_.allowance();
        stale = now - job.made_at > decided_lately || now >= allowance.expires || allowance.rate.per_second <= 0;
    }
    {
        const std::lock_guard lock(mutex_);
        stale = stale || aborted_ || paused_ || stop_deadline_.has_value();
    }
    std::map<Account*, std::vector<Attempt>> parts;
    for (auto& [account, attempt] : job.attempts) parts[account].push_back(std::move(attempt));
    for (auto& [account, attempts] : parts) {
        if (stale) {
            account->submitted(attempts.size());
            for (const Attempt& attempt : attempts)
                answer(attempt.delivery, not_sent("no longer allowed when it was durable"));
            continue;
        }
        try {
            account->channel().submit(attempts, [self = shared_from_this()](DeliveryId id, Outcome outcome) {
                self->answer(id, std::move(outcome));
            });
        } catch (...) {
            log_.error("channel " + account->name() + " threw; what it was handed is in doubt");
            for (const Attempt& attempt : attempts) answer(attempt.delivery, ambiguous("the channel threw"));
        }
        account->submitted(attempts.size());
    }
}

void CampaignRun::answer(DeliveryId id, Outcome outcome) {
    {
        const std::lock_guard lock(answers_mutex_);
        answers_.emplace_back(id, std::move(outcome));
    }
    wake_feeder_();
}

}  // namespace tidegate::delivery
