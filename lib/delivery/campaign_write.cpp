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
constexpr double longest_turn = 2.0;  // seconds
constexpr const char* too_late = "no longer allowed when it was durable";

}  // namespace

bool CampaignRun::write() {
    const TimePoint now = clock_.now();
    if (disk_given_up_.load()) {
        drop_held();
        return false;
    }
    const bool moved = hand_over_held();
    if (disk_trouble_.load() && now < disk_retry_at_) return moved;
    std::optional<WriteJob> job = outbox_.take();
    if (!job) return moved;
    if (Result<void> written = ledger_->commit(job->batch); !written) {
        commit_failed(std::move(*job), written.error());
        return moved;
    }
    if (disk_trouble_.exchange(false)) log_.info("campaign " + campaign_.id + ": the ledger can be written again");
    committed(*job);
    hand_over(*job);
    const bool last = job->last;
    outbox_.finished();
    if (last) {
        drop_held();
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
    written_ = job.number;
    const std::lock_guard lock(mutex_);
    auto& outcomes = totals_.outcomes;
    for (const Final before : job.reopened) {
        --outcomes[static_cast<std::size_t>(before)];
        ++outcomes[static_cast<std::size_t>(Final::pending)];
    }
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
    if (job.night_falls) night_falls_ = job.night_falls;
    stale = stale || night_has_fallen();
    std::map<Account*, std::vector<Attempt>> parts;
    for (auto& [account, attempt] : job.attempts) {
        const std::size_t index = account_of(attempt.delivery);
        if (paced_at_hand_off(index)) {
            valves_[index].hold(std::move(attempt), job.made_at);
        } else {
            parts[account].push_back(std::move(attempt));
        }
    }
    for (auto& [account, attempts] : parts) {
        if (stale || !leased(account_of(attempts.front().delivery))) {
            keep_back(*account, attempts, too_late);
        } else {
            submit(*account, attempts);
        }
    }
    hand_over_held();
}

void CampaignRun::submit(Account& account, const std::vector<Attempt>& attempts) {
    try {
        account.channel().submit(attempts, [self = shared_from_this()](DeliveryId id, Outcome outcome) {
            self->answer(id, std::move(outcome));
        });
    } catch (...) {
        log_.error("channel " + account.name() + " threw; what it was handed is in doubt");
        for (const Attempt& attempt : attempts) answer(attempt.delivery, ambiguous("the channel threw"));
    }
    account.submitted(attempts.size());
}

void CampaignRun::keep_back(Account& account, const std::vector<Attempt>& attempts, const char* why) {
    account.submitted(attempts.size());
    for (const Attempt& attempt : attempts) answer(attempt.delivery, not_sent(why), true);
}

/// The rate that may be used this very instant; nothing once nothing may leave any more.
std::optional<Rate> CampaignRun::leased(std::size_t account) const {
    {
        const std::lock_guard lock(mutex_);
        if (aborted_ || paused_ || stop_deadline_ || failed_) return std::nullopt;
    }
    const std::lock_guard lock(pace_mutex_);
    if (!shared_) return leases_[account].rate;
    const TimePoint now = clock_.now();
    const Allowance& allowance = pacer_.allowance();
    if (now >= allowance.expires || allowance.rate.per_second <= 0 || !live(leases_[account], now)) return std::nullopt;
    return leases_[account].rate;
}

/// Lets through what waits for its turn; what may not leave any more goes back to the feeder.
bool CampaignRun::hand_over_held() {
    if (!shared_) {
        if (night_has_fallen()) night_falls_.reset();
        return false;
    }
    bool moved = false;
    const bool night = night_has_fallen();
    for (std::size_t i = 0; i < valves_.size(); ++i) {
        Valve& valve = valves_[i];
        Account& account = *accounts_[i];
        std::size_t room = 0;
        try {
            room = valve.held() > 0 ? account.channel().capacity() : 0;
        } catch (...) {
            log_.error("channel " + account.name() + " threw when it was asked how much it can take");
        }
        // After the host's code has had its time: the lease has to live when the message goes.
        const std::optional<Rate> rate = night ? std::nullopt : leased(i);
        const TimePoint now = clock_.now();
        // A slow rate needs longer for one message than anything else may wait.
        const double one = rate && rate->per_second > 0 ? std::min(1 / rate->per_second, longest_turn) : 0.0;
        const std::vector<Attempt> late = rate ? valve.overdue(after(now - decided_lately, -one)) : valve.all();
        const std::vector<Attempt> next = valve.pass(rate.value_or(Rate{0}), room, now);
        backlog_[i] -= late.size() + next.size();
        if (!late.empty()) keep_back(account, late, too_late);
        if (!next.empty()) submit(account, next);
        moved = moved || !late.empty() || !next.empty();
    }
    if (night) night_falls_.reset();  // what comes from now on was released by night
    return moved;
}

/// For advertisements released by day that have not been handed over.
bool CampaignRun::night_has_fallen() const {
    return night_falls_ && clock_.wall() >= *night_falls_;
}

bool CampaignRun::holds_back() const {
    return std::any_of(valves_.begin(), valves_.end(), [](const Valve& valve) { return valve.held() > 0; });
}

/// The run is over: what waits here is in doubt on disk and never leaves.
void CampaignRun::drop_held() {
    for (std::size_t i = 0; i < valves_.size(); ++i) {
        const std::size_t dropped = valves_[i].all().size();
        backlog_[i] -= dropped;
        accounts_[i]->submitted(dropped);
    }
}

void CampaignRun::answer(DeliveryId id, Outcome outcome, bool ours) {
    {
        const std::lock_guard lock(answers_mutex_);
        answers_.push_back({id, std::move(outcome), ours});
    }
    wake_feeder_();
}

}  // namespace tidegate::delivery
