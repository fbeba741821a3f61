// The feeder's rooms of a run: it walks the audience, releases what may go, and settles answers. Everything it decides
// lands in one job, which the writer makes durable before anything leaves.

#include <algorithm>
#include <cmath>

#include "delivery/campaign_run.hpp"
#include "net/crypto.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::delivery {

namespace {

constexpr std::size_t batch_limit = 500;        // design: a batch is at most 500 messages
constexpr std::size_t look_ahead = 512;         // recipients read before they are needed
constexpr std::size_t working_limit = 20000;    // recipients under way or waiting for a retry; bounds memory
constexpr auto hours_valid = std::chrono::seconds(1);
constexpr auto lists_valid = std::chrono::seconds(5);   // a refusal counts within that time
constexpr auto ask_again = std::chrono::seconds(1);     // after a callback of the host's failed
constexpr auto wind_up = std::chrono::seconds(20);      // for what is in flight when a run ends by itself

}  // namespace

bool CampaignRun::feed() {
    const TimePoint now = clock_.now();
    if (disk_given_up_.load()) {
        if (!ended()) let_go();
        return false;
    }
    if (last_pushed_) return false;
    {
        const std::lock_guard lock(pace_mutex_);
        if (!green_) cohort_clock_.disturbed(now);
    }
    take_answers(now);
    std::size_t moved = 0;
    const bool free = !ending_ && may_release(now);
    if (free) {
        wake_waiting(now);
        walk(now);
    }
    hungry_ = free && ready_count() > 0;
    if (free && !ending_) {
        moved = release(now);
        move_on(now);
    }
    check_end(now);
    flush(now);
    return moved > 0;
}

// ---- what the last run left

void CampaignRun::adopt_open_deliveries(std::vector<std::pair<LedgerDelivery, LedgerRecipient>> open) {
    const TimePoint now = clock_.now();
    const WallTime wall = clock_.wall();
    for (auto& [delivery, recipient] : open) {
        Work& work = working_[recipient.id];
        if (work.recipient.id == 0) {
            work.recipient = recipient;
            adopted_.insert(recipient.id);
            Result<std::vector<LedgerDelivery>> all = ledger_->of(recipient.id);
            if (all) work.deliveries = std::move(*all);
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
            const double wait = delivery.retry_at ? Seconds(*delivery.retry_at - wall).count() : 0.0;
            waiting_.push({after(now, std::max(0.0, wait)), delivery.id});
        }
    }
}

bool CampaignRun::repeats_merge(DeliveryId id) const {
    const ChannelTraits& traits = steps_[step_of(id)].traits;
    return traits.idempotent || (traits.collapsible && !campaign_.message.collapse.empty());
}

// ---- answers

void CampaignRun::take_answers(TimePoint now) {
    std::vector<std::pair<DeliveryId, Outcome>> answers;
    {
        const std::lock_guard lock(answers_mutex_);
        answers.swap(answers_);
    }
    for (const auto& [id, answer] : answers) settle(id, answer, now);
}

void CampaignRun::settle(DeliveryId id, const Outcome& answer, TimePoint now) {
    Work* work = work_of(id);
    LedgerDelivery* delivery = work != nullptr ? delivery_of(*work, id) : nullptr;
    // A channel of the host's that completes twice, or late, changes nothing.
    if (delivery == nullptr || delivery->state != DeliveryState::intended) return;
    const std::size_t index = account_of(id);
    --in_doubt_;
    job_.settled.emplace_back(accounts_[index], 1);

    ChannelTally tally{accounts_[index]->name(), accounts_[index]->traits().kind, {}};
    tally.answers[static_cast<std::size_t>(answer.kind)] = 1;
    job_.batch.tallies.push_back(std::move(tally));

    delivery->last = answer;
    const Verdict verdict =
        judge(answer, delivery->attempts, campaign_.on_unknown, repeats_merge(id), RetryOptions{}, rng_.uniform());
    brakes_[index].record(answer, now);
    if (std::optional<std::string> why = breakers_[index].record(answer); why && !guard_) {
        guard_ = "channel " + accounts_[index]->name() + ": " + *why;
    }
    apply(*work, *delivery, verdict, now);
}

/// The deliveries of one recipient become durable together: one row alone would make the others look finished, or the
/// recipient untouched, to the next run.
void CampaignRun::anchor(Work& work, DeliveryId first) {
    for (LedgerDelivery& other : work.deliveries) {
        const bool in_memory_only = other.state == DeliveryState::waiting && other.attempts == 0 && !other.retry_at;
        if (other.id == first || !in_memory_only) continue;
        other.retry_at = clock_.wall();
        job_.batch.deliveries.push_back(other);
    }
}

