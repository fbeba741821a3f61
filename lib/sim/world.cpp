#include "sim/world.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tidegate::sim {
namespace {

constexpr double kNothing = 1e-6;                // messages
constexpr double kCountedEvery = 5.0;            // seconds an interval of counted opens is long
constexpr std::int64_t kLongestTail = 3 * 3600;  // seconds a backend is given to recover after the last open

/// Independent streams of chance: the twin and every policy meet the same baseline.
std::uint64_t stream(std::uint64_t seed, std::uint64_t kind, std::uint64_t index) {
    return seed * 0x9e3779b97f4a7c15u + kind * 1000003u + index;
}
enum : std::uint64_t { kPhase = 1, kBaseline, kExporter, kCrowd, kOther, kPast, kPastExporter };

double phase_of(std::uint64_t seed, std::size_t backend) {
    return 2.0 * std::numbers::pi * Rng(stream(seed, kPhase, backend)).uniform();
}

}  // namespace

World::World(const Scenario& scenario, const Policy& policy, std::uint64_t seed, bool keep_series)
    : scenario_(scenario),
      seed_(seed),
      keep_series_(keep_series),
      timeline_(scenario),
      other_chance_(stream(seed, kOther, 0)) {
    const std::size_t backends = scenario.backends.size(), campaigns = scenario.campaigns.size();
    for (std::size_t b = 0; b < backends; ++b) {
        const Backend& backend = scenario.backends[b];
        sites_.emplace_back(backend, phase_of(seed, b), stream(seed, kBaseline, b), stream(seed, kExporter, b));
        for (std::size_t d = 0; d < backends; ++d)
            if (d != b && scenario.backends[d].limits.name == backend.plant.depends.backend) sites_.back().below = d;
        result_.backends.push_back({.name = backend.limits.name});
    }
    for (std::size_t c = 0; c < campaigns; ++c) {
        const Campaign& campaign = scenario.campaigns[c];
        audiences_.emplace_back(campaign.crowd);
        others_.emplace_back(campaign.crowd);
        crowd_chance_.emplace_back(stream(seed, kCrowd, c));
        const auto& caused = campaign.caused.empty() ? campaign.impact : campaign.caused;
        direct_.emplace_back(backends, 0.0);
        per_delivery_.emplace_back(backends, 0.0);
        for (std::size_t b = 0; b < backends; ++b) {
            const auto found = caused.find(scenario.backends[b].limits.name);
            if (found == caused.end()) continue;
            direct_.back()[b] = found->second.per_open;
            per_delivery_.back()[b] = found->second.per_delivery;
        }
        all_.push_back(campaign.recipients);
        result_.campaigns.push_back({.id = campaign.id});
    }
    per_open_ = direct_;
    order_.assign(campaigns, 0.0);
    sent_now_.assign(campaigns, 0.0);
    opens_now_.assign(campaigns, 0.0);
    other_opens_.assign(campaigns, 0.0);
    done_s_.assign(campaigns, -1.0);
    held_.resize(campaigns);
    lags_.resize(campaigns);
    pending_.resize(campaigns);
    mail_.resize(campaigns);
    baseline_mean_.assign(backends, 0.0);
    capacity_.assign(backends, 0.0);
    queue_.assign(backends, 0.0);
    tick_.samples.resize(backends);
    tick_.opens.resize(campaigns);
    tick_.sent.assign(campaigns, 0.0);
    tick_.left = all_;
    tick_.active.assign(campaigns, false);
    decision_.campaigns.resize(campaigns);
    decision_.backends.resize(backends);
    reason("");

    if (policy.kind == PolicyKind::impact)
        decider_ = make_impact_decider(scenario, history());
    else if (policy.kind == PolicyKind::oracle)
        decider_ = make_oracle(scenario);
    else
        decider_ = make_simple_decider(scenario, policy);
}

