#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "ledger/key_index.hpp"
#include "ledger/sqlite.hpp"

namespace tidegate::ledger {

/// Finds a ledger's recipients by key, and when they were sent to. The ledger has no index over keys (random ones cost
/// ingest more than everything else); this one is built when it is first needed, by reading every key once, and takes
/// at most some 64 MiB whatever their number. Its connection is its own: neither sender nor report waits for it.
/// Threads: one.
class KeyLookup {
  public:
    /// Errors: the ledger cannot be read; `stopped`.
    static Result<std::unique_ptr<KeyLookup>> build(const std::string& path, const std::stop_token& stop);

    /// Recipients the ledger had when this was built; ids run from 1.
    std::int64_t recipients() const { return recipients_; }
    Result<std::optional<std::int64_t>> find(std::string_view key);
    /// When the newest message left for a recipient that had left by `by` and that nobody refused; nothing when none
    /// did.
    Result<std::optional<WallTime>> sent(std::int64_t recipient, WallTime by);

  private:
    KeyLookup(Database database, KeyIndexOptions options)
        : database_(std::move(database)), index_(std::move(options)) {}

    Database database_;
    KeyIndex index_;
    std::int64_t recipients_ = 0;
};

}  // namespace tidegate::ledger