void CampaignRun::apply(Work& work, LedgerDelivery& delivery, const Verdict& verdict, TimePoint now) {
    anchor(work, delivery.id);
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
    working_.erase(recipient);
}

// ---- releasing

bool CampaignRun::may_release(TimePoint now) {
    const WallTime wall = clock_.wall();
    std::string reason;
    {
        const std::lock_guard lock(mutex_);
        if (aborted_ || stop_deadline_) return false;
        if (paused_) reason = "paused by the operator";
    }
    if (reason.empty() && campaign_.starts && wall < *campaign_.starts) {
        reason = "starts at " + format_local(*campaign_.starts, campaign_.zone).value_or(format_wall_time(*campaign_.starts));
    }
    if (campaign_.deadline && wall >= *campaign_.deadline) return false;
    if (reason.empty() && disk_trouble_.load()) reason = "the ledger cannot be written";
    if (reason.empty() && suppression_unreadable_.load()) reason = "the suppression list cannot be read";
    if (reason.empty() && !suppression_.empty() && now - lists_read_.load() > lists_valid) {
        reason = "the suppression list was not read again in time";
    }
    if (reason.empty() && (hours_checked_ == WallTime{} || wall - hours_checked_ >= hours_valid || wall < hours_checked_)) {
        Result<Hours> hours = hours_at(wall, campaign_.zone);
        if (!hours) {
            reason = hours.error().text();
        } else {
            hours_ = *hours;
            hours_checked_ = wall;
        }
    }
    const bool free = reason.empty();
    note_reason(std::move(reason));
    return free;
}

void CampaignRun::wake_waiting(TimePoint now) {
    while (!waiting_.empty() && waiting_.top().due <= now) {
        const DeliveryId id = waiting_.top().id;
        waiting_.pop();
        if (work_of(id) != nullptr) ready_[account_of(id)].push_back(id);
    }
}

std::size_t CampaignRun::ready_count() const {
    std::size_t count = 0;
    for (const auto& queue : ready_) count += queue.size();
    return count;
}

/// Some account could send more than is at hand for it. One that is blocked or slow must not keep the others waiting.
bool CampaignRun::wants_more() const {
    for (std::size_t i = 0; i < accounts_.size(); ++i) {
        if (ready_[i].size() < look_ahead / accounts_.size() && account_room(i) > 0) return true;
    }
    return false;
}

std::size_t CampaignRun::account_room(std::size_t index) const {
    try {
        return accounts_[index]->room();
    } catch (...) {
        return 0;  // a channel of the host's that cannot even tell is not sent to
    }
}

void CampaignRun::walk(TimePoint now) {
    if (walk_ended_ || !wants_more() || working_.size() >= working_limit) return;
    if (limit_ != 0 && begun_ >= limit_) return;
    Result<std::vector<LedgerRecipient>> found = ledger_->walk(cursor_, look_ahead);
    if (!found) {
        begin_ending(RunState::incomplete, 5, "the ledger cannot be read: " + found.error().text(), now + wind_up);
        return;
    }
    walk_ended_ = found->empty();
    for (LedgerRecipient& recipient : *found) {
        if (limit_ != 0 && begun_ >= limit_) return;
        cursor_ = {recipient.cohort, recipient.shard, recipient.id};
        // An adopted one may have ended by now without the disk knowing yet: met again here it would be sent twice.
        const bool known = working_.contains(recipient.id) || adopted_.contains(recipient.id);
        if (recipient.outcome == Final::pending && !known) admit(std::move(recipient));
    }
}

void CampaignRun::admit(LedgerRecipient recipient) {
    const std::int64_t id = recipient.id;
    ++begun_;
    if (refused(recipient.person) == true) {
        job_.batch.finals.push_back({id, Final::suppressed});
        return;
    }
    const Eligibility may = eligible(recipient.person, campaign_.purpose, hours_, clock_.wall());
    if (may.kind == Eligibility::Kind::skip) {
        job_.batch.finals.push_back({id, may.outcome});
        return;
    }
    if (may.kind == Eligibility::Kind::wait) {
        pass_over(id, may.until);
        return;
    }
    const RouteMove move = next_move(steps_, recipient, {}, campaign_.purpose);
    if (move.finished) {
        job_.batch.finals.push_back({id, move.outcome});
        return;
    }
    Work work{std::move(recipient), {}};
    for (const DeliveryId delivery : move.start) {
        LedgerDelivery fresh;
        fresh.id = delivery;
        fresh.state = DeliveryState::waiting;
        work.deliveries.push_back(fresh);
        ready_[account_of(delivery)].push_back(delivery);
    }
    working_.emplace(id, std::move(work));
}

