#include "delivery/sharing.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "tidegate/base/text.hpp"

namespace tidegate::delivery {
namespace {

using namespace std::chrono_literals;
using State = QuotaOrder::State;

constexpr const char* shared_quota = "shared quota";
constexpr const char* elsewhere = "an order of the domain";
constexpr const char* domain = "domain";
constexpr auto last_words = 1s;

std::string words(Duration span) {
    return format_duration(std::chrono::ceil<std::chrono::seconds>(span));
}

}  // namespace

Sharing::Sharing(std::unique_ptr<SharedQuota> store, Duration grace, const Clock& clock, Log& log)
    : store_(std::move(store)), grace_(grace), clock_(clock), log_(log), view_(store_->view(clock.now())) {
    view_.reachable = true;
}

void Sharing::exchange_orders(const Runs& runs, Backends& backends) {
    std::erase_if(standings_, [&](const auto& standing) {
        return std::none_of(runs.begin(), runs.end(), [&](const auto& run) { return run.get() == standing.first; });
    });
    tell(runs, backends);
    QuotaView now = store_->view(clock_.now());
    // It answered when the Gate was opened; a node that has had nothing to ask since is not cut off.
    if (now.answered == TimePoint{} && now.trouble.empty()) now.reachable = true;
    hear(runs, backends, now);
    watch_store(now);
    const std::lock_guard lock(mutex_);
    view_ = now;
}

void Sharing::tell(const Runs& runs, Backends& backends) {
    for (const auto& run : runs)
        if (const auto order = run->take_order()) store_->order("camp:" + run->campaign().id, *order);
    for (const auto& backend : backends) {
        const auto held = backend->take_order();
        if (!held || backend->options().shadow) continue;
        store_->order("be:" + backend->options().name, {*held ? State::hold : State::run, {}});
    }
    std::optional<State> whole;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(domain_to_tell_, false)) whole = domain_;
    }
    if (whole) store_->order(domain, {*whole, {}});
}

/// What a newer order than was heard so far changes here. What was ordered here and is still on its way is newer yet,
/// but nothing goes before an abort.
std::optional<QuotaChange> Sharing::news(const std::string& subject, const QuotaView& now, std::uint64_t& heard) const {
    const auto order = now.orders.find(subject);
    if (order == now.orders.end() || order->second.generation <= heard) return std::nullopt;
    QuotaChange change{order->second.state, order->second.rate};
    const auto mine = now.untold.find(subject);
    const QuotaChange untold = mine == now.untold.end() ? QuotaChange{} : mine->second;
    const bool state = untold.state && change.state != State::abort;
    if (state) change.state.reset();
    if (untold.rate) change.rate.reset();
    // Half of it is still to come, should ours turn out to have been carried out before it.
    if (!state && !untold.rate) heard = order->second.generation;
    return change;
}

void Sharing::hear(const Runs& runs, Backends& backends, const QuotaView& now) {
    for (const auto& run : runs) {
        if (run->ended()) continue;
        if (const auto change = news("camp:" + run->campaign().id, now, standings_[run.get()].heard))
            run->heed(*change);
    }
    for (const auto& backend : backends) {
        const std::string name = backend->options().name, subject = "be:" + name;
        const auto change = news(subject, now, heard_[subject]);
        if (!change || !change->state) continue;
        const bool held = *change->state != State::run;
        if (!backend->heed(held)) continue;
        log_.info("backend " + name + (held ? " held by " : " released by ") + elsewhere);
        for (const auto& run : runs) {
            if (run->ended()) continue;
            LedgerBatch facts;
            facts.events.push_back({clock_.wall(), held ? "hold" : "release", name, elsewhere});
            run->record(std::move(facts));
        }
    }
    const auto change = news(domain, now, heard_[domain]);
    if (!change || !change->state) return;
    const std::lock_guard lock(mutex_);
    if (!domain_to_tell_) domain_ = *change->state;
}

void Sharing::watch_store(const QuotaView& now) {
    if (std::exchange(reachable_, now.reachable) == now.reachable) return;
    if (reachable_) {
        log_.info("the shared quota answers again");
    } else {
        log_.warn("the shared quota does not answer: " + now.trouble);
    }
}

std::optional<std::string> Sharing::domain_holds() const {
    const std::lock_guard lock(mutex_);
    if (domain_ == State::run) return std::nullopt;
    return "the whole domain is held by the operator";
}

std::optional<std::string> Sharing::stands(CampaignRun& run, bool wants, const std::vector<Lease>& leases) {
    const TimePoint now = clock_.now();
    const WallTime wall = clock_.wall();
    Standing& mine = standings_[&run];
    const QuotaView seen = store_->view(now);
    const bool leased =
        std::any_of(leases.begin(), leases.end(), [now](const Lease& lease) { return live(lease, now); });
    const bool away = wants && !leased && !seen.trouble.empty() && !seen.reachable;
    LedgerBatch facts;
    if (!away) {
        mine.away_since.reset();
        if (mine.hold && (leased || !wants)) {
            mine.hold->to = wall;
            facts.holds.push_back(*std::exchange(mine.hold, std::nullopt));
        }
    } else if (!mine.away_since) {
        mine.away_since = now;
    }
    if (away && !mine.hold) {
        mine.hold = HoldRecord{shared_quota, wall, std::nullopt, "redis", 0, "cannot be reached: " + seen.trouble};
        facts.holds.push_back(*mine.hold);
    }
    if (!facts.empty()) run.record(std::move(facts));
    if (away) {
        const Duration since = now - *mine.away_since;
        if (since >= grace_) {
            run.give_up("the shared quota was away for more than " + words(grace_) + ": " + seen.trouble);
        }
        return "holding: the shared quota has been away for " + words(since) + " (" + seen.trouble + ")";
    }
    if (!wants) return std::nullopt;
    if (seen.quiet > Duration::zero()) {
        return "holding: Redis is new to the shared quota, lost its memory or was not asked for long; "
               "it grants nothing for another " +
               words(seen.quiet);
    }
    if (!leased) return "waiting for a lease of the shared quota";
    for (const Lease& lease : leases)
        if (!lease.limited_by.empty()) return "limited by " + lease.limited_by;
    return std::nullopt;
}

void Sharing::part(const Runs& runs, Backends& backends) {
    tell(runs, backends);
    const auto end = std::chrono::steady_clock::now() + last_words;
    std::map<std::string, QuotaChange> untold;
    do {
        static_cast<void>(store_->renew({}, clock_.now()));
        untold = store_->view(clock_.now()).untold;
        if (!untold.empty()) std::this_thread::sleep_for(5ms);
    } while (!untold.empty() && std::chrono::steady_clock::now() < end);
    for (const auto& order : untold) {
        log_.warn("the other nodes could not be told of the order to " + order.first + ": repeat it at one of them");
    }
}

QuotaView Sharing::view() const {
    const std::lock_guard lock(mutex_);
    return view_;
}

void Sharing::hold_domain(bool held) {
    const std::lock_guard lock(mutex_);
    domain_ = held ? State::hold : State::run;
    domain_to_tell_ = true;
}

}  // namespace tidegate::delivery
