#pragma once

#include <map>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/rate.hpp"

namespace tidegate {

/// Requests that one message of a campaign causes at one backend.
struct CardImpact {
    double per_open = 0.0;      ///< by each person who opens
    double per_delivery = 0.0;  ///< at the moment of delivery

    bool operator==(const CardImpact&) const = default;
};

/// What the leader of a domain has to know of a campaign in order to steer it, whichever node sends it.
struct CampaignCard {
    int priority = 5;         ///< 0..9, 9 first
    double open_rate = 0.08;  ///< of the response curve as its sender knows it now, doubt included; (0, 1]
    double median_s = 45.0;   ///< lag from send to open
    double spread = 1.2;      ///< sigma of the log-normal lag
    double evidence = 0.0;    ///< opens the curve rests on; of several nodes' cards the one that rests on most is kept
    double horizon_s = 0.0;   ///< how long after a send it is felt
    std::map<std::string, CardImpact> impact{};  ///< by backend

    bool operator==(const CampaignCard&) const = default;
};

/// Messages of ages between `from_s` and `to_s`, evenly.
struct SentThen {
    double from_s = 0.0;    ///< seconds ago, the younger end
    double to_s = 0.0;      ///< the older one, > from_s
    double messages = 0.0;  ///< may be a fraction

    bool operator==(const SentThen&) const = default;
};

/// What this node sends of a campaign.
struct CampaignPart {
    std::string id{};     ///< its flows draw on "camp:<id>"
    CampaignCard card{};  ///< what the leader must know of it
    double sent = 0.0;    ///< messages so far, less those known to have reached nobody
    /// What of them is still felt, for a store that has lost its memory.
    std::vector<SentThen> recent{};

    bool operator==(const CampaignPart&) const = default;
};

/// A campaign of the domain, as the leader sees it.
struct DomainCampaign {
    std::string id{};              ///< its flows draw on "camp:<id>"
    CampaignCard card{};           ///< of the node that told last
    Rate wants{};                  ///< all nodes' together; 0 when nobody has anything to send
    std::vector<SentThen> sent{};  ///< what all nodes have reported, and those that died may have sent; ages as of `at`
    double unreported = 0.0;       ///< granted since the nodes' last reports: may have been sent within the last second
    TimePoint at{};                ///< when the store was asked

    bool operator==(const DomainCampaign&) const = default;
};

}  // namespace tidegate