/// What the backends did before the start, seen through the same telemetry. Its chance is its own, so that it changes
/// nothing in the rehearsal.
History World::history() const {
    History past(sites_.size());
    const auto length = static_cast<std::int64_t>(scenario_.history_s);
    if (length <= 0) return past;
    std::vector<Site> sites;
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        sites.emplace_back(scenario_.backends[b], phase_of(seed_, b), stream(seed_, kPast, b),
                           stream(seed_, kPastExporter, b));
        sites.back().below = sites_[b].below;
    }
    const BackendEffects calm;
    for (std::int64_t t = -length; t < 0; ++t) {
        std::vector<double> arrivals;
        for (Site& site : sites) arrivals.push_back(site.baseline.step(static_cast<double>(t), 1.0));
        for (Site& site : sites)
            if (site.below) arrivals[*site.below] += site.plant.calls();
        for (std::size_t b = 0; b < sites.size(); ++b) {
            const PlantSecond* below = sites[b].below ? &sites[*sites[b].below].last : nullptr;
            sites[b].last = sites[b].plant.step(arrivals[b], 1.0, 1.0, below);
            sites[b].exporter.take(t, sites[b].last, calm);
        }
    }
    for (std::size_t b = 0; b < sites.size(); ++b)
        past[b] = sites[b].exporter.arrived(std::numeric_limits<std::int64_t>::max() / 2);
    return past;
}

std::uint32_t World::reason(const std::string& text) {
    const auto [entry, fresh] = reasons_.try_emplace(text, static_cast<std::uint32_t>(result_.reasons.size()));
    if (fresh) result_.reasons.push_back(text);
    return entry->second;
}

double World::share_sent() const {
    double sent = 0.0, all = 0.0;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        sent += all_[c] - tick_.left[c];
        all += all_[c];
    }
    return all > 0.0 ? sent / all : 1.0;
}

double World::calls_of(std::size_t backend) const {
    return scenario_.backends[backend].plant.depends.calls;
}

/// Samples and opens that have arrived, and who may send.
void World::look(std::int64_t t, const Effects& effects) {
    const double now = static_cast<double>(t);
    tick_.t = t;
    tick_.takeover = effects.takeover;
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        tick_.samples[b] = sites_[b].exporter.arrived(t);
        baseline_mean_[b] =
            sites_[b].baseline.mean(now) * effects.backends[b].surge + others_.front().expected(t) * direct_.front()[b];
        capacity_[b] = scenario_.backends[b].plant.capacity * effects.backends[b].capacity * sites_[b].plant.scale();
        queue_[b] = sites_[b].last.queue;
    }
    for (std::size_t b = 0; b < sites_.size(); ++b)
        if (sites_[b].below) baseline_mean_[*sites_[b].below] += calls_of(b) * baseline_mean_[b];
    requests_per_open_ = effects.requests_per_open;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        tick_.opens[c].clear();
        while (!mail_[c].empty() && mail_[c].front().due <= now) {
            tick_.opens[c].push_back(std::move(mail_[c].front().report));
            mail_[c].pop_front();
        }
        const Campaign& campaign = scenario_.campaigns[c];
        tick_.active[c] =
            !effects.paused && now >= campaign.starts_s && tick_.left[c] > kNothing && now < scenario_.give_up_s;
        for (std::size_t b = 0; b < sites_.size(); ++b) per_open_[c][b] = direct_[c][b] * effects.requests_per_open;
        for (std::size_t b = 0; b < sites_.size(); ++b)
            if (sites_[b].below) per_open_[c][*sites_[b].below] += per_open_[c][b] * calls_of(b);
    }
}

