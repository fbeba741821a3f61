#include "ledger/key_lookup.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "ledger/impl.hpp"
#include "ledger/schema.hpp"
#include "net/crypto.hpp"

namespace tidegate::ledger {

namespace {

constexpr std::int64_t rows_at_once = 20000;  // a snapshot held longer would keep the sender's log from being emptied

Result<std::int64_t> last_recipient(Database& database) {
    auto& select = database.cached("SELECT ifnull(max(id), 0) FROM recipients");
    const Reset reset(select);
    auto row = select.step();
    if (!row) return std::move(row).error();
    return *row ? select.integer(0) : 0;
}

/// As much as this many keys need, up to what the index takes at most.
KeyIndexOptions sized_for(std::int64_t keys, const std::string& path) {
    KeyIndexOptions options;
    const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(keys, 1));
    options.spill_path = path + ".opens";
    options.filter_bytes = std::clamp<std::size_t>(2 * wanted, std::size_t{1} << 12, options.filter_bytes);
    options.table_slots = std::min(options.table_slots, std::bit_ceil(wanted + wanted / 2 + 16));
    const std::string seed = net::random_bytes(sizeof options.seed);
    std::memcpy(&options.seed, seed.data(), sizeof options.seed);
    return options;
}

}  // namespace

Result<std::unique_ptr<KeyLookup>> KeyLookup::build(const std::string& path, const std::stop_token& stop) {
    auto opened = open_reader(path);
    if (!opened) return std::move(opened).error();
    auto last = last_recipient(*opened);
    if (!last) return std::move(last).error();
    std::unique_ptr<KeyLookup> lookup(new KeyLookup(std::move(*opened), sized_for(*last, path)));
    lookup->recipients_ = *last;
    auto& select = lookup->database_.cached("SELECT id, key FROM recipients WHERE id>?1 ORDER BY id LIMIT ?2");
    for (std::int64_t done = 0; done < *last;) {
        if (stop.stop_requested()) return Error{Errc::stopped, "the keys were not read to their end", path, ""};
        const Reset reset(select);
        select.with(done, rows_at_once);
        const std::int64_t before = done;
        while (true) {
            auto row = select.step();
            if (!row) return std::move(row).error();
            if (!*row) break;
            done = select.integer(0);
            if (auto added = lookup->index_.add(select.text(1), done); !added) return added.error();
        }
        if (done == before) break;
    }
    return lookup;
}

Result<std::optional<std::int64_t>> KeyLookup::find(std::string_view key) {
    return index_.find(key, [&](std::int64_t id) -> Result<bool> {
        auto& select = database_.cached("SELECT key=?2 FROM recipients WHERE id=?1");
        const Reset reset(select);
        auto row = select.with(id, key).step();
        if (!row) return std::move(row).error();
        return *row && select.integer(0) != 0;
    });
}

Result<std::optional<WallTime>> KeyLookup::sent(std::int64_t recipient, WallTime by) {
    // In flight (1), or done (3) with an outcome that lets it be opened.
    auto& select = database_.cached(
        "SELECT max(d.intended_at) FROM deliveries d WHERE d.place=(SELECT place FROM recipients WHERE id=?1)"
        " AND d.id>=?2 AND d.id<?3 AND d.intended_at<=?4 AND (d.state=1 OR (d.state=3 AND d.outcome IN (1, 2, 8)))");
    static_assert(static_cast<int>(Final::accepted) == 1 && static_cast<int>(Final::delivered) == 2 &&
                  static_cast<int>(Final::unknown) == 8);
    const Reset reset(select);
    auto row = select.with(recipient, recipient << 16, (recipient + 1) << 16, by).step();
    if (!row) return std::move(row).error();
    if (!*row) return std::optional<WallTime>{};
    return select.maybe_time(0);
}

}  // namespace tidegate::ledger
