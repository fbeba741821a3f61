#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidegate/audience/source.hpp"
#include "tidegate/base/secret.hpp"
#include "tidegate/cohort/plan.hpp"
#include "tidegate/ledger/types.hpp"

namespace tidegate {

/// Everything that becomes durable together. Applied in one transaction: all of it or none.
struct LedgerBatch {
    std::vector<LedgerDelivery> deliveries{};  ///< inserted or replaced by id; intents and outcomes alike
    std::vector<RecipientFinal> finals{};      ///< of recipients
    std::vector<CohortRecord> cohorts{};       ///< replaced by index
    std::vector<ChannelTally> tallies{};       ///< added to what is there, by name
    std::vector<BackendTick> backend_ticks{};  ///< appended
    std::vector<CampaignTick> ticks{};         ///< appended
    std::vector<HoldRecord> holds{};           ///< replaced by (backend, from)
    std::vector<BackendSummary> backends{};    ///< seconds added, worst raised, by name
    std::vector<EventRecord> events{};         ///< appended
    std::vector<std::pair<std::string, std::string>> meta{};  ///< replaced by name
    std::uint64_t attempts = 0;                               ///< added to the attempt count
    double elapsed_s = 0;                                     ///< added to the running time

    /// Whether a commit would change nothing.
    bool empty() const;
};

/// A place in the audience's order of sending: cohort, then shard, then recipient.
struct LedgerCursor {
    std::uint32_t cohort = 0;  ///< index
    std::uint32_t shard = 0;   ///< within the cohort
    std::int64_t id = 0;       ///< recipients with a greater id come next
    bool operator==(const LedgerCursor&) const = default;
};

/// Counts that the report's invariants are about.
struct LedgerTotals {
    std::uint64_t rows = 0;                             ///< of data in the audience
    std::uint64_t malformed = 0;                        ///< rows that could not be used
    std::uint64_t duplicates = 0;                       ///< rows that repeated a key
    std::uint64_t recipients = 0;                       ///< people
    std::uint64_t deliveries = 0;                       ///< begun so far
    std::uint64_t attempts = 0;                         ///< intended so far, retries included
    double elapsed_s = 0;                               ///< running time over all runs
    std::array<std::uint64_t, final_count> outcomes{};  ///< recipients, indexed by `Final`
    bool operator==(const LedgerTotals&) const = default;
};

/// The durable memory of one campaign. Five verbs; `commit` is the only one that changes anything.
/// Threads: `commit` from one thread; the reading verbs from one other thread at the same time (separate snapshots).
class TIDEGATE_EXPORT Ledger {
  public:
    virtual ~Ledger() = default;
    /// Returns when the batch is on disk. Errors: `unavailable` (disk full, I/O): nothing of the batch was applied.
    virtual Result<void> commit(const LedgerBatch& batch) = 0;
    /// Pending recipients of the cursor's cohort after the cursor, in order, at most `limit`; empty at the cohort's
    /// end.
    virtual Result<std::vector<LedgerRecipient>> walk(const LedgerCursor& after, std::size_t limit) = 0;
    /// Deliveries not `done` with an id above `after`, in order of id, each with its recipient. After a crash the
    /// `intended` among them are in doubt.
    virtual Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> open(DeliveryId after,
                                                                                 std::size_t limit) = 0;
    /// One recipient with all deliveries.
    virtual Result<LedgerEntry> of(std::int64_t recipient) = 0;
    /// One recorded fact by name; nothing when there is none.
    virtual Result<std::optional<std::string>> meta(const std::string& name) = 0;
};

}  // namespace tidegate
