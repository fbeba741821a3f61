#include "sim/ground.hpp"

#include <algorithm>
#include <limits>
#include <numbers>

namespace tidegate::sim {
namespace {

double phase_of(std::uint64_t seed, std::size_t backend) {
    return 2.0 * std::numbers::pi * Rng(stream(seed, Chance::phase, backend)).uniform();
}

bool breaks(const PlantSecond& second, const BackendOptions& limits) {
    return second.p99_s > Seconds(limits.latency_slo).count() || second.errors > limits.error_slo;
}

}  // namespace

std::uint64_t stream(std::uint64_t seed, Chance kind, std::uint64_t index) {
    return seed * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(kind) * 1000003u + index;
}

Ground::Ground(const Scenario& scenario, std::uint64_t seed, bool keep_series)
    : scenario_(scenario),
      seed_(seed),
      keep_series_(keep_series),
      others_(scenario.campaigns.front().crowd),
      other_chance_(stream(seed, Chance::other_sender, 0)) {
    const std::size_t backends = scenario.backends.size();
    for (std::size_t b = 0; b < backends; ++b) {
        const Backend& backend = scenario.backends[b];
        sites_.emplace_back(backend, phase_of(seed, b), stream(seed, Chance::baseline, b),
                            stream(seed, Chance::exporter, b));
        for (std::size_t d = 0; d < backends; ++d)
            if (d != b && scenario.backends[d].limits.name == backend.plant.depends.backend) sites_.back().below = d;
        result_.backends.push_back({.name = backend.limits.name});
    }
    for (const Campaign& campaign : scenario.campaigns) {
        const auto& caused = campaign.caused.empty() ? campaign.impact : campaign.caused;
        per_open_.emplace_back(backends, 0.0);
        per_delivery_.emplace_back(backends, 0.0);
        for (std::size_t b = 0; b < backends; ++b) {
            const auto found = caused.find(scenario.backends[b].limits.name);
            if (found == caused.end()) continue;
            per_open_.back()[b] = found->second.per_open;
            per_delivery_.back()[b] = found->second.per_delivery;
        }
        result_.campaigns.push_back({.id = campaign.id});
    }
    reason("");
}

History Ground::history() const {
    History past(sites_.size());
    const auto length = static_cast<std::int64_t>(scenario_.history_s);
    if (length <= 0) return past;
    std::vector<Site> sites;
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        sites.emplace_back(scenario_.backends[b], phase_of(seed_, b), stream(seed_, Chance::past, b),
                           stream(seed_, Chance::past_exporter, b));
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

std::uint32_t Ground::reason(const std::string& text) {
    const auto [entry, fresh] = reasons_.try_emplace(text, static_cast<std::uint32_t>(result_.reasons.size()));
    if (fresh) result_.reasons.push_back(text);
    return entry->second;
}

void Ground::tell(std::int64_t t, const Effects& effects, std::vector<double>& baseline, std::vector<double>& capacity,
                  std::vector<double>& queue) const {
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        const Site& site = sites_[b];
        baseline[b] = site.baseline.mean(static_cast<double>(t)) * effects.backends[b].surge +
                      others_.expected(t) * per_open_.front()[b];
        capacity[b] = scenario_.backends[b].plant.capacity * effects.backends[b].capacity * site.plant.scale();
        queue[b] = site.last.queue;
    }
    for (std::size_t b = 0; b < sites_.size(); ++b)
        if (sites_[b].below) baseline[*sites_[b].below] += scenario_.backends[b].plant.depends.calls * baseline[b];
}

void Ground::serve(std::int64_t t, const Effects& effects, const std::vector<double>& opens,
                   const std::vector<double>& delivered, const std::vector<Decision::OfBackend>& words) {
    if (effects.other_sends > 0.0) others_.deliver(t, effects.other_sends, 0.0, 0.5);
    const auto other_opens = static_cast<double>(other_chance_.poisson(others_.expected(t)));
    std::vector<double> ours(sites_.size(), 0.0), rest(sites_.size(), 0.0);
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        rest[b] += sites_[b].baseline.step(static_cast<double>(t), effects.backends[b].surge);
        rest[b] += other_opens * per_open_.front()[b] * effects.requests_per_open;
        for (std::size_t c = 0; c < opens.size(); ++c)
            ours[b] += opens[c] * per_open_[c][b] * effects.requests_per_open + delivered[c] * per_delivery_[c][b];
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
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        Site& site = sites_[b];
        const BackendEffects& effect = effects.backends[b];
        site.last =
            site.plant.step(with[b], effect.capacity, effect.latency, site.below ? &before[*site.below] : nullptr);
        site.twin_last = site.twin.step(without[b], effect.capacity, effect.latency,
                                        site.below ? &twin_before[*site.below] : nullptr);
        site.exporter.take(t, site.last, effect);
    }
    book(words);
}

void Ground::book(const std::vector<Decision::OfBackend>& words) {
    bool any_over = false;
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        const Site& site = sites_[b];
        const bool over = breaks(site.last, scenario_.backends[b].limits);
        const bool twin_over = breaks(site.twin_last, scenario_.backends[b].limits);
        BackendResult& result = result_.backends[b];
        if (over && !twin_over) {
            result.seconds_over += 1.0;
            any_over = true;
        }
        if (twin_over) result.twin_seconds_over += 1.0;
        result.worst_p99_s = std::max(result.worst_p99_s, site.last.p99_s);
        result.worst_errors = std::max(result.worst_errors, site.last.errors);
        if (!keep_series_) continue;
        const Decision::OfBackend& word = words[b];
        result.series.push_back({site.last.attempts, site.last.p99_s, site.last.errors, site.twin_last.p99_s,
                                 site.twin_last.attempts, site.last.capacity, word.committed, word.baseline,
                                 word.ceiling, over, twin_over});
    }
    if (any_over) result_.seconds_over += 1.0;
}

bool Ground::recovered() const {
    for (std::size_t b = 0; b < sites_.size(); ++b) {
        const double slo = Seconds(scenario_.backends[b].limits.latency_slo).count();
        if (sites_[b].last.p99_s > slo && sites_[b].twin_last.p99_s <= slo) return false;
    }
    return true;
}

}  // namespace tidegate::sim
