#pragma once

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tidegate/ledger/sqlite_ledger.hpp"

namespace ledger_test {

/// A folder that goes with the test.
class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "tidegate-ledger-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::string file(const std::string& name) const { return (path_ / name).string(); }
    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(path_)) found.push_back(entry.path().filename());
        std::sort(found.begin(), found.end());
        return found;
    }

  private:
    std::filesystem::path path_;
};

/// Rows in memory; a row of one value that begins with '!' is malformed for the reason that follows.
class Table final : public tidegate::AudienceSource {
  public:
    Table(std::vector<std::string> columns, std::vector<std::vector<std::string>> rows)
        : columns_(std::move(columns)), rows_(std::move(rows)) {}
    const std::vector<std::string>& columns() const override { return columns_; }
    tidegate::Result<bool> next(tidegate::AudienceRow& row) override {
        if (at_ == rows_.size()) return false;
        row.number = at_ + 1;
        row.values = rows_[at_++];
        row.malformed.clear();
        if (row.values.size() == 1 && row.values[0].starts_with('!')) row.malformed = row.values[0].substr(1);
        return true;
    }
    tidegate::Result<void> rewind() override {
        at_ = 0;
        return {};
    }

  private:
    std::vector<std::string> columns_;
    std::vector<std::vector<std::string>> rows_;
    std::size_t at_ = 0;
};

inline const std::vector<std::string>& columns() {
    static const std::vector<std::string> names{"id", "token", "phone", "name", "consent"};
    return names;
}

inline std::vector<std::string> row(const std::string& key, const std::string& token = "",
                                    const std::string& name = "Kim", const std::string& consent = "y") {
    return {key, token.empty() ? "token-of-" + key : token, "010-0000-0000", name, consent};
}

inline std::vector<std::vector<std::string>> people(int count) {
    std::vector<std::vector<std::string>> rows;
    for (int i = 1; i <= count; ++i) rows.push_back(row("c" + std::to_string(i)));
    return rows;
}

inline tidegate::AudienceMapping mapping() {
    tidegate::AudienceMapping m;
    m.key = "id";
    m.address_columns = {{"apns", "token"}, {"phone", "phone"}};
    m.fields = {"name"};
    m.consent = "consent";
    return m;
}

inline tidegate::IngestOptions options(const std::string& path) {
    tidegate::IngestOptions o;
    o.path = path;
    o.campaign_id = "benefit-2026-11";
    o.mapping = mapping();
    o.cohorts.count = 4;
    o.cohorts.shards = 3;
    o.now = tidegate::WallTime(std::chrono::seconds(1795392000));
    return o;
}

inline tidegate::LedgerTotals make_ledger(const std::string& path, int count, const tidegate::Secret& key = {}) {
    Table table(columns(), people(count));
    auto o = options(path);
    o.key = key;
    auto made = tidegate::SqliteLedger::ingest(table, o);
    if (!made)
        for (const auto& fault : made.error()) MESSAGE(fault.text());
    REQUIRE(made);
    return *made;
}

inline std::unique_ptr<tidegate::SqliteLedger> sender(const std::string& path, const tidegate::Secret& key = {}) {
    auto opened = tidegate::SqliteLedger::open_for_sending(path, key);
    if (!opened) MESSAGE(opened.error().text());
    REQUIRE(opened);
    return std::move(*opened);
}

inline std::unique_ptr<tidegate::SqliteLedger> reader(const std::string& path, const tidegate::Secret& key = {}) {
    auto opened = tidegate::SqliteLedger::open_for_reading(path, key);
    if (!opened) MESSAGE(opened.error().text());
    REQUIRE(opened);
    return std::move(*opened);
}

/// Every pending recipient in the order of sending, fetched in pages.
inline std::vector<tidegate::LedgerRecipient> everyone(tidegate::Ledger& ledger, std::uint32_t cohorts = 4,
                                                       std::size_t page = 7) {
    std::vector<tidegate::LedgerRecipient> all;
    for (std::uint32_t cohort = 0; cohort < cohorts; ++cohort) {
        tidegate::LedgerCursor cursor{cohort, 0, 0};
        while (true) {
            auto found = ledger.walk(cursor, page);
            REQUIRE(found);
            if (found->empty()) break;
            cursor = {found->back().cohort, found->back().shard, found->back().id};
            all.insert(all.end(), found->begin(), found->end());
        }
    }
    return all;
}

inline tidegate::LedgerDelivery intent(std::int64_t recipient, unsigned step = 0) {
    tidegate::LedgerDelivery d;
    d.id = (static_cast<tidegate::DeliveryId>(recipient) << 16) | (static_cast<tidegate::DeliveryId>(step) << 8);
    d.attempts = 1;
    d.intended_at = tidegate::WallTime(std::chrono::milliseconds(1795392000123));
    return d;
}

inline std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline unsigned mode_of(const std::string& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777;
}

}  // namespace ledger_test
