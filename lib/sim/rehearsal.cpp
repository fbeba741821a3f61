#include "tidegate/sim/rehearsal.hpp"

#include <algorithm>
#include <cmath>

#include "sim/plant.hpp"

namespace tidegate::sim {
namespace {

Backend modelled(const tidegate::Backend& stated, const std::vector<Backend>& models) {
    const auto same = std::find_if(models.begin(), models.end(),
                                   [&](const Backend& model) { return model.limits.name == stated.limits.name; });
    Backend backend = same != models.end() ? *same : models.front();
    backend.limits = stated.limits;
    backend.limits.shadow = false;  // a rehearsal shows what enforcing does
    backend.telemetry.period_s = std::max(1.0, std::round(Seconds(period_of(stated.signal)).count()));
    if (const auto hint = stated.limits.capacity_hint) {
        const double factor = *hint / (oracle_share(backend.plant) * backend.plant.capacity);
        backend.plant.capacity *= factor;
        backend.baseline.mean *= factor;
    }
    return backend;
}

/// The campaign's route over the site's accounts, each as its provider is in the scenario.
std::vector<Provider> route(const tidegate::Site& site, const tidegate::Campaign& campaign,
                            const std::vector<Provider>& models) {
    std::vector<Provider> providers;
    for (const SendStep& step : campaign.send) {
        const auto named = [&step](const auto& one) { return one.name == step.channel; };
        const auto account = std::find_if(site.channels.begin(), site.channels.end(), named);
        if (account == site.channels.end() || std::any_of(providers.begin(), providers.end(), named)) continue;
        const auto same = std::find_if(models.begin(), models.end(), named);
        Provider provider = same != models.end() ? *same : models.front();
        provider.name = step.channel;
        provider.also = step.also;
        provider.timeout_s = Seconds(account->timeout).count();
        provider.in_flight = static_cast<std::int64_t>(account->in_flight);
        provider.per_second = std::isfinite(account->per_second.per_second) ? account->per_second.per_second : 0.0;
        providers.push_back(std::move(provider));
    }
    return providers.empty() ? models : providers;
}

/// The crowd stays as far from the new belief as it was from the old one.
Crowd as_far_off(Crowd crowd, const ResponseOptions& was, const ResponseOptions& is) {
    crowd.open_rate = std::min(1.0, crowd.open_rate * is.open_rate / was.open_rate);
    for (LagPart& lag : crowd.lags) {
        lag.median_s *= Seconds(is.median).count() / Seconds(was.median).count();
        lag.spread = std::min(4.0, lag.spread * is.spread / was.spread);
    }
    return crowd;
}

/// A campaign without a stated start is rehearsed with half an hour until its instant.
Rush as_stated(const EventOptions& event, const std::optional<WallTime>& starts) {
    Rush rush;
    if (starts) rush.at_s = std::max(0.0, Seconds(event.at - *starts).count());
    rush.rate = event.rush.response;
    rush.median_s = Seconds(event.rush.median).count();
    rush.spread = event.rush.spread;
    rush.again_share = event.rush.again_share;
    rush.again_s = Seconds(event.rush.again).count();
    return rush;
}

}  // namespace

Scenario rehearsal(Scenario scenario, const tidegate::Site& site, const tidegate::Campaign& campaign,
                   double recipients) {
    if (!site.backends.empty() && !scenario.backends.empty()) {
        std::vector<Backend> backends;
        for (const tidegate::Backend& stated : site.backends) backends.push_back(modelled(stated, scenario.backends));
        const auto known = [&backends](const std::string& name) {
            return std::any_of(backends.begin(), backends.end(),
                               [&](const Backend& backend) { return backend.limits.name == name; });
        };
        // What happened to a backend that this site does not have happens to all of them.
        for (Event& event : scenario.events)
            if (!known(event.backend)) event.backend.clear();
        for (Backend& backend : backends)
            if (!known(backend.plant.depends.backend) || backend.plant.depends.backend == backend.limits.name)
                backend.plant.depends = {};
        scenario.backends = std::move(backends);
    }
    Campaign mine = scenario.campaigns.empty() ? Campaign{} : scenario.campaigns.front();
    mine.id = campaign.id;
    mine.recipients = recipients;
    mine.starts_s = 0.0;
    mine.crowd = as_far_off(mine.crowd, mine.belief, campaign.response);
    mine.belief = campaign.response;
    mine.impact = campaign.impact;
    mine.caused.clear();
    if (campaign.event) mine.crowd.rush = as_stated(*campaign.event, campaign.starts);
    mine.per_second = std::isfinite(campaign.per_second.per_second) ? campaign.per_second.per_second : 0.0;
    mine.cohorts = campaign.cohorts;
    mine.cohorts.column.clear();  // people of a rehearsal have no columns
    mine.on_unknown = campaign.on_unknown;
    scenario.campaigns = {std::move(mine)};
    scenario.providers = route(site, campaign, scenario.providers);
    return scenario;
}

}  // namespace tidegate::sim