/// The recipient stays pending in the ledger and is met again when the walk begins anew.
void CampaignRun::pass_over(std::int64_t recipient, WallTime until) {
    --begun_;
    passed_over_ = true;
    passed_over_until_ = passed_over_until_ ? std::min(*passed_over_until_, until) : until;
    working_.erase(recipient);
}

std::size_t CampaignRun::release(TimePoint now) {
    std::size_t tokens = 0;
    std::vector<Lease> leases;
    {
        const std::lock_guard lock(pace_mutex_);
        tokens = pacer_.take(std::min(batch_limit, ready_count()), now);
        leases = leases_;
    }
    if (tokens == 0) return 0;

    std::size_t gone = 0;
    for (std::size_t i = 0; i < accounts_.size() && gone < tokens; ++i) {
        const std::size_t index = (turn_ + i) % accounts_.size();
        Account& account = *accounts_[index];
        TokenBucket& bucket = buckets_[index];
        const Rate leased = now < leases[index].expires ? leases[index].rate : Rate{0};
        if (bucket.rate() != leased) bucket.set_rate(leased, now);
        std::deque<DeliveryId>& queue = ready_[index];
        while (gone < tokens && !queue.empty() && brakes_[index].passes(now) && account_room(index) > 0 &&
               bucket.take(1, now) == 1) {
            const DeliveryId id = queue.front();
            queue.pop_front();
            if (try_release(id, account, now) == Gone::released) {
                ++gone;
                brakes_[index].passed(now);
            } else {
                bucket.give_back(1);
            }
        }
    }
    ++turn_;
    {
        const std::lock_guard lock(pace_mutex_);
        if (gone < tokens) pacer_.give_back(tokens - gone);
        if (gone > 0) committed_.add(static_cast<double>(gone), now);
    }
    if (gone > 0) {
        cohort_clock_.released(now);
        last_release_ = now;
        released_ += gone;
    }
    return gone;
}

CampaignRun::Gone CampaignRun::try_release(DeliveryId id, Account& account, TimePoint now) {
    Work* work = work_of(id);
    LedgerDelivery* delivery = work != nullptr ? delivery_of(*work, id) : nullptr;
    if (delivery == nullptr || delivery->state != DeliveryState::waiting) return Gone::dropped;
    const std::int64_t recipient = work->recipient.id;
    const WallTime wall = clock_.wall();

    const std::vector<std::string> addresses = addresses_for(work->recipient.person, account.traits());
    if (address_of(id) >= addresses.size()) {
        apply(*work, *delivery, {DeliveryState::done, Final::no_address, {}}, now);
        return Gone::dropped;
    }
    const std::string& address = addresses[address_of(id)];
    const std::optional<bool> person_refused = refused(work->recipient.person);
    const std::optional<bool> address_refused = listed(address);
    if (!person_refused || !address_refused) {
        waiting_.push({now + ask_again, id});
        return Gone::wait;
    }
    if (*person_refused) {
        skip_recipient(recipient, Final::suppressed);
        return Gone::dropped;
    }
    if (*address_refused) {
        apply(*work, *delivery, {DeliveryState::done, Final::suppressed, {}}, now);
        return Gone::dropped;
    }
    const Eligibility may = eligible(work->recipient.person, campaign_.purpose, hours_, wall);
    if (may.kind == Eligibility::Kind::skip) {
        skip_recipient(recipient, may.outcome);
        return Gone::dropped;
    }
    if (may.kind == Eligibility::Kind::wait) {
        const bool untouched = std::all_of(work->deliveries.begin(), work->deliveries.end(), [](const LedgerDelivery& d) {
            return d.state == DeliveryState::waiting && d.attempts == 0 && !d.retry_at;
        });
        if (untouched) {
            pass_over(recipient, may.until);
        } else {
            waiting_.push({after(now, Seconds(may.until - wall).count()), id});
        }
        return Gone::wait;
    }
    const auto ttl = campaign_.message.ttl;
    if (ttl && delivery->attempts > 0 && wall > delivery->intended_at + *ttl) {
        apply(*work, *delivery, {DeliveryState::done, Final::expired, {}}, now);
        return Gone::dropped;
    }

    Attempt attempt = make_attempt(*work, *delivery, address);
    Result<void> form;
    try {
        form = account.channel().check(attempt);
    } catch (...) {
        log_.error("channel " + account.name() + ": its check threw; the message waits");
        waiting_.push({now + ask_again, id});
        return Gone::wait;
    }
    if (!form) {
        refuse_locally(*work, *delivery, account, form.error(), now);
        return Gone::dropped;
    }
    anchor(*work, id);

    CohortRecord& cohort = cohorts_[std::min<std::size_t>(work->recipient.cohort, cohorts_.size() - 1)];
    if (!cohort.started_at) {
        cohort.started_at = wall;
        job_.batch.cohorts.push_back(cohort);
    }
    if (delivery->attempts == 0) {
        ++cohort.released;
        delivery->intended_at = wall;
    }
    delivery->state = DeliveryState::intended;
    delivery->attempts = attempt.number;
    delivery->retry_at.reset();
    ++in_doubt_;
    ++job_.batch.attempts;
    job_.batch.deliveries.push_back(*delivery);
    job_.attempts.emplace_back(&account, std::move(attempt));
    account.intended(1);
    return Gone::released;
}

