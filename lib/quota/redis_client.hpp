#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tidegate/base/rng.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate::quota {

/// Rules of the client that a test may break, to see that somebody notices.
struct BrokenRules {
    bool expiry_from_answer = false;  ///< the lease counts from the answer's arrival
};

/// The client's half of the protocol as a pure machine: what to ask, and what may be used meanwhile. Every `now` is a
/// time of `awake_now()`.
class LeaseClient {
  public:
    /// What this process wants, and whether a request could go out now. What was shown at the last Demand is obeyed.
    struct Demand {
        std::span<const Flow> flows;
        bool can_ask = false;
    };
    struct Answer {
        std::string_view json;
    };  ///< to the request that is out
    struct Lost {
        std::string why;
    };                    ///< nobody knows whether that request was carried out
    struct Connected {};  ///< a connection stands where there was none: perhaps the server is another
    struct Notice {
        std::string_view json;
    };  ///< an order, heard on the channel
    using Event = std::variant<Demand, Answer, Lost, Connected, Notice>;

    struct Wait {};
    struct Ask {
        std::string json;
    };              ///< hand this to the script, once
    struct Leave {  ///< this server should not be asked again: find the master anew
        std::string why{};
    };
    using Action = std::variant<Wait, Ask, Leave>;

    LeaseClient(const SharedQuotaOptions& options, std::string node, std::uint64_t seed, BrokenRules broken = {});

    void set_cap(const std::string& resource, Rate cap);
    void set_targets(std::map<std::string, Rate> targets, std::map<std::string, std::string> words) {
        targets_ = std::move(targets);
        words_ = std::move(words);
    }
    void report(std::vector<CampaignPart> parts, bool sees_backends) {
        parts_ = std::move(parts);
        sees_ = sees_backends;
    }

    Action resume(const Event& event, TimePoint now);
    /// For the flows of the last Demand, in their order; `expires` and `expires_awake` are both on `awake_now()`. From
    /// now on these rates count as in use.
    std::vector<Lease> leases(TimePoint now);
    /// Without `reachable`, `calls` and what the connection knows.
    QuotaView view(TimePoint now) const;
    const std::vector<CampaignPart>& parts() const { return parts_; }
    /// Nothing is granted, nothing is out and the store holds nothing of ours.
    bool settled() const { return !out_ && !registered_ && (leader_ != node_ || sees_); }
    std::uint64_t generation() const { return generation_; }
    const std::string& node() const { return node_; }

  private:
    struct Grant {
        std::int64_t rate = 0;  // thousandths; what may be used at most
        TimePoint expires{};
        std::string limited_by;
    };
    struct Sent {
        TimePoint at;
        std::vector<std::string> flows;
        bool past = false;    // it told what was sent before the store lost its memory
        bool orders = false;  // and what was ordered
    };

    Action demand(const Demand& demand, TimePoint now);
    Action ask(TimePoint now);
    Action answer(std::string_view json, TimePoint now);
    void lose(std::string why, TimePoint now);
    void hear(std::string_view json);
    bool heed(const std::string& subject, std::uint64_t generation, std::string_view state, std::int64_t rate);
    bool stopped(const Flow& flow) const;
    std::int64_t usable(const Flow& flow, TimePoint now) const;
    bool leads(TimePoint now) const { return leader_ == node_ && now < leader_until_; }
    bool has_news() const;
    Duration jittered(Duration period);
    Duration soon();

    const LeaseRules rules_;
    const std::string node_;
    const std::uint64_t cap_generation_;
    const bool may_lead_;
    const BrokenRules broken_;
    Rng chance_;

    std::map<std::string, Rate> caps_;
    std::map<std::string, Rate> targets_, published_;
    std::map<std::string, std::string> words_;  // beside the targets
    std::vector<CampaignPart> parts_;
    std::map<std::string, QuotaOrder> orders_;
    std::vector<Flow> flows_;
    std::map<std::string, Grant> grants_;
    std::map<std::string, std::int64_t> shown_;    // what the caller was last told it may use
    std::map<std::string, Flow> shown_flows_;      // and of which flow
    std::map<std::string, std::int64_t> showing_;  // being told now; becomes `shown_` at the next Demand
    std::map<std::string, std::int64_t> asked_;    // wants of the latest request

    std::optional<Sent> out_;
    std::optional<TimePoint> last_sent_;
    std::uint64_t sequence_ = 0;
    TimePoint due_ = TimePoint::min();
    std::uint64_t epoch_ = 0;
    std::int64_t seen_ = 0;                            // the store's virtual time within that epoch
    std::uint64_t past_epoch_ = 0, orders_epoch_ = 0;  // to which the past and the orders were told
    std::map<std::string, LeaderWord> heard_;
    std::vector<DomainCampaign> campaigns_;
    std::uint64_t generation_ = 0;
    TimePoint answered_{}, quiet_until_{}, leader_until_{};
    std::string leader_, trouble_;
    std::uint64_t term_ = 0;
    bool sees_ = true;         // this node sees every backend its campaigns load
    bool registered_ = false;  // the store may hold something of ours
    bool forgotten_ = false;   // the store has lost its memory while we were there
    bool whole_ = false;       // the record of every campaign came whole
    bool silent_ = false;      // the latest answer came out of a silence
};

/// Of a state, as the store writes it.
std::optional<QuotaOrder::State> state_of_word(std::string_view text);
/// Thousandths, bounded to what the store counts with; unlimited is the bound.
std::int64_t thousandths(Rate rate);

}  // namespace tidegate::quota
