#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/export.hpp"
#include "tidegate/base/rate.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate {

/// The shared limits of a domain as Redis holds them, all at one instant: for an operator's eye. Amounts are in each
/// resource's unit per second.
struct QuotaState {
    /// One flow of one node.
    struct Claim {
        std::string flow{};                       ///< "<campaign>/<channel>"
        int priority = 5;                         ///< 0..9, 9 first
        std::map<std::string, double> charged{};  ///< by resource: what it may be using
        std::map<std::string, double> wants{};    ///< by resource
        bool operator==(const Claim&) const = default;
    };
    /// A process that has leases, or had some and has not been cleared away yet.
    struct Node {
        std::string name{};           ///< name and id of its start
        Duration left{};              ///< until what it holds is free again, unless it renews; negative: that is over
        std::vector<Claim> claims{};  ///< in the order of its request
        bool operator==(const Node&) const = default;
    };
    /// A campaign, an account or a backend.
    struct Resource {
        std::string name{};                 ///< "camp:<id>", "acct:<channel>", "be:<backend>"
        std::optional<Rate> cap{};          ///< absent: nobody limits it
        double committed = 0.0;             ///< the sum that grants are made from
        double counted = 0.0;               ///< the same, added up anew from the nodes' claims
        double demand = 0.0;                ///< the sum that shares are made from
        double wants = 0.0;                 ///< the same, added up anew
        std::optional<QuotaOrder> order{};  ///< what an operator has said of it
        bool operator==(const Resource&) const = default;
    };

    std::uint64_t epoch = 0;             ///< 0: nobody has used this domain since Redis began
    Duration quiet{};                    ///< how long nothing is granted yet because memory was lost
    std::uint64_t generation = 0;        ///< of the newest order
    std::string leader{};                ///< empty = none
    std::uint64_t term = 0;              ///< of the leader
    Duration leader_left{};              ///< until its term ends unless it renews
    std::optional<QuotaOrder> domain{};  ///< what an operator has said of everything
    std::vector<Node> nodes{};           ///< by name
    std::vector<Resource> resources{};   ///< by name

    bool operator==(const QuotaState&) const = default;
    /// What does not add up: sums that differ from their parts. A cap lowered below what is leased is none: it holds
    /// when the leases that stood have been renewed. Empty = all is well.
    TIDEGATE_EXPORT std::vector<std::string> differences() const;
};

/// Asks Redis, waiting up to `patience`; changes nothing. Resources that no node claims are shown when `resources`
/// names them.
/// Errors: `invalid` options; `unavailable` when no master answers in time or it refuses this user.
TIDEGATE_EXPORT Result<QuotaState> read_quota_state(const SharedQuotaOptions& options,
                                                    const std::vector<std::string>& resources, Duration patience);

/// Gives an order to every node of the domain without being one, and returns its generation. `subject` is a resource
/// or "domain".
/// Errors: as `read_quota_state`; `refused` when the subject is aborted, which is final; `unavailable` also when too
/// few replicas follow, and when Redis has no memory (it lost it, or no node has been there yet) and the order would
/// let something go by half: what else stands is not known before the nodes have told it. After `unavailable` the order
/// may stand all the same where its answer was lost; the hint says so.
TIDEGATE_EXPORT Result<std::uint64_t> send_quota_order(const SharedQuotaOptions& options, const std::string& subject,
                                                       const QuotaChange& what, Duration patience);

}  // namespace tidegate
