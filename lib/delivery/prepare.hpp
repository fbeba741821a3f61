#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "delivery/campaign_run.hpp"
#include "tidegate/delivery/gate.hpp"

namespace tidegate::delivery {

/// Everything that can be wrong with a campaign is found here, before a thread sees it: the campaign itself, its
/// audience, its suppression lists, its ledger (made, or resumed and compared), the form of its first messages.
/// A ledger made by a call that then fails is removed again.
Result<RunParts, Faults> prepare(const Site& site, const Campaign& campaign, AudienceSource& audience,
                                 const std::vector<Account*>& accounts, const RunOptions& options, bool dry_run,
                                 const Clock& clock);

/// `prepare` into a directory that is removed again, and a look at everyone in it.
Result<Preview, Faults> preview(const Site& site, const Campaign& campaign, AudienceSource& audience,
                                const std::vector<Account*>& accounts, std::size_t samples, const Clock& clock);

/// Messages of the last run that are still being opened, from what its ledger tells: (seconds before now, messages),
/// oldest first.
std::vector<std::pair<double, double>> recent_releases(const std::vector<CampaignTick>& ticks, const Campaign& campaign,
                                                       WallTime wall);

/// The campaign's facts a resumed ledger must agree with, by name.
std::map<std::string, std::string> content_of(const Campaign& campaign);

}  // namespace tidegate::delivery
