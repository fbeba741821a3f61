// The feeder's rooms of a run: it walks the audience, releases what may go, and settles answers. Everything it decides
// lands in one job, which the writer makes durable before anything leaves.

#include <algorithm>
#include <cmath>

#include "delivery/campaign_run.hpp"
#include "net/crypto.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::delivery {

namespace {

constexpr std::size_t batch_limit = 500;      // design: a batch is at most 500 messages
constexpr std::size_t look_ahead = 512;       // recipients read before they are needed
constexpr std::size_t working_limit = 20000;  // recipients under way or waiting for a retry; bounds memory
constexpr auto hours_valid = std::chrono::seconds(1);
constexpr auto lists_valid = std::chrono::seconds(5);    // a refusal counts within that time
constexpr auto gather = std::chrono::milliseconds(100);  // of grant, into one vendor request
constexpr auto ask_again = std::chrono::seconds(1);      // after a callback of the host's failed

}  // namespace

bool CampaignRun::feed() {
    const TimePoint now = clock_.now();
    if (disk_given_up_.load()) {
        if (!ended()) let_go();
        return false;
    }
    if (last_pushed_) return false;
    take_answers(now);
    if (!ending_) take_reports(now);
    watch_canary(now);
    std::size_t moved = 0;
    const bool free = !ending_ && may_release(now);
    if (free) {
        wake_waiting(now);
        walk(now);
    }
    // What was gathered or has just been closed still needs the pace it was released under when it is handed over.
    const bool gathering =
        std::any_of(batches_.begin(), batches_.end(), [](const Batch& batch) { return !batch.attempts.empty(); }) ||
        now - batch_closed_ < gather * 2;
    hungry_ = free && (ready_count() > 0 || gathering || backlog() > 0);
    if (free && !ending_) {
        moved = release(now);
        go_around(now);
        move_on(now);
        if (night_ends_ && hours_.night && noted_.empty()) note_reason(words_for_night());
    } else if (shared_) {
        note_appetites({}, now);
    }
    close_batches(now);
    check_end(now);
    publish_reason();
    flush(now);
    return moved > 0;
}