void World::send(std::int64_t t, const Effects& effects) {
    double ceiling = std::min(scenario_.provider_ceiling, effects.provider_ceiling);
    std::vector<double> wanted(all_.size(), 0.0);
    double sum = 0.0;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        double& rate = decision_.campaigns[c].rate;
        if (!(rate > 0.0) || !tick_.active[c]) rate = 0.0;
        if (scenario_.campaigns[c].per_second > 0.0) rate = std::min(rate, scenario_.campaigns[c].per_second);
        rate = std::min(rate, scenario_.provider_ceiling);
        wanted[c] = std::min(rate, tick_.left[c]);
        sum += wanted[c];
    }
    const double part = sum > ceiling ? ceiling / sum : 1.0;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        sent_now_[c] = wanted[c] * part;
        if (sent_now_[c] <= 0.0) continue;
        tick_.left[c] -= sent_now_[c];
        order_[c] = all_[c] > 0.0 ? 1.0 - tick_.left[c] / all_[c] : 1.0;
        last_sent_ = t;
        if (tick_.left[c] > kNothing) continue;
        // Of the last second only the part that was needed counts.
        const double allowed = decision_.campaigns[c].rate * part;
        done_s_[c] = static_cast<double>(t) + std::min(1.0, sent_now_[c] / allowed) - scenario_.campaigns[c].starts_s;
    }
    tick_.sent = sent_now_;
}

void World::deliver(std::int64_t t, const Effects& effects, std::vector<double>& delivered) {
    for (std::size_t c = 0; c < all_.size(); ++c) {
        if (sent_now_[c] > 0.0) held_[c].push_back({sent_now_[c], order_[c], t});
        if (effects.stalled) continue;
        for (const Held& held : held_[c]) {
            audiences_[c].deliver(t, held.messages, static_cast<double>(t - held.sent), held.order);
            delivered[c] += held.messages;
        }
        held_[c].clear();
    }
    if (effects.other_sends > 0.0) others_.front().deliver(t, effects.other_sends, 0.0, 0.5);
}

void World::open(std::int64_t t, const Effects& effects) {
    for (std::size_t c = 0; c < all_.size(); ++c) {
        audiences_[c].open(t, crowd_chance_[c], lags_[c]);
        opens_now_[c] = 0.0;
        for (const LagCount& lag : lags_[c]) opens_now_[c] += lag.count;
        result_.campaigns[c].opens += opens_now_[c];
        report_opens(t, c, effects);
    }
    other_opens_.front() = static_cast<double>(other_chance_.poisson(others_.front().expected(t)));
}

void World::report_opens(std::int64_t t, std::size_t campaign, const Effects& effects) {
    const OpensSeen seen = scenario_.campaigns[campaign].opens;
    if (seen == OpensSeen::none) return;
    const double end = static_cast<double>(t) + 1.0;
    OpensReport& report = pending_[campaign];
    const double told = effects.opens_lost ? 0.0 : effects.opens_times;
    report.total += opens_now_[campaign] * told;
    report.to_s = end;
    if (seen == OpensSeen::attributed && told > 0.0) {
        report.by_lag = lags_[campaign];
        for (LagCount& lag : report.by_lag) lag.count *= told;
    }
    const double every = seen == OpensSeen::attributed ? 1.0 : kCountedEvery;
    if (std::fmod(end, every) > 1e-9) return;
    mail_[campaign].push_back({end + effects.opens_late_s, std::move(report)});
    pending_[campaign] = OpensReport{.from_s = end, .to_s = end};
}

