#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/files.hpp"

namespace tidegate::ledger {

/// How much memory the index may take, and where the rest lies.
struct KeyIndexOptions {
    std::string spill_path;  ///< made when needed, and nameless at once
    std::size_t filter_bytes = std::size_t{32} << 20;
    std::size_t table_slots = std::size_t{1} << 21;  ///< a power of two; 16 bytes each
    std::uint64_t hash_mask = ~std::uint64_t{0};     ///< tests: fewer bits make hashes collide
    std::uint64_t seed = 0;                          ///< of the hash; drawn at random by the caller
};

/// Knows which keys were seen before, exactly, in bounded memory however many there are. A filter answers for most keys
/// that they are new; the others are looked up in the newest entries (a hash table) and in sorted runs on disk, and
/// the caller compares the keys themselves, so neither filter nor hash can make a wrong answer.
/// Threads: one.
class KeyIndex {
  public:
    /// Whether the recipient with this id has the key asked for.
    using Same = std::function<Result<bool>(std::int64_t id)>;

    explicit KeyIndex(KeyIndexOptions options);

    /// The id under which the key was added. Errors: reading the runs; those of `same`.
    Result<std::optional<std::int64_t>> find(std::string_view key, const Same& same);
    /// Adds a key that `find` has just not found. Errors: writing a run.
    Result<void> add(std::string_view key, std::int64_t id);

  private:
    struct Entry {
        std::uint64_t hash = 0;
        std::uint64_t id = 0;  // 0 = empty slot
    };
    struct Run {
        std::uint64_t offset = 0;  // of the first entry, in entries
        std::uint64_t size = 0;
        std::vector<std::uint64_t> fences;  // hash of the first entry of each block
    };
    static constexpr std::size_t block = 256;  // entries: 4 KiB

    std::uint64_t hash_of(std::string_view key) const;
    bool maybe_seen(std::uint64_t hash, bool mark);
    Result<void> spill();
    Result<std::optional<std::int64_t>> find_in(const Run& run, std::uint64_t hash, const Same& same);

    KeyIndexOptions options_;
    std::vector<std::uint64_t> filter_;
    std::vector<Entry> table_;
    std::size_t used_ = 0;
    std::vector<Run> runs_;
    std::uint64_t spilled_ = 0;
    Descriptor file_;
};

}  // namespace tidegate::ledger