bool CampaignRun::may_release(TimePoint now) {
    const WallTime wall = clock_.wall();
    std::string reason;
    {
        const std::lock_guard lock(mutex_);
        if (aborted_ || stop_deadline_ || failed_) return false;
        if (paused_) reason = "paused by " + ordered_by_;
    }
    if (reason.empty() && campaign_.starts && wall < *campaign_.starts) {
        reason = "starts at " +
                 format_local(*campaign_.starts, campaign_.zone).value_or(format_wall_time(*campaign_.starts));
    }
    if (campaign_.deadline && wall >= *campaign_.deadline) return false;
    if (reason.empty() && disk_trouble_.load()) reason = "the ledger cannot be written";
    if (reason.empty() && suppression_unreadable_.load()) reason = "the suppression list cannot be read";
    if (reason.empty() && !suppression_.empty() && now - lists_read_.load() > lists_valid) {
        reason = "the suppression list was not read again in time";
    }
    if (reason.empty() && (hours_checked_ == WallTime{} || wall - hours_checked_ >= hours_valid ||
                           wall < hours_checked_ || wall >= hours_.until)) {
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
        const bool known =
            working_.contains(recipient.id) || adopted_.contains(recipient.id) || unwritten_.contains(recipient.id);
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
    night_ends_ = until;
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
    std::vector<Served> served(accounts_.size());
    if (tokens == 0) {
        for (std::size_t i = 0; i < served.size(); ++i) served[i].held_back = !ready_[i].empty();
        if (shared_) note_appetites(served, now);
        return 0;
    }

    std::size_t gone = 0;
    for (std::size_t i = 0; i < accounts_.size() && gone < tokens; ++i) {
        const std::size_t index = (turn_ + i) % accounts_.size();
        Account& account = *accounts_[index];
        const Rate leased = live(leases[index], now) ? leases[index].rate : Rate{0};
        if (buckets_[index].rate() != leased) buckets_[index].set_rate(leased, now);
        std::deque<DeliveryId>& queue = ready_[index];
        while (gone < tokens && !queue.empty() && account.brake().passes(now) && account_room(index) > 0) {
            if (!may_decide(index, leased, now)) {
                served[index].held_back = true;
                break;
            }
            const DeliveryId id = queue.front();
            queue.pop_front();
            if (try_release(id, account, now) == Gone::released) {
                ++gone;
                ++served[index].released;
                account.brake().passed({this, id}, now);
            } else if (!paced_at_hand_off(index)) {
                buckets_[index].give_back(1);
            }
        }
        if (gone == tokens && !queue.empty()) served[index].held_back = true;
        if (!queue.empty() && !account.brake().passes(now)) {
            note_reason("channel " + account.name() + ": " + account.brake().words(now));
        }
    }
    if (shared_) note_appetites(served, now);
    ++turn_;
    {
        const std::lock_guard lock(pace_mutex_);
        if (gone < tokens) pacer_.give_back(tokens - gone);
        if (gone > 0) reaction_.grant(static_cast<double>(gone), now);
    }
    if (gone > 0) {
        cohort_clock_.released(now);
        canary_gate_.begin(now);
        last_release_ = now;
        released_ += gone;
    }
    return gone;
}

/// A vendor's request is charged when it is gathered; single messages under a shared lease when they leave.
bool CampaignRun::paced_at_hand_off(std::size_t account) const {
    return shared_ && accounts_[account]->traits().batch_limit <= 1;
}

/// Whether one more message of the account may become durable now. Where the valve paces, as many as it lets through
/// while they are being written, so that it never waits for the disk.
bool CampaignRun::may_decide(std::size_t account, Rate leased, TimePoint now) {
    if (!paced_at_hand_off(account)) return buckets_[account].take(1, now) == 1;
    if (!(leased.per_second > 0)) return false;
    const double ahead = leased.per_second * Seconds(gather).count();
    return static_cast<double>(backlog_[account].load()) < std::max(1.0, ahead);
}

std::size_t CampaignRun::backlog() const {
    std::size_t all = 0;
    for (const auto& account : backlog_) all += account.load();
    return all;
}

void CampaignRun::note_appetites(const std::vector<Served>& served, TimePoint now) {
    for (std::size_t i = 0; i < accounts_.size(); ++i) {
        const Served mine = i < served.size() ? served[i] : Served{};
        const bool work = !served.empty() && (!ready_[i].empty() || mine.released > 0 || backlog_[i].load() > 0 ||
                                              !batches_[i].attempts.empty());
        appetites_[i].note(mine.released, work, mine.held_back, now);
        could_use_[i] = appetites_[i].now(now);
    }
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
        const bool untouched =
            std::all_of(work->deliveries.begin(), work->deliveries.end(), [](const LedgerDelivery& d) {
                return d.state == DeliveryState::waiting && d.attempts == 0 && !d.retry_at;
            });
        if (untouched) {
            pass_over(recipient, may.until);
        } else {
            night_ends_ = may.until;
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
    Batch* const batch = account.traits().batch_limit > 1 ? &batches_[account_of(id)] : nullptr;
    anchor(*work, id, batch);

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
    account.intended(1);
    const bool by_day_only =
        campaign_.purpose == Purpose::advertising && work->recipient.person.night_consent != Consent::given;
    if (by_day_only) (batch != nullptr ? batch->night_falls : job_.night_falls) = hours_.until;
    if (batch != nullptr) {
        if (batch->attempts.empty()) batch->since = now;
        batch->attempts.push_back(std::move(attempt));
    } else {
        if (shared_) ++backlog_[account_of(id)];
        job_.batch.deliveries.push_back(*delivery);
        job_.attempts.emplace_back(&account, std::move(attempt));
    }
    return Gone::released;
}

/// Hands gathered messages to the writer once they fill a vendor's request or have waited for 100 ms, or at once when
/// the run is ending.
void CampaignRun::close_batches(TimePoint now) {
    for (std::size_t index = 0; index < batches_.size(); ++index) {
        Batch& batch = batches_[index];
        if (batch.attempts.empty()) continue;
        const std::size_t full = std::min(accounts_[index]->traits().batch_limit, batch_limit);
        if (batch.attempts.size() < full && now - batch.since < gather && !ending_) continue;
        const auto row = [&](DeliveryId id, bool untouched_only) {
            Work* work = work_of(id);
            const LedgerDelivery* delivery = work != nullptr ? delivery_of(*work, id) : nullptr;
            const bool untouched =
                delivery != nullptr && delivery->state == DeliveryState::waiting && delivery->attempts == 0;
            if (delivery != nullptr && (untouched || !untouched_only)) job_.batch.deliveries.push_back(*delivery);
        };
        if (batch.night_falls) job_.night_falls = job_.night_falls.value_or(*batch.night_falls);
        for (const DeliveryId id : batch.beside) row(id, true);  // else it has been written since
        for (Attempt& attempt : batch.attempts) {
            row(attempt.delivery, false);
            job_.attempts.emplace_back(accounts_[index], std::move(attempt));
        }
        batch = {};
        batch_closed_ = now;
    }
}

Attempt CampaignRun::make_attempt(const Work& work, const LedgerDelivery& delivery, const std::string& address) const {
    Attempt attempt;
    attempt.delivery = delivery.id;
    attempt.number = delivery.attempts + 1;
    attempt.campaign = campaign_.id;
    attempt.id = net::uuid_of(campaign_.id + '/' + std::to_string(delivery.id) + '/' + std::to_string(attempt.number));
    attempt.key = work.recipient.person.key;
    attempt.address = address;
    attempt.message = messages_[step_of(delivery.id)].render(work.recipient.person.fields);
    attempt.purpose = campaign_.purpose;
    if (campaign_.message.ttl) {
        const WallTime first = delivery.attempts == 0 ? clock_.wall() : delivery.intended_at;
        attempt.expires = first + std::chrono::duration_cast<std::chrono::milliseconds>(*campaign_.message.ttl);
    }
    return attempt;
}

/// The message can be seen not to fit the provider: it is refused here, at no cost to the account.
void CampaignRun::refuse_locally(Work& work, LedgerDelivery& delivery, Account& account, const Error& why,
                                 TimePoint now) {
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
