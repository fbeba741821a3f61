#include "ledger/key_index.hpp"

#include <unordered_map>

#include "ledger_fixture.hpp"
#include "tidegate/base/rng.hpp"

using namespace tidegate;
using namespace tidegate::ledger;

namespace {

/// Feeds random keys with repetitions and compares every answer with a map.
void compare_with_a_map(KeyIndexOptions options, int rounds, std::uint64_t keys) {
    const ledger_test::TempDir dir;
    options.spill_path = dir.file("keys");
    KeyIndex index(options);
    std::unordered_map<std::string, std::int64_t> known;
    std::vector<std::string> by_id{""};
    std::uint64_t state = 12345;
    std::uint64_t asked = 0;
    for (int i = 0; i < rounds; ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        const std::string key = "customer-" + std::to_string((state >> 33) % keys);
        const auto found = index.find(key, [&](std::int64_t id) -> Result<bool> {
            ++asked;
            return by_id[static_cast<std::size_t>(id)] == key;
        });
        REQUIRE(found);
        const auto expected = known.find(key);
        if (expected != known.end()) {
            REQUIRE(*found == expected->second);
        } else {
            REQUIRE_FALSE(found->has_value());
            const auto id = static_cast<std::int64_t>(by_id.size());
            by_id.push_back(key);
            known.emplace(key, id);
            REQUIRE(index.add(key, id));
        }
    }
    CHECK(asked > 0);
    CHECK(dir.names().empty());  // the spilled runs have no name that could stay behind
}

}  // namespace

TEST_CASE("the key index never errs while everything fits in memory") {
    compare_with_a_map({.spill_path = {}, .filter_bytes = 4096, .table_slots = 1 << 14}, 20000, 5000);
}

TEST_CASE("the key index never errs after spilling many runs, with a filter that is full") {
    compare_with_a_map({.spill_path = {}, .filter_bytes = 64, .table_slots = 1024}, 60000, 20000);
}

TEST_CASE("the key index never errs when most hashes collide") {
    compare_with_a_map({.spill_path = {}, .filter_bytes = 64, .table_slots = 1024, .hash_mask = 0x1f}, 6000, 3000);
}

TEST_CASE("an error of the comparison reaches the caller") {
    const ledger_test::TempDir dir;
    KeyIndex index({.spill_path = dir.file("keys"), .filter_bytes = 64, .table_slots = 16});
    REQUIRE(index.add("a", 1));
    const auto found = index.find("a", [](std::int64_t) -> Result<bool> {
        return Error{Errc::unavailable, "gone", "", ""};
    });
    REQUIRE_FALSE(found);
    CHECK(found.error().what == "gone");
}
