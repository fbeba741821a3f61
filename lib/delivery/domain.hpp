#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "delivery/canary_gate.hpp"
#include "tidegate/delivery/campaign.hpp"
#include "tidegate/pacing/admission.hpp"
#include "tidegate/quota/shared_quota.hpp"

// What the nodes of a domain tell each other of campaigns and backends, and what a leader makes of it. Pure.
namespace tidegate::delivery {

/// What this node says of a campaign that it sends.
CampaignPart part_of(const Campaign& campaign, const Reaction& reaction, TimePoint now);

/// What a campaign's sends are causing, of whatever nodes they were: the card's curve over the record.
Reaction reaction_of(const DomainCampaign& campaign);

/// As this node knows its people, over what all nodes have sent. Where nobody else has sent any of it, its own finer
/// record stays.
Reaction with_others(Reaction ours, const DomainCampaign& campaign, TimePoint now);

/// What the leader says of a backend.
struct BackendWord {
    BackendSight sight{};  ///< `sampled` on the clock of whoever holds it
    std::string state{};   ///< of the controller: "open", "hold", ...
    OwnLoad ours{};        ///< of all campaigns, when the newest sample was taken
    double fades_s = 0;    ///< how long that load is still felt
    double median_s = 0;   ///< longest median lag among the campaigns
    double per_open = 0;   ///< most requests that one open causes

    bool operator==(const BackendWord&) const = default;
};

std::string to_text(const BackendWord& word, TimePoint now);
/// Nothing where it cannot be read.
std::optional<BackendWord> backend_word(const std::string& backend, const LeaderWord& heard);

}  // namespace tidegate::delivery
