#pragma once

#include <memory>
#include <vector>

#include "tidegate/audience/source.hpp"
#include "tidegate/cohort/plan.hpp"
#include "tidegate/ledger/ledger.hpp"

namespace tidegate::ledger {

/// A campaign's ledger that lasts as long as somebody holds it, for rehearsals and tests. Copies see the same memory,
/// as two connections see the same file: a run may die, and the next one resumes from what it committed.
/// Threads: any.
class MemoryLedger final : public Ledger {
  public:
    MemoryLedger();
    ~MemoryLedger() override;
    MemoryLedger(const MemoryLedger&) = default;
    MemoryLedger& operator=(const MemoryLedger&) = default;
    /// A memory of its own with everything that is in this one.
    MemoryLedger snapshot() const;

    /// Adds a pending recipient; ids count from 1.
    std::int64_t add(LedgerRecipient recipient);
    /// Reads an audience to its end: the same people, places and counts as in a ledger on disk with `devices =
    /// "first"`. Errors: those of the source; columns missing.
    Result<void, Faults> ingest(AudienceSource& audience, const AudienceMapping& mapping, CohortPlan plan);

    Result<void> commit(const LedgerBatch& batch) override;
    Result<std::vector<LedgerRecipient>> walk(const LedgerCursor& after, std::size_t limit) override;
    Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> open(DeliveryId after, std::size_t limit) override;
    Result<LedgerEntry> of(std::int64_t recipient) override;
    Result<std::optional<std::string>> meta(const std::string& name) override;

    // The report's readings, as `SqliteLedger` has them.
    LedgerTotals totals() const;
    std::vector<CohortRecord> cohorts() const;
    std::vector<ChannelTally> tallies() const;
    std::vector<BackendSummary> backends() const;
    std::vector<HoldRecord> holds() const;
    std::vector<CampaignTick> ticks() const;
    std::vector<EventRecord> events() const;
    std::vector<MalformedRecord> malformed(std::size_t limit) const;

  private:
    struct Memory;
    explicit MemoryLedger(std::shared_ptr<Memory> memory);
    std::shared_ptr<Memory> memory_;
};

}  // namespace tidegate::ledger