Attempt CampaignRun::make_attempt(const Work& work, const LedgerDelivery& delivery, const std::string& address) const {
    Attempt attempt;
    attempt.delivery = delivery.id;
    attempt.number = delivery.attempts + 1;
    attempt.campaign = campaign_.id;
    attempt.id = net::uuid_of(campaign_.id + '/' + std::to_string(delivery.id) + '/' + std::to_string(attempt.number));
    attempt.key = work.recipient.person.key;
    attempt.address = address;
    attempt.message = message_.render(work.recipient.person.fields);
    attempt.purpose = campaign_.purpose;
    if (campaign_.message.ttl) {
        const WallTime first = delivery.attempts == 0 ? clock_.wall() : delivery.intended_at;
        attempt.expires = first + std::chrono::duration_cast<std::chrono::milliseconds>(*campaign_.message.ttl);
    }
    return attempt;
}

/// The message can be seen not to fit the provider: it is refused here, at no cost to the account.
void CampaignRun::refuse_locally(Work& work, LedgerDelivery& delivery, Account& account, const Error& why, TimePoint now) {
    const bool address_only = why.code == Errc::invalid;
    delivery.last = Outcome{};
    delivery.last.kind = address_only ? OutcomeClass::invalid_recipient : OutcomeClass::rejected;
    delivery.last.reason = address_only ? Reason::malformed : Reason::payload;
    delivery.last.text = why.what;
    const std::size_t index = account_of(delivery.id);
    if (std::optional<std::string> trip = breakers_[index].record(delivery.last); trip && !guard_) {
        guard_ = "channel " + account.name() + ": " + *trip;
    }
    apply(work, delivery, {DeliveryState::done, address_only ? Final::invalid : Final::rejected, {}}, now);
}

void CampaignRun::skip_recipient(std::int64_t recipient, Final outcome) {
    Work& work = working_.at(recipient);
    Final best = Final::pending;
    bool under_way = false;
    for (LedgerDelivery& delivery : work.deliveries) {
        under_way = under_way || delivery.state == DeliveryState::intended;
        if (delivery.state == DeliveryState::waiting) {
            const bool on_disk = delivery.attempts > 0 || delivery.retry_at.has_value();
            delivery.state = DeliveryState::done;
            delivery.outcome = outcome;
            delivery.retry_at.reset();
            if (on_disk) job_.batch.deliveries.push_back(delivery);
        }
        best = best == Final::pending ? delivery.outcome : better(best, delivery.outcome);
    }
    // With an answer still to come, `proceed` closes the recipient when it is there.
    if (!under_way) finish_recipient(recipient, best == Final::pending ? outcome : best);
}

/// Whether a list names this identity; nothing when a list of the host's cannot tell, which holds the campaign.
std::optional<bool> CampaignRun::listed(const std::string& identity) {
    try {
        return std::any_of(suppression_.begin(), suppression_.end(),
                           [&](const auto& source) { return source->suppressed(identity); });
    } catch (...) {
        suppression_unreadable_ = true;
        return std::nullopt;
    }
}

/// Whether the person has refused: by key, and for advertisements by any of their addresses, since somebody who gave a
/// phone number to be left alone did not mean the phone only.
std::optional<bool> CampaignRun::refused(const Recipient& person) {
    std::optional<bool> found = listed(person.key);
    if (campaign_.purpose != Purpose::advertising) return found;
    for (const Address& address : person.addresses) {
        if (!found || *found) break;
        found = listed(address.value);
    }
    return found;
}

