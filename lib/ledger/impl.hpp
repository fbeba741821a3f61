#pragma once

#include <mutex>

#include "ledger/files.hpp"
#include "ledger/person_box.hpp"
#include "ledger/sqlite.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"

namespace tidegate {

/// Two connections: the writer's transactions and the reader's snapshots do not wait for each other.
struct SqliteLedger::Impl {
    std::string path;
    bool sealed = false;
    ledger::PersonBox box;
    ledger::HolderLock lock;  ///< held by the sender only

    std::mutex reading;
    ledger::Database reader;
    std::mutex writing;
    ledger::Database writer;  ///< open for the sender only

    /// Reads what every opening needs and recognises the key. `key_needed`: a sealed ledger without its key is refused.
    Result<void> begin(const Secret& key, bool key_needed);
};

namespace ledger {

/// A connection for queries on an existing ledger, also one whose sender crashed or that lies on a read-only disk.
Result<Database> open_reader(const std::string& path);
/// A connection for durable transactions. The caller holds the lock.
Result<Database> open_writer(const std::string& path);

}  // namespace ledger

}  // namespace tidegate
