#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/sqlite.hpp"
#include "tidegate/cohort/plan.hpp"
#include "tidegate/ledger/types.hpp"

namespace tidegate::ledger {

/// "TidG" in SQLite's header, so that `file` and we know a ledger from any other database.
inline constexpr std::int64_t application_id = 0x54696447;
inline constexpr std::string_view schema_version = "1";

// Names of our own in the table `meta`.
inline constexpr const char* meta_schema = "schema";
inline constexpr const char* meta_campaign = "campaign_id";
inline constexpr const char* meta_fingerprint = "audience_fingerprint";
inline constexpr const char* meta_seal_check = "seal_check";
inline constexpr const char* meta_merged_rows = "merged_rows";
inline constexpr const char* meta_devices = "devices";
inline constexpr const char* meta_created_at = "created_at";
inline constexpr const char* meta_purged_at = "purged_at";

/// Malformed rows beyond these are counted, not stored.
inline constexpr std::uint64_t malformed_stored = 10000;
/// An address has one byte in a `DeliveryId`.
inline constexpr std::size_t addresses_at_most = 256;

/// Cohort and shard in one integer, ordered as they are sent.
constexpr std::int64_t place_of(std::uint32_t cohort, std::uint32_t shard) {
    return (static_cast<std::int64_t>(cohort) << 16) | shard;
}
constexpr std::uint32_t cohort_of(std::int64_t place) {
    return static_cast<std::uint32_t>(place >> 16);
}
constexpr std::uint32_t shard_of(std::int64_t place) {
    return static_cast<std::uint32_t>(place & 0xffff);
}
constexpr std::int64_t recipient_of(DeliveryId id) {
    return static_cast<std::int64_t>(id >> 16);
}

/// "outcome.accepted": the name of an outcome's count in the table `counters`.
std::string counter_of(Final outcome);

/// Makes the tables of an empty database.
Result<void> create_schema(Database& database);
/// Errors: not a ledger, another schema, damaged.
Result<void> check_schema(Database& database);
Result<std::optional<std::string>> read_meta(Database& database, std::string_view name);
Result<void> write_meta(Database& database, std::string_view name, std::string_view value);
Result<void> add_to_counter(Database& database, std::string_view name, std::int64_t by);
Result<void> add_event(Database& database, const EventRecord& event);

}  // namespace tidegate::ledger
