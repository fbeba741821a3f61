#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "delivery/backend_watch.hpp"
#include "delivery/campaign_run.hpp"
#include "tidegate/delivery/site.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate::delivery {

/// The Gate's side of limits that are shared between nodes: orders travel both ways, and somebody watches whether the
/// store is there. Threads: the control thread, except `view` and `hold_domain`.
class Sharing {
  public:
    using Runs = std::vector<std::shared_ptr<CampaignRun>>;
    using Backends = std::vector<std::unique_ptr<BackendWatch>>;

    Sharing(std::unique_ptr<SharedQuota> store, Duration grace, const Clock& clock, Log& log);

    SharedQuota& store() { return *store_; }

    /// What operators ordered here goes to the domain; what they ordered elsewhere acts on what is here.
    void exchange_orders(const Runs& runs, Backends& backends);
    /// Why nothing may go in the whole domain; nothing when it may.
    std::optional<std::string> domain_holds() const;
    /// How a run stands with the leases it has just been given: why they hold it back, if they do. While the store is
    /// away and the leases have ended that is on record as a hold; after the grace the run is given up.
    std::optional<std::string> stands(CampaignRun& run, bool wants, const std::vector<Lease>& leases);
    /// After the last tick: offers what was ordered and not taken yet for a moment, and gives every lease back.
    void part(const Runs& runs, Backends& backends);

    /// Any thread.
    QuotaView view() const;
    /// Any thread: stops or frees the whole domain.
    void hold_domain(bool held);

  private:
    struct Standing {
        std::uint64_t heard = 0;  // generation of the newest order that has acted on it
        std::optional<TimePoint> away_since;
        std::optional<HoldRecord> hold;
    };
    void tell(const Runs& runs, Backends& backends);
    void hear(const Runs& runs, Backends& backends, const QuotaView& now);
    void watch_store(const QuotaView& now);
    std::optional<QuotaChange> news(const std::string& subject, const QuotaView& now, std::uint64_t& heard) const;

    const std::unique_ptr<SharedQuota> store_;
    const Duration grace_;
    const Clock& clock_;
    Log& log_;
    std::map<const CampaignRun*, Standing> standings_;
    std::map<std::string, std::uint64_t> heard_;  // by subject: backends and the domain
    bool reachable_ = true;

    mutable std::mutex mutex_;  // everything below
    QuotaView view_;
    QuotaOrder::State domain_ = QuotaOrder::State::run;
    bool domain_to_tell_ = false;
};

}  // namespace tidegate::delivery
