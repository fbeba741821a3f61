#pragma once

#include "tidegate/delivery/campaign.hpp"
#include "tidegate/delivery/site.hpp"
#include "tidegate/sim/scenario.hpp"

namespace tidegate::sim {

/// Puts a site and a campaign into a scenario, so that what happens there happens to them.
///
/// The scenario keeps its events, provider and history, and how wrong its first campaign's beliefs are (five times as
/// many opens as believed stay five times as many). Everything stated in the files replaces its own: the backends'
/// objectives, hints, reserves and telemetry periods, the response, the impact, the limit, the cohorts (by hash, also
/// where they go by a column), the route and its accounts. A site's backend is modelled on the scenario's backend of
/// that name, else on its first; where the engineer gave a capacity hint, plant and baseline are resized so that the
/// hint is what that kind of backend bears.
TIDEGATE_EXPORT Scenario rehearsal(Scenario scenario, const tidegate::Site& site, const tidegate::Campaign& campaign,
                                   double recipients);

}  // namespace tidegate::sim
