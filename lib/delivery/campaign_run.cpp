#include "delivery/campaign_run.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "tidegate/base/text.hpp"

namespace tidegate::delivery {

namespace {

constexpr auto rate_window = std::chrono::seconds(5);
constexpr const char* operators_rate = "rate set by the operator";

std::string rate_words(const std::optional<Rate>& cap) {
    return cap && std::isfinite(cap->per_second) ? std::to_string(std::llround(cap->per_second)) + "/s"
                                                 : "as configured";
}

}  // namespace

/// Cohorts of which a new walk meets only stragglers: they wait for nothing. A few people with night consent do not
/// make a cohort one of them.
std::vector<bool> mostly_released(const std::vector<CohortRecord>& cohorts) {
    std::vector<bool> mostly;
    for (const CohortRecord& cohort : cohorts) {
        mostly.push_back(cohort.finished_at.has_value() ||
                         (cohort.started_at && cohort.released * 2 >= cohort.recipients));
    }
    return mostly;
}

namespace {

CohortClock::Options cohort_options(const RunParts& parts) {
    const CohortOptions& options = parts.campaign.cohorts;
    CohortClock::Options clock;
    clock.cohorts = static_cast<std::uint32_t>(std::max<std::size_t>(parts.cohorts.size(), 1));
    clock.canaries = static_cast<std::uint32_t>(options.canary.size());
    clock.gap = options.gap;
    clock.soak = std::chrono::duration_cast<Duration>(Seconds(ResponseModel(parts.campaign.response).quantile(0.8)));
    clock.begun = mostly_released(parts.cohorts);
    for (const CohortRecord& cohort : parts.cohorts) clock.empty.push_back(cohort.recipients == 0);
    return clock;
}

std::uint64_t told_in(const std::vector<CohortRecord>& cohorts) {
    std::uint64_t told = 0;
    for (const CohortRecord& cohort : cohorts) told += cohort.released;
    return told;
}

/// What an earlier run released is still being opened.
Reaction reaction_before(const RunParts& parts, TimePoint now) {
    double oldest = 0;
    for (const auto& [ago, messages] : parts.recent) oldest = std::max(oldest, ago);
    Reaction reaction(parts.campaign.response, after(now, -oldest));
    for (const auto& [ago, messages] : parts.recent) reaction.grant(messages, after(now, -ago));
    return reaction;
}

}  // namespace

CampaignRun::CampaignRun(RunParts parts, const Clock& clock, Log& log, std::function<void()> wake_feeder,
                         std::function<void()> wake_writer)
    : campaign_(parts.campaign),
      messages_(parts.messages),
      accounts_(parts.accounts),
      steps_(parts.steps),
      ledger_(std::move(parts.ledger)),
      suppression_(parts.suppression),
      first_come_(parts.campaign.event ? std::optional<FirstCome>(parts.campaign.event->rush) : std::nullopt),
      shared_(parts.shared),
      told_before_(told_in(parts.cohorts)),
      limit_(parts.limit),
      watch_after_(parts.watch_after),
      wait_reports_(parts.wait_reports),
      mark_(channel::campaign_mark(parts.campaign.id)),
      ledger_path_(parts.ledger_path),
      clock_(clock),
      log_(log),
      wake_feeder_(std::move(wake_feeder)),
      wake_writer_(std::move(wake_writer)),
      rng_(parts.seed),
      cohort_clock_(cohort_options(parts), clock.now()),
      cohorts_(parts.cohorts),
      ready_(parts.accounts.size()),
      batches_(parts.accounts.size()),
      breakers_(parts.accounts.size()),
      begun_(parts.totals.recipients - parts.totals.outcomes[static_cast<std::size_t>(Final::pending)]),
      last_release_(clock.now()),
      last_elapsed_(clock.now()),
      backlog_(parts.accounts.size()),
      could_use_(parts.accounts.size()),
      valves_(parts.accounts.size(), Valve(clock.now())),
      pacer_(clock.now()),
      reaction_(reaction_before(parts, clock.now())),
      begun_at_(clock.now()),
      response_horizon_(reaction_.model().horizon()),
      believed_total_(ResponseModel(parts.campaign.response).total()),
      totals_(parts.totals) {
    awaited_ = std::move(parts.awaited);
    appetites_.resize(accounts_.size());
    for (const Account* account : accounts_) {
        // Until the control thread has given a lease nothing may pass.
        buckets_.emplace_back(Rate{0}, clock.now());
        leases_.push_back({account->name(), Rate{0}, TimePoint{}, "no lease yet"});
    }
    event_locked("run", std::to_string(totals_.outcomes[0]) + " recipients pending", parts.operator_name);
    set_up_gates(parts);
    facts_.meta.emplace_back("state", "running");
    adopt_open_deliveries(parts.open);
}

// ---- control thread

void CampaignRun::set_pace(const Pace& pace) {
    const TimePoint now = clock_.now();
    const std::lock_guard lock(pace_mutex_);
    pacer_.allow(pace.allowance, now);
    leases_ = pace.leases;
    green_ = pace.green;
    if (pace.sight) new_sight_ = pace.sight;
}

double CampaignRun::leased_locked(TimePoint now) const {
    double leased = 0;
    for (const Lease& lease : leases_)
        if (live(lease, now)) leased += lease.rate.per_second;
    return leased;
}

void CampaignRun::record(LedgerBatch facts) {
    const std::lock_guard lock(mutex_);
    append(facts_, std::move(facts));
}

Reaction CampaignRun::reaction() const {
    const std::lock_guard lock(pace_mutex_);
    return reaction_;
}

CampaignRun::Demand CampaignRun::demand() const {
    const std::lock_guard lock(mutex_);
    if (result_ || aborted_ || stop_deadline_) return {Rate{0}, "ending"};
    if (paused_) return {Rate{0}, "paused by " + ordered_by_};
    if (!hungry_.load()) return {Rate{0}, "nothing to send"};
    if (operator_cap_ && *operator_cap_ < campaign_.per_second) return {*operator_cap_, operators_rate};
    return {campaign_.per_second, "the campaign's own limit"};
}

Rate CampaignRun::appetite(std::size_t account) const {
    const double could = could_use_[account].load();
    const std::lock_guard lock(mutex_);
    // Beyond what would be gone in a moment a share would lie idle.
    constexpr double moments = 10;  // a second
    const auto left = static_cast<double>(totals_.outcomes[static_cast<std::size_t>(Final::pending)] * steps_.size());
    return Rate{std::min(could, left * moments)};
}

void CampaignRun::refresh_suppression() {
    bool unreadable = false;
    for (const auto& source : suppression_) {
        try {
            if (Result<void> fresh = source->refresh(); !fresh) {
                unreadable = true;
                if (!suppression_unreadable_.load()) log_.warn(fresh.error().text());
            }
        } catch (const std::exception& thrown) {
            unreadable = true;
            log_.error(std::string("suppression source threw: ") + thrown.what());
        } catch (...) {
            unreadable = true;
            log_.error("suppression source threw");
        }
    }
    suppression_unreadable_ = unreadable;
    lists_read_ = clock_.now();
}

// ---- operators

void CampaignRun::event_locked(std::string kind, std::string detail, std::string_view operator_name) {
    facts_.events.push_back({clock_.wall(), std::move(kind), std::move(detail), std::string(operator_name)});
}

void CampaignRun::pause(bool paused, std::string_view operator_name) {
    {
        const std::lock_guard lock(mutex_);
        if (paused_ == paused || result_) return;
        paused_ = paused;
        ordered_by_ = "the operator";
        state_to_tell_ = true;
        event_locked(paused ? "pause" : "resume", "", operator_name);
    }
    wake_feeder_();
}

void CampaignRun::set_rate(std::optional<Rate> cap, std::string_view operator_name) {
    {
        const std::lock_guard lock(mutex_);
        if (result_) return;
        operator_cap_ = cap;
        rate_to_tell_ = true;
        event_locked("rate", rate_words(cap), operator_name);
    }
    lower_now(cap);
}

/// A lower cap does not wait for the control thread.
void CampaignRun::lower_now(const std::optional<Rate>& cap) {
    const std::lock_guard lock(pace_mutex_);
    Allowance lower = pacer_.allowance();
    if (cap && *cap < lower.rate) {
        lower.rate = *cap;
        lower.reason = operators_rate;
        pacer_.allow(lower, clock_.now());
    }
}

bool CampaignRun::abort(std::string_view operator_name) {
    {
        const std::lock_guard lock(mutex_);
        if (result_ || closed_to_operators_.load()) return aborted_;
        if (aborted_) return true;
        ordered_by_ = "the operator";
        state_to_tell_ = true;
        abort_locked(operator_name);
    }
    wake_feeder_();
    return true;
}

void CampaignRun::abort_locked(std::string_view operator_name) {
    aborted_ = true;
    event_locked("abort", "", operator_name);
    facts_.meta.emplace_back("state", "aborted");
}

std::optional<QuotaChange> CampaignRun::take_order() {
    using State = QuotaOrder::State;
    const std::lock_guard lock(mutex_);
    QuotaChange change;
    if (std::exchange(state_to_tell_, false))
        change.state = aborted_ ? State::abort : paused_ ? State::pause : State::run;
    if (std::exchange(rate_to_tell_, false)) change.rate = operator_cap_.value_or(Rate::unlimited());
    return change == QuotaChange{} ? std::nullopt : std::optional(change);
}

void CampaignRun::heed(QuotaChange order) {
    constexpr const char* elsewhere = "an order of the domain";
    using State = QuotaOrder::State;
    std::optional<Rate> cap;
    {
        const std::lock_guard lock(mutex_);
        if (result_ || closed_to_operators_.load() || aborted_) return;
        const bool abort = order.state.value_or(State::run) == State::abort;
        const bool pause = order.state.value_or(State::run) != State::run;
        if (state_to_tell_ && !abort) order.state.reset();
        if (rate_to_tell_) order.rate.reset();
        if (abort) {
            ordered_by_ = elsewhere;
            abort_locked(elsewhere);
        } else if (order.state && paused_ != pause) {
            paused_ = pause;
            ordered_by_ = elsewhere;
            event_locked(pause ? "pause" : "resume", "", elsewhere);
        }
        if (order.rate && std::isfinite(order.rate->per_second)) cap = order.rate;
        if (order.rate && operator_cap_ != cap) {
            operator_cap_ = cap;
            event_locked("rate", rate_words(cap), elsewhere);
        }
    }
    lower_now(cap);
    wake_feeder_();
}

void CampaignRun::give_up(std::string why) {
    {
        const std::lock_guard lock(mutex_);
        if (result_ || failed_) return;
        failed_ = std::move(why);
    }
    wake_feeder_();
}

void CampaignRun::stop(TimePoint deadline, std::string_view operator_name, std::string why) {
    {
        const std::lock_guard lock(mutex_);
        if (result_) return;
        if (!stop_deadline_) {
            event_locked("stop", why, operator_name);
            stop_why_ = why.empty() ? "stopped by the operator" : std::move(why);
        }
        stop_deadline_ = stop_deadline_ ? std::min(*stop_deadline_, deadline) : deadline;
    }
    wake_feeder_();
}

Progress CampaignRun::progress() const {
    Progress progress;
    progress.campaign = campaign_.id;
    progress.cohort = cohort_now_.load();
    progress.cohorts = static_cast<std::uint32_t>(cohorts_.size());
    progress.in_flight = in_doubt_.load();
    const TimePoint now = clock_.now();
    {
        const std::lock_guard lock(pace_mutex_);
        const Allowance& allowance = pacer_.allowance();
        progress.allowed = now < allowance.expires ? allowance.rate.per_second : 0.0;
        if (shared_) progress.allowed = std::min(progress.allowed, leased_locked(now));
        progress.reason = allowance.reason;
        progress.opens = opens_locked(now);
    }
    {
        const std::lock_guard lock(told_mutex_);
        progress.opens.waiting = told_.size();
    }
    const std::lock_guard lock(mutex_);
    progress.totals = totals_;
    progress.paused = paused_;
    progress.gates = gates_;
    progress.state = result_ ? result_->state : RunState::running;
    if (!reason_.empty()) progress.reason = reason_;
    if (result_) progress.reason = result_->why;

    recent_.emplace_back(now, released_.load());
    while (recent_.size() > 2 && now - recent_.front().first > rate_window) recent_.pop_front();
    const double span = seconds_between(recent_.front().first, now);
    if (span > 0.2) progress.rate = static_cast<double>(recent_.back().second - recent_.front().second) / span;
    const auto pending = static_cast<double>(totals_.outcomes[static_cast<std::size_t>(Final::pending)]);
    constexpr double longest_eta = 1e9;  // seconds; beyond it the number says nothing
    if (progress.rate > 0 && pending / progress.rate < longest_eta && !result_) {
        progress.eta = std::chrono::duration_cast<Duration>(Seconds(pending / progress.rate));
        if (campaign_.deadline) {
            progress.deadline_holds =
                clock_.wall() + std::chrono::duration_cast<std::chrono::milliseconds>(*progress.eta) <=
                *campaign_.deadline;
        }
    }
    return progress;
}

std::optional<RunResult> CampaignRun::wait(Duration timeout) const {
    std::unique_lock lock(mutex_);
    const Duration bounded = std::min<Duration>(timeout, std::chrono::hours(24 * 365));  // now + max() would wrap
    changed_.wait_for(lock, bounded, [this] { return result_.has_value(); });
    return result_;
}

bool CampaignRun::ended() const {
    const std::lock_guard lock(mutex_);
    return result_.has_value();
}

void CampaignRun::finish(const RunResult& result) {
    {
        const std::lock_guard lock(mutex_);
        if (result_) return;
        result_ = result;
        ended_at_ = clock_.now();
    }
    log_.info("campaign " + campaign_.id + ": " + std::string(to_string(result.state)) + ", " + result.why);
    changed_.notify_all();
}

bool CampaignRun::faded(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    return result_ && seconds_between(ended_at_, now) > response_horizon_;
}

void CampaignRun::abandon() {
    if (ended()) return;
    ledger_.reset();
    finish({RunState::stopped, 3, "the gate was closed"});
}

/// Told once a round: whoever looks in the middle of one would see a reason that is about to be replaced.
void CampaignRun::publish_reason() {
    const std::lock_guard lock(mutex_);
    if (reason_ != noted_) reason_ = noted_;
}

}  // namespace tidegate::delivery
