#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "delivery/account.hpp"
#include "tidegate/ledger/ledger.hpp"

namespace tidegate::delivery {

/// What goes to disk together, and what leaves the machine once it is there.
struct WriteJob {
    LedgerBatch batch;
    std::vector<std::pair<Account*, Attempt>> attempts;  ///< submitted after the commit, never before
    std::vector<std::pair<Account*, std::size_t>>
        settled;                  ///< answers of earlier attempts that this batch makes durable
    std::vector<Final> reopened;  ///< what recipients were that this batch takes up again or changes
    std::uint64_t number = 0;     ///< of the newest job in it
    TimePoint made_at{};          ///< when the oldest of its attempts was decided
    /// When night falls for advertisements among the attempts that may not go at night.
    std::optional<WallTime> night_falls = std::nullopt;
    bool last = false;  ///< the run is over once this is on disk
};

/// Adds `from` behind `into`; committing the sum equals committing both in turn.
void append(LedgerBatch& into, LedgerBatch&& from);

/// The queue from the feeder to the writer. Threads: any.
class Outbox {
  public:
    void push(WriteJob job);
    /// Everything queued, as one job; the queue is then empty. `last` jobs are never joined with later ones: there are
    /// none.
    std::optional<WriteJob> take();
    /// A job whose commit failed goes back to the front.
    void put_back(WriteJob job);
    bool idle() const;
    /// The writer is done with the job it took.
    void finished();
    std::size_t size() const;

  private:
    mutable std::mutex mutex_;
    std::deque<WriteJob> jobs_;
    bool taken_ = false;
};

}  // namespace tidegate::delivery
