#pragma once

#include <atomic>
#include <memory>

#include "tidegate/ledger/ledger.hpp"

namespace tidegate::testing {

/// A ledger in memory that can be told to fail: for hosts' tests and for ours. Threads: as `Ledger`.
class TIDEGATE_EXPORT FaultyLedger final : public Ledger {
  public:
    FaultyLedger();
    ~FaultyLedger() override;

    /// Adds a pending recipient; ids count from 1.
    std::int64_t add(LedgerRecipient recipient);
    /// After `commits` further commits every commit fails with `unavailable` ("disk full") until healed.
    void fail_after(std::uint64_t commits);
    /// Commits work again.
    void heal();
    /// A copy of what would be on disk now: reopen it to play a crash.
    std::unique_ptr<FaultyLedger> crash() const;

    Result<void> commit(const LedgerBatch& batch) override;
    Result<std::vector<LedgerRecipient>> walk(const LedgerCursor& after, std::size_t limit) override;
    Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> open(DeliveryId after, std::size_t limit) override;
    Result<LedgerEntry> of(std::int64_t recipient) override;
    Result<std::optional<std::string>> meta(const std::string& name) override;
    /// Counts over what is there.
    LedgerTotals totals() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::testing
