#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>

namespace tidegate::delivery {

/// Recipients that were closed in memory while the disk still says otherwise. Whoever reads them back from the ledger
/// before that would undo what was decided, or send twice. Pure; confined to one thread.
class Unwritten {
  public:
    /// Closed in the job of this number; numbers never fall.
    void closed(std::int64_t recipient, std::uint64_t job) {
        newest_[recipient] = job;
        order_.emplace_back(job, recipient);
    }
    /// Every job up to this one is on disk.
    void written(std::uint64_t job) {
        for (; !order_.empty() && order_.front().first <= job; order_.pop_front()) {
            const auto known = newest_.find(order_.front().second);
            if (known != newest_.end() && known->second <= job) newest_.erase(known);
        }
    }
    bool contains(std::int64_t recipient) const { return newest_.contains(recipient); }
    void clear() { *this = {}; }

  private:
    std::unordered_map<std::int64_t, std::uint64_t> newest_;
    std::deque<std::pair<std::uint64_t, std::int64_t>> order_;
};

}  // namespace tidegate::delivery
