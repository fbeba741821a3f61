#include "tidegate/sim/scenario.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace tidegate::sim {
namespace {

class Checker {
  public:
    explicit Checker(std::string place) : place_(std::move(place)) {}

    /// `key` of the present table must be fine.
    void expect(bool fine, const std::string& key, std::string what, std::string hint) {
        if (!fine) faults.push_back({Errc::invalid, std::move(what), place_ + key, std::move(hint)});
    }
    void above_zero(double value, const std::string& key) {
        expect(std::isfinite(value) && value > 0.0, key, "must be above 0", "write a positive value");
    }
    void at_least_zero(double value, const std::string& key) {
        expect(value >= 0.0, key, "must not be below 0", "write 0 or more");
    }
    void share(double value, const std::string& key) {
        expect(value >= 0.0 && value <= 1.0, key, "must lie between 0 and 1", "write a share such as 0.05 or \"5%\"");
    }
    void take(Faults more, const std::string& inner) {
        for (Error& fault : more) {
            fault.where = place_ + inner + fault.where;
            faults.push_back(std::move(fault));
        }
    }

    Faults faults;

  private:
    std::string place_;
};

void check_plant(const Plant& plant, Checker& check) {
    check.above_zero(plant.capacity, "plant.capacity");
    check.expect(plant.servers >= 1.0, "plant.servers", "must be at least 1",
                 "write how many requests it serves at once");
    check.above_zero(plant.queue_s, "plant.queue");
    check.share(plant.retry_share, "plant.retry_share");
    check.expect(plant.retry_times >= 0 && plant.retry_times <= 10, "plant.retry_times", "must lie between 0 and 10",
                 "write how often a failed request is tried again");
    check.share(plant.shed_above, "plant.shed_above");
    check.share(plant.oracle_load, "plant.oracle_load");
    check.at_least_zero(plant.depends.calls, "plant.depends.calls");
    check.share(plant.depends.retries, "plant.depends.retries");
    if (!plant.autoscaler) return;
    const Autoscaler& scaler = *plant.autoscaler;
    check.expect(scaler.least > 0.0 && scaler.least <= scaler.most, "plant.autoscaler.least",
                 "must be above 0 and at most `most`", "write multiples of the plant's capacity");
    check.above_zero(scaler.target, "plant.autoscaler.target");
}

void check_backend(const Backend& backend, Checker& check) {
    check.take(backend.limits.validate(), "");
    check_plant(backend.plant, check);
    check.at_least_zero(backend.baseline.mean, "baseline.mean");
    check.share(backend.baseline.swing, "baseline.swing");
    check.above_zero(backend.baseline.swing_period_s, "baseline.swing_period");
    check.share(backend.baseline.noise, "baseline.noise");
    check.above_zero(backend.baseline.noise_time_s, "baseline.noise_time");
    const Telemetry& seen = backend.telemetry;
    check.expect(seen.period_s >= 1.0 && seen.period_s == std::floor(seen.period_s), "telemetry.period",
                 "must be whole seconds, at least one", "write e.g. \"5s\"");
    check.at_least_zero(seen.delay_s, "telemetry.delay");
    check.at_least_zero(seen.noise, "telemetry.noise");
    check.share(seen.spike_chance, "telemetry.spike_chance");
    check.at_least_zero(seen.spike_s, "telemetry.spike");
}

void check_crowd(const Crowd& crowd, Checker& check) {
    check.expect(crowd.open_rate > 0.0 && crowd.open_rate <= 1.0, "crowd.open_rate", "must be above 0 and at most 1",
                 "write the share who open, e.g. 0.08");
    check.expect(!crowd.lags.empty(), "crowd.lag", "has no part", "write at least one, or median and spread");
    for (std::size_t i = 0; i < crowd.lags.size(); ++i) {
        const std::string key = "crowd.lag[" + std::to_string(i) + "].";
        check.above_zero(crowd.lags[i].share, key + "share");
        check.above_zero(crowd.lags[i].median_s, key + "median");
        check.expect(crowd.lags[i].spread > 0.0 && crowd.lags[i].spread <= 4.0, key + "spread",
                     "must be above 0 and at most 4", "write the sigma of the logarithm, e.g. 1.2");
    }
    double before = -1.0;
    for (std::size_t i = 0; i < crowd.engagement.size(); ++i) {
        const std::string key = "crowd.engagement[" + std::to_string(i) + "].";
        check.share(crowd.engagement[i].share, key + "share");
        check.expect(crowd.engagement[i].share > before, key + "share", "must grow from entry to entry",
                     "order the entries along the audience");
        check.at_least_zero(crowd.engagement[i].factor, key + "factor");
        before = crowd.engagement[i].share;
    }
    if (!crowd.rush) return;
    check.at_least_zero(crowd.rush->at_s, "crowd.rush.at");
    check.share(crowd.rush->rate, "crowd.rush.rate");
    check.above_zero(crowd.rush->median_s, "crowd.rush.median");
    check.above_zero(crowd.rush->spread, "crowd.rush.spread");
    check.share(crowd.rush->again_share, "crowd.rush.again_share");
    check.above_zero(crowd.rush->again_s, "crowd.rush.again");
}

void check_impact(const std::map<std::string, Impact>& impacts, const std::string& table,
                  const std::set<std::string>& backends, Checker& check) {
    for (const auto& [target, impact] : impacts) {
        check.expect(backends.contains(target), table + target, "names no backend", "write a backend's name");
        check.at_least_zero(impact.per_open, table + target + ".per_open");
        check.at_least_zero(impact.per_delivery, table + target + ".per_delivery");
    }
}

void check_provider(const Provider& provider, Checker& check) {
    check.share(provider.reach, "reach");
    check.share(provider.dead, "dead");
    check.above_zero(provider.latency_s, "latency");
    check.expect(provider.latency_spread >= 0.0 && provider.latency_spread <= 4.0, "latency_spread",
                 "must lie between 0 and 4", "write the sigma of the logarithm, e.g. 0.5");
    check.share(provider.transient + provider.unanswered, "transient");
    check.at_least_zero(provider.transient, "transient");
    check.at_least_zero(provider.unanswered, "unanswered");
    check.above_zero(provider.timeout_s, "timeout");
    check.expect(provider.in_flight >= 1, "in_flight", "must be at least 1", "write how many requests go at once");
    check.at_least_zero(provider.per_second, "per_second");
}

void check_event(const Event& event, const std::set<std::string>& backends, Checker& check) {
    check.expect(std::isfinite(event.value) && event.value >= 0.0, "value", "must be a number of at least 0",
                 "see what the kind of event does with it");
    check.share(event.at_sent, "at_sent");
    check.at_least_zero(event.after_s, "after");
    check.expect(event.lasts_s > 0.0, "lasts", "must be above 0", "leave it out for an event without end");
    check.at_least_zero(event.every_s, "every");
    check.expect(event.times >= 1, "times", "must be at least 1", "write how often it happens");
    check.expect(event.kind != EventKind::stall || std::isfinite(event.lasts_s), "lasts",
                 "is missing: a provider that holds for ever", "write when it lets go, e.g. \"10m\"");
    check.expect(event.kind != EventKind::pause || std::isfinite(event.lasts_s), "lasts",
                 "is missing: a pause for ever", "write how long, e.g. \"30s\"");
    check.expect(event.backend.empty() || backends.contains(event.backend), "backend", "names no backend",
                 "write a backend's name, or leave it out for all");
}

}  // namespace