void World::serve(std::int64_t t, const Effects& effects, const std::vector<double>& delivered) {
    const double now = static_cast<double>(t);
    std::vector<double> ours(sites_.size(), 0.0), rest(sites_.size(), 0.0);
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        rest[b] += sites_[b].baseline.step(now, effects.backends[b].surge);
        rest[b] += other_opens_.front() * direct_.front()[b] * requests_per_open_;
        for (std::size_t c = 0; c < all_.size(); ++c)
            ours[b] += opens_now_[c] * direct_[c][b] * requests_per_open_ + delivered[c] * per_delivery_[c][b];
    }
    std::vector<double> with(sites_.size()), without = rest;
    for (std::size_t b = 0; b < sites_.size(); ++b) with[b] = rest[b] + ours[b];
    for (const Site& site : sites_)
        if (site.below) {
            with[*site.below] += site.plant.calls();
            without[*site.below] += site.twin.calls();
        }
    std::vector<PlantSecond> before, twin_before;
    for (const Site& site : sites_) {
        before.push_back(site.last);
        twin_before.push_back(site.twin_last);
    }
    bool any_over = false;
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        Site& site = sites_[b];
        const BackendEffects& effect = effects.backends[b];
        site.last =
            site.plant.step(with[b], effect.capacity, effect.latency, site.below ? &before[*site.below] : nullptr);
        site.twin_last = site.twin.step(without[b], effect.capacity, effect.latency,
                                        site.below ? &twin_before[*site.below] : nullptr);
        site.exporter.take(t, site.last, effect);

        const BackendOptions& limits = scenario_.backends[b].limits;
        const double slo = Seconds(limits.latency_slo).count();
        const bool over = site.last.p99_s > slo || site.last.errors > limits.error_slo;
        const bool twin_over = site.twin_last.p99_s > slo || site.twin_last.errors > limits.error_slo;
        BackendResult& result = result_.backends[b];
        if (over && !twin_over) {
            result.seconds_over += 1.0;
            any_over = true;
        }
        if (twin_over) result.twin_seconds_over += 1.0;
        result.worst_p99_s = std::max(result.worst_p99_s, site.last.p99_s);
        result.worst_errors = std::max(result.worst_errors, site.last.errors);
        if (!keep_series_) continue;
        const Decision::OfBackend& word = decision_.backends[b];
        result.series.push_back({site.last.attempts, site.last.p99_s, site.last.errors, site.twin_last.p99_s,
                                 site.twin_last.attempts, site.last.capacity, word.committed, word.baseline,
                                 word.ceiling, over, twin_over});
    }
    if (any_over) result_.seconds_over += 1.0;
    if (!keep_series_) return;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        const Decision::OfCampaign& word = decision_.campaigns[c];
        result_.campaigns[c].series.push_back(
            {word.rate, sent_now_[c], delivered[c], opens_now_[c], reason(word.reason)});
    }
}

/// Nothing more can happen because of the campaigns.
bool World::settled(std::int64_t t) const {
    const bool given_up = static_cast<double>(t) >= scenario_.give_up_s;
    std::int64_t end = last_sent_;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        if (tick_.left[c] > kNothing && !given_up) return false;
        if (!held_[c].empty()) return false;
        end = std::max(end, last_sent_ + audiences_[c].end());
        if (const auto& rush = scenario_.campaigns[c].crowd.rush)
            end = std::max(end, static_cast<std::int64_t>(rush->at_s + 20.0 * rush->again_s));
    }
    if (t <= end) return false;
    if (t > end + kLongestTail) return true;
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        const Site& site = sites_[b];
        const double slo = Seconds(scenario_.backends[b].limits.latency_slo).count();
        if (site.last.p99_s > slo && site.twin_last.p99_s <= slo) return false;
    }
    return true;
}

SimResult World::run() {
    const Truth truth{audiences_, per_open_, order_, baseline_mean_, capacity_, queue_};
    std::vector<double> delivered(all_.size(), 0.0);
    for (std::int64_t t = 0; !settled(t); ++t) {
        const Effects effects = timeline_.at(static_cast<double>(t), share_sent());
        look(t, effects);
        Truth seen = truth;
        seen.stalled = effects.stalled;
        decider_->decide(tick_, seen, decision_);
        send(t, effects);
        std::fill(delivered.begin(), delivered.end(), 0.0);
        deliver(t, effects, delivered);
        open(t, effects);
        serve(t, effects, delivered);
    }
    result_.finished = true;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        CampaignResult& campaign = result_.campaigns[c];
        campaign.finished = done_s_[c] >= 0.0;
        campaign.completion_s = campaign.finished ? done_s_[c] : scenario_.give_up_s;
        campaign.sent = all_[c] - tick_.left[c];
        result_.finished = result_.finished && campaign.finished;
        result_.completion_s = std::max(result_.completion_s, campaign.completion_s + scenario_.campaigns[c].starts_s);
    }
    result_.struck_s = timeline_.struck();
    return std::move(result_);
}

}  // namespace tidegate::sim
