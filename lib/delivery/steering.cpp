#include "delivery/steering.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tidegate/base/text.hpp"

namespace tidegate::delivery {

namespace {

constexpr auto record_every = std::chrono::seconds(1);
/// A control thread that hangs must not leave the tap open.
constexpr auto allowance_lasts = std::chrono::seconds(1);
constexpr double infinite = std::numeric_limits<double>::infinity();

std::string whole(double value) {
    return std::isfinite(value) ? std::to_string(std::llround(value)) : "unbounded";
}

std::string room_reason(const BackendWatch& backend, const Advice& advice, const Admission& admission) {
    return backend.options().name + ": " + whole(admission.committed_peak) + " of " + whole(advice.room) +
           " requests/s committed, felt at +" +
           format_duration(std::chrono::milliseconds(std::llround(admission.horizon_s * 1000)));
}

}  // namespace

Steering::Steering(std::vector<std::unique_ptr<BackendWatch>>& backends, QuotaStore& quota, const Clock& clock,
                   Log& log)
    : backends_(backends), quota_(quota), clock_(clock), log_(log) {}

Steering::Steering(std::vector<std::unique_ptr<BackendWatch>>& backends, Sharing& sharing, Duration lease,
                   const Clock& clock, Log& log)
    : backends_(backends),
      quota_(sharing.store()),
      sharing_(&sharing),
      in_force_s_(Seconds(lease).count()),
      clock_(clock),
      log_(log) {}

void Steering::tick(const std::vector<std::shared_ptr<CampaignRun>>& runs) {
    const TimePoint now = clock_.now();
    const WallTime wall = clock_.wall();
    const bool record = recorded_ == TimePoint{} || now - recorded_ >= record_every;
    if (record) recorded_ = now;

    if (sharing_ != nullptr) sharing_->exchange_orders(runs, backends_);
    std::vector<View> views;
    for (const auto& run : runs) {
        if (run->faded(now)) {
            released_.erase(run.get());
            event_told_.erase(run.get());
            continue;
        }
        CampaignRun::Demand demand = run->demand();
        const bool active = !run->ended();
        const Campaign& campaign = run->campaign();
        views.push_back({run, campaign.id, campaign.priority, campaign.impact, run->reaction(), active, active,
                         demand.rate.per_second > 0, demand.rate.per_second, std::move(demand.why)});
    }
    const std::optional<QuotaView> domain = sharing_ != nullptr ? std::optional(sharing_->view()) : std::nullopt;
    leads_ = domain && domain->leads && domain->whole;
    words_.clear();
    if (domain) join(views, *domain, now);
    for (const auto& backend : backends_) {
        if (domain && !leads_) {
            follow(*backend, views, *domain, now, wall, record);
        } else {
            steer(*backend, views, now, wall, record);
        }
    }
    for (View& view : views) hold_for_event(view, wall);
    if (const auto held = sharing_ != nullptr ? sharing_->domain_holds() : std::nullopt) {
        for (View& view : views) {
            view.rate = 0;
            view.bound = true;
            view.reason = *held;
        }
    }
    if (domain) tell(views, runs, now);
    hand_out(views, now, wall, record);
}

std::optional<Impact> Steering::impact_on(const View& view, const std::string& backend) {
    const auto found = view.impact.find(backend);
    if (found == view.impact.end() || (found->second.per_open <= 0 && found->second.per_delivery <= 0))
        return std::nullopt;
    return found->second;
}

void Steering::steer(BackendWatch& backend, std::vector<View>& views, TimePoint now, WallTime wall, bool record) {
    std::vector<Commitment> commitments;
    std::vector<std::size_t> owner;  // view of each commitment
    double lag = 0, per_open = 0, fades = 0;
    for (std::size_t i = 0; i < views.size(); ++i) {
        const std::optional<Impact> impact = impact_on(views[i], backend.options().name);
        if (!impact) continue;
        commitments.push_back({&views[i].reaction, *impact});
        owner.push_back(i);
        lag = std::max(lag, views[i].reaction.model().median());
        per_open = std::max(per_open, impact->per_open);
        fades = std::max(fades, views[i].reaction.model().horizon());
    }
    if (lag > 0) backend.expect(lag, per_open);
    const BackendWatch::Seen seen = backend.poll(now);
    if (seen.opens) attribute_opens(seen, owner, views);
    if (seen.fresh) {
        OwnLoad& own = own_loads_[backend.options().name];
        own = own_load(commitments, seen.to, backend.period_s());
        backend.judge(own, fades, now, wall);
    }
    const Advice& advice = backend.decide(now);
    if (sharing_ != nullptr)
        note_word(backend, advice, {{}, {}, own_loads_[backend.options().name], fades, lag, per_open}, now);

    double committed = 0;
    std::vector<Admission> admissions;
    for (const Commitment& mine : commitments) {
        admissions.push_back(admissible_rate(advice.open ? advice.room : 0.0, mine, commitments,
                                             std::max(backend.period_s(), in_force_s_), now));
        committed = std::max(committed, admissions.back().committed_peak);
    }
    backend.publish(committed);
    for (std::size_t k = 0; k < owner.size(); ++k) {
        if (!views[owner[k]].active || !views[owner[k]].run) continue;
        const auto ours = [&](TimePoint at) { return predicted_load({commitments[k]}, at); };
        if (std::optional<BackendSight> sight = backend.sight(ours)) views[owner[k]].sight.backends.push_back(*sight);
    }

    const bool enforced = !backend.options().shadow;
    if (enforced) size_lots(backend, advice, views);
    if (enforced) {
        // Each share is a fraction of what the campaign could send alone; the sum of fractions is at most one, so the
        // sum of loads stays in the room whatever the campaigns' curves are.
        std::vector<Claim> claims;
        for (std::size_t k = 0; k < owner.size(); ++k) {
            const View& view = views[owner[k]];
            const double alone = admissions[k].rate;
            const double wants = !view.sends || view.rate <= 0 || alone <= 0 ? 0.0
                                 : std::isfinite(alone)                      ? std::min(1.0, view.rate / alone)
                                                                             : 0.0;
            claims.push_back({view.priority, wants});
        }
        const std::vector<double> shares = divide(1.0, claims);
        for (std::size_t k = 0; k < owner.size(); ++k) {
            View& view = views[owner[k]];
            if (!advice.open) {
                view.rate = 0;
                view.bound = true;
                view.green = false;
                view.reason = backend.options().name + ": " + advice.reason;
                continue;
            }
            if (admissions[k].stalled) {
                view.rate = 0;
                view.bound = true;
                view.reason = "opens have stopped: the provider holds messages back, or nobody counts opens any more";
                continue;
            }
            if (!std::isfinite(admissions[k].rate)) continue;
            const double rate = shares[k] * admissions[k].rate;
            view.bound = true;
            if (rate < view.rate || admissions[k].rate <= 0) {
                view.rate = std::min(view.rate, rate);
                view.reason = room_reason(backend, advice, admissions[k]);
            }
        }
    }
    put_on_record(backend, seen, owner, views, committed, predicted_load(commitments, now), wall, record);
}

void Steering::put_on_record(BackendWatch& backend, const BackendWatch::Seen& seen,
                             const std::vector<std::size_t>& owner, const std::vector<View>& views, double committed,
                             double expected, WallTime wall, bool record) {
    const std::optional<HoldRecord> change = backend.hold_change(wall);
    if (change && change->to) log_.info(change->backend + ": open again");
    if (change && !change->to) log_.info(change->backend + ": holding, " + change->reason);
    for (const std::size_t i : owner) {
        if (!views[i].active || !views[i].run) continue;
        LedgerBatch facts;
        if (change) facts.holds.push_back(*change);
        if (!change && record && backend.holding()) facts.holds.push_back(*backend.holding());
        if (seen.fresh && std::isfinite(seen.p99_s)) {
            facts.backends.push_back({backend.options().name, Seconds(backend.options().latency_slo).count(),
                                      seen.p99_s, seen.seconds_over});
        }
        if (record) facts.backend_ticks.push_back(backend.tick(wall, committed, expected));
        if (!facts.empty()) views[i].run->record(std::move(facts));
    }
}

/// Opens of several campaigns come as one number: each is given its predicted part of it.
void Steering::attribute_opens(const BackendWatch::Seen& seen, const std::vector<std::size_t>& owner,
                               std::vector<View>& views) {
    std::vector<double> predicted;
    double all = 0;
    for (const std::size_t i : owner) {
        predicted.push_back(views[i].reaction.opens_at(seen.to));
        all += predicted.back();
    }
    if (all <= 0) return;
    for (std::size_t k = 0; k < owner.size(); ++k) {
        View& view = views[owner[k]];
        if (!view.run) continue;  // whoever sends it may be told by others
        // Of a campaign that other nodes send too, only what this one sent can teach it.
        Reaction ours = view.run->reaction();
        const double share = std::min(predicted[k], ours.opens_at(seen.to)) / all;
        view.run->observe_opens(*seen.opens * share, seen.from, seen.to);
        if (predicted[k] <= ours.opens_at(seen.to)) view.reaction = view.run->reaction();
    }
}

/// What one account may carry for the campaign. Within a process the pacer keeps the campaign's own limit; between
/// nodes everything that it crosses is leased.
Flow Steering::flow_of(const View& view, std::size_t account) const {
    const CampaignRun& run = *view.run;
    const std::string& name = run.accounts()[account]->name();
    Flow flow{run.campaign().id + "/" + name, {"acct:" + name}, run.campaign().priority, Rate{view.rate}};
    if (sharing_ == nullptr) return flow;
    flow.wants = std::min(flow.wants, run.appetite(account));
    flow.resources.push_back("camp:" + run.campaign().id);
    flow.takes = {1.0, 1.0};
    for (const auto& backend : backends_) {
        const std::optional<Impact> impact = impact_on(view, backend->options().name);
        if (!impact || backend->options().shadow) continue;
        flow.resources.push_back("be:" + backend->options().name);
        flow.takes.push_back(impact->per_open * view.reaction.model().total() + impact->per_delivery);
    }
    return flow;
}

/// Why the leases let less pass than the backends would; empty when they do not.
std::string Steering::lease_limits(View& view, const std::vector<Lease>& leases, double leased) {
    if (sharing_ == nullptr) return leased < view.rate ? "limited by " + leases.front().limited_by : "";
    const std::optional<std::string> why = sharing_->stands(*view.run, view.wants, leases);
    if (!why || leased >= view.rate) return "";
    // Where the campaign's own limit binds, the leader has said what it is.
    const std::string camp = "camp:" + view.id;
    if (leases.front().limited_by != camp) return *why;
    if (leads_) return view.bound ? view.reason : *why;
    const QuotaView domain = sharing_->view();
    const auto word = domain.words.find(camp);
    if (word != domain.words.end() && !word->second.text.empty()) return word->second.text;
    return domain.leader.empty() ? "no node leads: none of them sees the backends" : *why;
}

void Steering::hand_out(std::vector<View>& views, TimePoint now, WallTime wall, bool record) {
    std::vector<Flow> flows;
    for (const View& view : views) {
        if (!view.active || !view.run) continue;
        const CampaignRun& run = *view.run;
        if (sharing_ != nullptr) quota_.set_cap("camp:" + run.campaign().id, run.campaign().per_second);
        for (std::size_t k = 0; k < run.accounts().size(); ++k) {
            quota_.set_cap("acct:" + run.accounts()[k]->name(), run.accounts()[k]->options().per_second);
            flows.push_back(flow_of(view, k));
        }
    }
    Result<std::vector<Lease>> leases = quota_.renew(flows, now);
    if (!leases) log_.warn("no leases: " + leases.error().text());

    std::size_t next = 0;
    for (View& view : views) {
        if (!view.run) continue;
        if (!view.active) {
            released_.erase(view.run.get());
            continue;
        }
        CampaignRun::Pace pace;
        const std::size_t count = view.run->accounts().size();
        for (std::size_t k = 0; k < count; ++k, ++next) {
            if (leases) pace.leases.push_back((*leases)[next]);
        }
        if (!leases) continue;  // what was leased runs out by itself
        double leased = 0;
        for (const Lease& lease : pace.leases) leased += lease.rate.per_second;
        if (std::string why = lease_limits(view, pace.leases, leased); !why.empty()) view.reason = std::move(why);
        // Where the valve paces, a second bucket of the same rate before it would only lose some of it.
        const double paced = sharing_ != nullptr ? view.rate : std::min(view.rate, leased);
        view.rate = std::min(view.rate, leased);
        pace.allowance = {Rate{paced}, now + allowance_lasts, view.reason};
        pace.green = view.green;
        view.sight.now = now;
        view.sight.soak = soak_of(view.reaction.model());
        view.sight.curve = curve_of(view.reaction);
        view.sight.stalled = view.reaction.stalled(now);
        pace.sight = std::move(view.sight);
        view.run->set_pace(pace);

        if (!record) continue;
        const std::uint64_t released = view.run->released();
        std::uint64_t& before = released_[view.run.get()];
        LedgerBatch facts;
        facts.ticks.push_back({wall, std::isfinite(view.rate) ? view.rate : std::numeric_limits<double>::quiet_NaN(),
                               released - before, view.run->cohort(), view.reason});
        before = released;
        view.run->record(std::move(facts));
        view.run->record_response(now, wall);
    }
}

}  // namespace tidegate::delivery