// ---- cohorts and the end

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
        note_reason(cohort_clock_.in_canary() ? next + " waits for the canary's response"
                    : wait > 0                ? next + " starts in " +
                                         format_duration(std::chrono::seconds(std::llround(std::ceil(wait))))
                                              : next + " is about to start");
        return;
    }
    cohort_clock_.advance(now);
    cursor_ = {cohort_clock_.current(), 0, 0};
    walk_ended_ = false;
}

void CampaignRun::check_end(TimePoint now) {
    if (ending_) {
        {
            const std::lock_guard lock(mutex_);
            if (aborted_) ending_ = RunResult{RunState::aborted, 3, "aborted by the operator"};
            if (stop_deadline_) ending_deadline_ = std::min(ending_deadline_, *stop_deadline_);
        }
        const bool quiet = in_doubt_ == 0 && outbox_.idle() && job_.batch.deliveries.empty();
        if (!quiet && now < ending_deadline_) return;
        const bool all_on_disk = outbox_.idle() && job_.batch.finals.empty();
        if (all_on_disk && working_.empty() && pending() == 0 && ending_->state != RunState::aborted) {
            ending_ = RunResult{RunState::completed, 0, "every recipient has a final outcome"};
        }
        job_.batch.meta.emplace_back("state", std::string(to_string(ending_->state)));
        job_.batch.meta.emplace_back("why", ending_->why);
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
        lock.unlock();
        if (aborted) return begin_ending(RunState::aborted, 3, "aborted by the operator", soon);
        if (stop) return begin_ending(RunState::stopped, 3, why, *stop);
    }
    if (guard_) return begin_ending(RunState::incomplete, 4, *guard_, soon);

    const bool all_on_disk = outbox_.idle() && job_.batch.finals.empty();
    if (walked_all_ && passed_over_) return check_passed_over(wall, all_on_disk, soon);
    const bool nothing_open = working_.empty() && all_on_disk;
    if (nothing_open && pending() == 0) {
        if (now < last_release_ + watch_after_) return note_reason("all sent; watching the backends");
        return begin_ending(RunState::completed, 0, "every recipient has a final outcome", soon);
    }
    if (limit_ != 0 && begun_ >= limit_ && nothing_open && ready_count() == 0) {
        return begin_ending(RunState::incomplete, 4, "the limit of " + std::to_string(limit_) + " recipients is reached", soon);
    }
    if (campaign_.deadline && wall >= *campaign_.deadline) {
        begin_ending(RunState::incomplete, 4, "the deadline has passed with recipients pending", soon);
    }
}

/// Everyone who may be sent to now has been; some wait for the morning and are met in a new walk.
void CampaignRun::check_passed_over(WallTime wall, bool all_on_disk, TimePoint soon) {
    const std::string when = format_local(*passed_over_until_, campaign_.zone).value_or("later");
    if (campaign_.deadline && *passed_over_until_ >= *campaign_.deadline && working_.empty()) {
        return begin_ending(RunState::incomplete, 4, "quiet hours until " + when + ", after the deadline", soon);
    }
    if (campaign_.deadline && wall >= *campaign_.deadline) {
        return begin_ending(RunState::incomplete, 4, "the deadline has passed with recipients pending", soon);
    }
    if (wall < *passed_over_until_) return note_reason("quiet hours until " + when);
    if (!all_on_disk) return;
    passed_over_ = walked_all_ = walk_ended_ = false;
    passed_over_until_.reset();
    cohort_clock_.restart(clock_.now(), mostly_released(cohorts_));
    cursor_ = {};
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
    working_.clear();
    adopted_.clear();
    ready_.assign(ready_.size(), {});
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
    outbox_.push(std::move(job_));
    job_ = {};
    wake_writer_();
}

CampaignRun::Work* CampaignRun::work_of(DeliveryId id) {
    const auto found = working_.find(recipient_of(id));
    return found == working_.end() ? nullptr : &found->second;
}

LedgerDelivery* CampaignRun::delivery_of(Work& work, DeliveryId id) {
    const auto found = std::find_if(work.deliveries.begin(), work.deliveries.end(),
                                    [id](const LedgerDelivery& delivery) { return delivery.id == id; });
    return found == work.deliveries.end() ? nullptr : &*found;
}

}  // namespace tidegate::delivery
