#include "ledger/key_index.hpp"

#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tidegate::ledger {

namespace {

constexpr std::size_t line_words = 8;  // one cache line
constexpr int probes = 6;

}  // namespace

KeyIndex::KeyIndex(KeyIndexOptions options)
    : options_(std::move(options)),
      filter_(std::max<std::size_t>(options_.filter_bytes / 64, 1) * line_words),
      table_(std::max<std::size_t>(options_.table_slots, 16)) {}

std::uint64_t KeyIndex::hash_of(std::string_view key) const {
    return XXH3_64bits_withSeed(key.data(), key.size(), options_.seed) & options_.hash_mask;
}

/// A Bloom filter of one cache line a key: the high half of the hash picks the line, stretched other bits the bits.
bool KeyIndex::maybe_seen(std::uint64_t hash, bool mark) {
    const std::uint64_t lines = filter_.size() / line_words;
    const std::uint64_t line = ((hash >> 32) * lines) >> 32;
    std::uint64_t* words = &filter_[line * line_words];
    std::uint64_t bits = hash * 0x9e3779b97f4a7c15ULL;
    bits ^= bits >> 29;
    bool all = true;
    for (int i = 0; i < probes; ++i, bits >>= 9) {
        std::uint64_t& word = words[(bits >> 6) & 7];
        const std::uint64_t bit = std::uint64_t{1} << (bits & 63);
        all = all && (word & bit) != 0;
        if (mark) word |= bit;
    }
    return all;
}

Result<std::optional<std::int64_t>> KeyIndex::find(std::string_view key, const Same& same) {
    const std::uint64_t hash = hash_of(key);
    if (!maybe_seen(hash, false)) return std::optional<std::int64_t>{};
    const std::size_t mask = table_.size() - 1;
    for (std::size_t slot = hash & mask; table_[slot].id != 0; slot = (slot + 1) & mask) {
        if (table_[slot].hash != hash) continue;
        const auto id = static_cast<std::int64_t>(table_[slot].id);
        auto equal = same(id);
        if (!equal) return std::move(equal).error();
        if (*equal) return std::optional<std::int64_t>(id);
    }
    for (const Run& run : runs_) {
        auto found = find_in(run, hash, same);
        if (!found || *found) return found;
    }
    return std::optional<std::int64_t>{};
}

Result<void> KeyIndex::add(std::string_view key, std::int64_t id) {
    if (used_ >= table_.size() / 4 * 3)
        if (auto done = spill(); !done) return done;
    const std::uint64_t hash = hash_of(key);
    maybe_seen(hash, true);
    const std::size_t mask = table_.size() - 1;
    std::size_t slot = hash & mask;
    while (table_[slot].id != 0) slot = (slot + 1) & mask;
    table_[slot] = {hash, static_cast<std::uint64_t>(id)};
    ++used_;
    return {};
}

Result<void> KeyIndex::spill() {
    if (!file_.valid()) {
        ::unlink(options_.spill_path.c_str());
        auto made = create_private(options_.spill_path);
        if (!made) return std::move(made).error();
        file_ = std::move(*made);
        ::unlink(options_.spill_path.c_str());
    }
    const auto end = std::partition(table_.begin(), table_.end(), [](const Entry& entry) { return entry.id != 0; });
    std::sort(table_.begin(), end,
              [](const Entry& a, const Entry& b) { return a.hash != b.hash ? a.hash < b.hash : a.id < b.id; });
    Run run{.offset = spilled_, .size = used_, .fences = {}};
    for (std::size_t i = 0; i < used_; i += block) run.fences.push_back(table_[i].hash);

    const char* bytes = reinterpret_cast<const char*>(table_.data());
    std::size_t left = used_ * sizeof(Entry);
    auto offset = static_cast<off_t>(spilled_ * sizeof(Entry));
    while (left > 0) {
        const ssize_t written = ::pwrite(file_.get(), bytes, left, offset);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return system_error(written < 0 ? errno : ENOSPC, "cannot be written", options_.spill_path);
        bytes += written;
        offset += written;
        left -= static_cast<std::size_t>(written);
    }
    spilled_ += used_;
    runs_.push_back(std::move(run));
    std::fill(table_.begin(), table_.end(), Entry{});
    used_ = 0;
    return {};
}

Result<std::optional<std::int64_t>> KeyIndex::find_in(const Run& run, std::uint64_t hash, const Same& same) {
    // The first block whose first hash is not below ours may have been preceded by entries with our hash.
    auto fence = std::lower_bound(run.fences.begin(), run.fences.end(), hash);
    if (fence != run.fences.begin()) --fence;
    std::array<Entry, block> entries;
    for (auto index = static_cast<std::uint64_t>(fence - run.fences.begin()); index < run.fences.size(); ++index) {
        if (run.fences[index] > hash) break;
        const std::uint64_t first = index * block;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(block, run.size - first));
        char* bytes = reinterpret_cast<char*>(entries.data());
        std::size_t left = count * sizeof(Entry);
        auto offset = static_cast<off_t>((run.offset + first) * sizeof(Entry));
        while (left > 0) {
            const ssize_t got = ::pread(file_.get(), bytes, left, offset);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return system_error(got < 0 ? errno : EIO, "cannot be read", options_.spill_path);
            bytes += got;
            offset += got;
            left -= static_cast<std::size_t>(got);
        }
        const auto begin = entries.begin(), end = entries.begin() + static_cast<std::ptrdiff_t>(count);
        for (auto it = std::lower_bound(begin, end, hash, [](const Entry&e, std::uint64_t h) { return e.hash < h; });
             it != end && it->hash == hash; ++it) {
            const auto id = static_cast<std::int64_t>(it->id);
            auto equal = same(id);
            if (!equal) return std::move(equal).error();
            if (*equal) return std::optional<std::int64_t>(id);
        }
    }
    return std::optional<std::int64_t>{};
}

}  // namespace tidegate::ledger
