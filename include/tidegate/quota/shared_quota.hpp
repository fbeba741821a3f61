#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/export.hpp"
#include "tidegate/base/rate.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"
#include "tidegate/quota/domain.hpp"
#include "tidegate/quota/quota_store.hpp"

namespace tidegate {

/// The timing of rate leases. Every node of a domain must use the same; one that differs is refused by the store.
/// Source: lib/quota/README.md says which of them the bound rests on.
struct LeaseRules {
    Duration lease = std::chrono::seconds(3);          ///< how long a rate may be used; longer rides out longer outages
    Duration renew = std::chrono::seconds(1);          ///< between renewals; shorter reacts faster and calls more often
    double jitter = 0.2;                               ///< each renewal comes this much earlier or later, 0..0.5
    Duration clock_step = std::chrono::seconds(1);     ///< the most one jump of the store's clock may count as time
    Duration margin = std::chrono::milliseconds(100);  ///< for what all the others forgot
    double drift = 0.01;                               ///< how much two hosts' clocks may differ in speed, 0..0.1
    int replicas = 0;  ///< promotable replicas that must prove that they follow; 0 = standalone, no fail-over
    Duration replica_lag = std::chrono::seconds(2);  ///< a replica further behind than this stops all grants

    bool operator==(const LeaseRules&) const = default;
    /// All faults at once: values out of range, a lease too short for its renewals.
    TIDEGATE_EXPORT Faults validate() const;
};

/// Where the shared limits live and who this node is.
struct SharedQuotaOptions {
    std::string redis{};           ///< redis[s]://[user@]host[:port][/db], redis[s]+sentinel://host,host/master[/db]
    Secret password{};             ///< of the ACL user or the default one; empty = none
    Secret sentinel_password{};    ///< of the sentinels; empty = none
    std::string ca{};              ///< extra trust anchor, PEM file; empty = the system's alone
    std::string domain{};          ///< nodes of one domain share every limit
    std::string node{};            ///< for people; the store adds an id of this very start. Default: the host's name
    std::uint64_t generation = 0;  ///< of this node's caps: the highest wins, among equals the lowest cap
    bool may_lead = true;          ///< whether this node may become the domain's leader
    LeaseRules rules{};            ///< the same on every node
    Duration connect_timeout = std::chrono::seconds(1);       ///< name, TCP, TLS and login together
    Duration reply_timeout = std::chrono::milliseconds(500);  ///< afterwards the connection is closed

    bool operator==(const SharedQuotaOptions&) const = default;
    /// All faults at once. Errors name no secret.
    TIDEGATE_EXPORT Faults validate() const;
};

/// What an operator has ordered for a resource ("camp:<id>", "be:<backend>", "acct:<channel>") or for "domain".
struct QuotaOrder {
    /// `abort` is final for its subject; the others replace each other.
    enum class State : std::uint8_t { run, pause, hold, abort };
    State state = State::run;       ///< all but `run` grant nothing
    Rate rate = Rate::unlimited();  ///< the most the subject may use while it runs
    std::uint64_t generation = 0;   ///< the newer wins; given by the store

    bool operator==(const QuotaOrder&) const = default;
};

/// What an order changes; what is absent stays as it stands when the store takes it, whoever else gives orders.
struct QuotaChange {
    std::optional<QuotaOrder::State> state{};  ///< run, pause, hold or abort
    std::optional<Rate> rate{};                ///< the most the subject may use; unlimited = as configured
    bool operator==(const QuotaChange&) const = default;
};

/// "run", "pause", "hold", "abort".
TIDEGATE_EXPORT std::string_view to_string(QuotaOrder::State state);

/// What the leader says of a campaign or a backend, for people and canaries.
struct LeaderWord {
    std::string text{};  ///< as the leader encoded it
    TimePoint at{};      ///< when the store heard it

    bool operator==(const LeaderWord&) const = default;
};

/// What this node knows of its domain.
struct QuotaView {
    std::string node{};       ///< name and id of this start
    bool reachable = false;   ///< the latest request was answered
    std::string trouble{};    ///< why not, or why nothing is granted
    TimePoint answered{};     ///< when the latest good answer came (as `renew`'s now); the epoch before the first
    std::uint64_t epoch = 0;  ///< grows whenever the store has lost or may have lost its memory
    Duration quiet{};         ///< how long nothing is granted yet because of that
    std::string leader{};     ///< node that leads; empty = none known
    std::uint64_t term = 0;   ///< of the leader
    bool leads = false;       ///< this node leads and its term has not run out
    std::uint64_t calls = 0;  ///< requests sent so far
    std::map<std::string, QuotaOrder> orders{};   ///< by subject
    std::map<std::string, LeaderWord> words{};    ///< by subject, on what was reported here; while the targets live
    std::vector<DomainCampaign> campaigns{};      ///< of the whole domain, as of `answered`; only while this node leads
    std::map<std::string, QuotaChange> untold{};  ///< by subject: orders given here that the store has not taken yet
    /// `campaigns` was read outside of a silence, so whatever had to be told again has been told.
    bool whole = false;

    bool operator==(const QuotaView&) const = default;
};

/// Limits shared between nodes through Redis by rate leases: see lib/quota/README.md for the protocol and its bound.
/// `renew` never blocks: it moves the conversation on and returns what may be used now; when the store cannot be
/// reached that runs out by itself. Call it at least every 200 ms, and obey what it returned before calling it again.
/// Threads: one.
class TIDEGATE_EXPORT SharedQuota : public QuotaStore {
  public:
    /// What is known now.
    virtual QuotaView view(TimePoint now) const = 0;
    /// What this node sends; a campaign named here grants nothing to anybody without a leader's living target. Only
    /// who sees the backends offers to lead, and who no longer sees them gives the lead back.
    virtual void report(std::vector<CampaignPart> parts, bool sees_backends) = 0;
    /// Limits below the caps, published with the next renewals while this node leads; they live for one lease. A
    /// resource once named here grants nothing without a living target. `words` go to every node they concern.
    virtual void set_targets(std::map<std::string, Rate> targets, std::map<std::string, std::string> words) = 0;
    /// Tells every node. Offered until the store has taken it, and taken once.
    virtual void order(const std::string& subject, const QuotaChange& what) = 0;
};

/// Opens the connection and waits for it up to `patience`.
/// Errors: `invalid` options; `unavailable` when no master answers in time or it refuses this user.
TIDEGATE_EXPORT Result<std::unique_ptr<SharedQuota>> make_redis_quota(const SharedQuotaOptions& options,
                                                                      Duration patience);

}  // namespace tidegate
