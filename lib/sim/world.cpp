#include "sim/world.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::sim {
namespace {

constexpr double kNothing = 1e-6;                // messages
constexpr double kCountedEvery = 5.0;            // seconds an interval of counted opens is long
constexpr std::int64_t kLongestTail = 3 * 3600;  // seconds a backend is given to recover after the last open

}  // namespace

World::World(const Scenario& scenario, const Policy& policy, std::uint64_t seed, bool keep_series)
    : scenario_(scenario), keep_series_(keep_series), timeline_(scenario), ground_(scenario, seed, keep_series) {
    const std::size_t backends = scenario.backends.size(), campaigns = scenario.campaigns.size();
    for (std::size_t c = 0; c < campaigns; ++c) {
        audiences_.emplace_back(scenario.campaigns[c].crowd);
        crowd_chance_.emplace_back(stream(seed, Chance::crowd, c));
        all_.push_back(scenario.campaigns[c].recipients);
    }
    per_open_.assign(campaigns, std::vector<double>(backends, 0.0));
    order_.assign(campaigns, 0.0);
    sent_now_.assign(campaigns, 0.0);
    opens_now_.assign(campaigns, 0.0);
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

    if (policy.kind == PolicyKind::impact)
        decider_ = make_impact_decider(scenario, ground_.history());
    else if (policy.kind == PolicyKind::oracle)
        decider_ = make_oracle(scenario);
    else
        decider_ = make_simple_decider(scenario, policy);
}

double World::share_sent() const {
    double sent = 0.0, all = 0.0;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        sent += all_[c] - tick_.left[c];
        all += all_[c];
    }
    return all > 0.0 ? sent / all : 1.0;
}

/// Samples and opens that have arrived, and who may send.
void World::look(std::int64_t t, const Effects& effects) {
    const double now = static_cast<double>(t);
    const std::size_t backends = scenario_.backends.size();
    tick_.t = t;
    tick_.takeover = effects.takeover;
    for (std::size_t b = 0; b < backends; ++b) tick_.samples[b] = ground_.arrived(b, t);
    ground_.tell(t, effects, baseline_mean_, capacity_, queue_);
    for (std::size_t c = 0; c < all_.size(); ++c) {
        tick_.opens[c].clear();
        while (!mail_[c].empty() && mail_[c].front().due <= now) {
            tick_.opens[c].push_back(std::move(mail_[c].front().report));
            mail_[c].pop_front();
        }
        const Campaign& campaign = scenario_.campaigns[c];
        tick_.active[c] =
            !effects.paused && now >= campaign.starts_s && tick_.left[c] > kNothing && now < scenario_.give_up_s;
        for (std::size_t b = 0; b < backends; ++b) per_open_[c][b] = ground_.per_open(c, b) * effects.requests_per_open;
        for (std::size_t b = 0; b < backends; ++b)
            if (const auto below = ground_.below(b))
                per_open_[c][*below] += per_open_[c][b] * scenario_.backends[b].plant.depends.calls;
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
}

void World::open(std::int64_t t, const Effects& effects) {
    for (std::size_t c = 0; c < all_.size(); ++c) {
        audiences_[c].open(t, crowd_chance_[c], lags_[c]);
        opens_now_[c] = 0.0;
        for (const LagCount& lag : lags_[c]) opens_now_[c] += lag.count;
        ground_.result().campaigns[c].opens += opens_now_[c];
        report_opens(t, c, effects);
    }
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

void World::record(const std::vector<double>& delivered) {
    if (!keep_series_) return;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        const Decision::OfCampaign& word = decision_.campaigns[c];
        ground_.result().campaigns[c].series.push_back(
            {word.rate, sent_now_[c], delivered[c], opens_now_[c], ground_.reason(word.reason)});
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
    return t > end + kLongestTail || ground_.recovered();
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
        ground_.serve(t, effects, opens_now_, delivered, decision_.backends);
        record(delivered);
    }
    SimResult& result = ground_.result();
    result.finished = true;
    for (std::size_t c = 0; c < all_.size(); ++c) {
        CampaignResult& campaign = result.campaigns[c];
        campaign.finished = done_s_[c] >= 0.0;
        campaign.completion_s = campaign.finished ? done_s_[c] : scenario_.give_up_s;
        campaign.sent = all_[c] - tick_.left[c];
        result.finished = result.finished && campaign.finished;
        result.completion_s = std::max(result.completion_s, campaign.completion_s + scenario_.campaigns[c].starts_s);
    }
    result.struck_s = timeline_.struck();
    return std::move(result);
}

}  // namespace tidegate::sim
