#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "delivery/steering.hpp"
#include "ledger/memory_ledger.hpp"
#include "sim/ground.hpp"
#include "sim/provider_model.hpp"

namespace tidegate::sim {

/// One process of the gate in virtual time: what a `Gate` owns, and the work of its threads done in turn on the
/// caller's. When it goes it dies without a word, as a process that is killed; what its runs have committed stays.
/// The clock and the scenario outlive it. Threads: one.
class Node {
  public:
    Node(const Scenario& scenario, const Policy& policy, const std::vector<std::shared_ptr<ProviderModel>>& providers,
         const Clock& clock);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    /// Watches a backend through its past: all of it is remembered, and the newest of it as it came.
    void look_back(std::size_t backend, const std::vector<Sample>& past);
    /// A sample has arrived.
    void sample(std::size_t backend, const Sample& sample);
    /// Begins a campaign, or resumes it where its ledger has been begun.
    void start(std::size_t campaign, const tidegate::Campaign& file, const ledger::MemoryLedger& ledger,
               std::shared_ptr<SuppressionSource> suppression, std::uint64_t seed);
    /// The campaign's run; null before it has begun.
    delivery::CampaignRun* run(std::size_t campaign) const { return runs_[campaign].get(); }
    /// Some run has not ended.
    bool busy() const;

    /// The control thread's tick.
    void steer();
    /// A round of the feeder and what the writer does upon it.
    void work();
    /// The keeper's round.
    void keep();

    /// What is believed of a backend now, for the record.
    Decision::OfBackend word(std::size_t backend) const;

  private:
    const Scenario& scenario_;
    const Clock& clock_;
    Log log_;
    std::vector<std::unique_ptr<delivery::Account>> accounts_;
    std::vector<std::shared_ptr<PushSensor>> sensors_;
    std::vector<std::unique_ptr<delivery::BackendWatch>> backends_;
    std::unique_ptr<QuotaStore> quota_;
    delivery::Steering steering_;
    std::vector<std::shared_ptr<delivery::CampaignRun>> runs_;   // by campaign
    std::vector<std::shared_ptr<delivery::CampaignRun>> begun_;  // of these, in order of their beginning
};

}  // namespace tidegate::sim