Faults Scenario::validate() const {
    Faults faults;
    const auto collect = [&faults](Checker&& check) {
        faults.insert(faults.end(), std::make_move_iterator(check.faults.begin()),
                      std::make_move_iterator(check.faults.end()));
    };
    Checker top("");
    top.expect(!backends.empty(), "backend", "there is none", "write [[backend]]");
    top.expect(!campaigns.empty(), "campaign", "there is none", "write [[campaign]]");
    top.at_least_zero(history_s, "history");
    top.above_zero(provider_ceiling, "provider_ceiling");
    top.above_zero(give_up_s, "give_up");
    top.expect(!providers.empty() && providers.size() <= 200, "provider", "there must be 1 to 200",
               "write [[provider]]");
    collect(std::move(top));

    std::set<std::string> names;
    for (std::size_t i = 0; i < backends.size(); ++i) {
        Checker check("backend[" + std::to_string(i) + "].");
        check.expect(names.insert(backends[i].limits.name).second, "name", "two backends have this name",
                     "give each its own");
        check_backend(backends[i], check);
        collect(std::move(check));
    }
    for (std::size_t i = 0; i < backends.size(); ++i) {
        const std::string& below = backends[i].plant.depends.backend;
        Checker check("backend[" + std::to_string(i) + "].");
        check.expect(below.empty() || (names.contains(below) && below != backends[i].limits.name),
                     "plant.depends.backend", "names no other backend", "write another backend's name");
        collect(std::move(check));
    }
    for (std::size_t i = 0; i < campaigns.size(); ++i) {
        const Campaign& campaign = campaigns[i];
        Checker check("campaign[" + std::to_string(i) + "].");
        check.above_zero(campaign.recipients, "recipients");
        check.at_least_zero(campaign.starts_s, "starts");
        check.at_least_zero(campaign.per_second, "per_second");
        check_crowd(campaign.crowd, check);
        check.take(campaign.belief.validate(), "belief.");
        check_impact(campaign.impact, "impact.", names, check);
        check_impact(campaign.caused, "caused.", names, check);
        check.share(campaign.audience.malformed, "audience.malformed");
        check.share(campaign.audience.repeated, "audience.repeated");
        check.share(campaign.audience.suppressed, "audience.suppressed");
        check.expect(campaign.cohorts.column.empty(), "cohorts.column", "people of a rehearsal have no columns",
                     "leave it out: cohorts go by hash");
        check.take(campaign.cohorts.validate(), "cohorts.");
        collect(std::move(check));
    }
    std::set<std::string> channels;
    for (std::size_t i = 0; i < providers.size(); ++i) {
        Checker check("provider[" + std::to_string(i) + "].");
        check.expect(!providers[i].name.empty() && channels.insert(providers[i].name).second, "name",
                     "is empty or another provider's", "give each its own");
        check_provider(providers[i], check);
        collect(std::move(check));
    }
    for (std::size_t i = 0; i < events.size(); ++i) {
        Checker check("event[" + std::to_string(i) + "].");
        check_event(events[i], names, check);
        collect(std::move(check));
    }
    return faults;
}

}  // namespace tidegate::sim
