#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ledger/key_index.hpp"
#include "ledger/person_box.hpp"
#include "ledger/row_digest.hpp"
#include "ledger/sqlite.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"

namespace tidegate::ledger {

/// Fills an empty database from an audience: one pass over the rows, then the order of sending.
class Ingest {
  public:
    Ingest(Database& database, const IngestOptions& options, PersonBox box, const std::string& spill_path);

    Result<LedgerTotals, Faults> run(AudienceSource& audience);

  private:
    Result<void> read_all(AudienceSource& audience, const RecipientReader& reader);
    Result<void> take_malformed(std::uint64_t row, const std::string& reason);
    Result<void> take(std::uint64_t row, Recipient& person);
    Result<void> insert(const Recipient& person);
    /// Adds the row's new addresses to the recipient who has its key already.
    Result<void> merge(std::uint64_t row, std::int64_t id, const Recipient& person);
    Result<bool> has_key(std::int64_t id, std::string_view key);
    /// What is wrong with the audience as a whole.
    Faults judge(const std::vector<std::string>& columns) const;
    Result<void> finish();

    Database& database_;
    const IngestOptions& options_;
    PersonBox box_;
    CohortPlan plan_;
    KeyIndex keys_;
    RowDigest digest_;
    LedgerTotals totals_;
    std::uint64_t merged_ = 0;
    bool whole_ = false;  // the source was read to its end
    std::vector<std::uint64_t> cohort_sizes_;
    std::vector<Error> first_malformed_;
    std::vector<std::size_t> unfilled_;  // mapped columns without a value so far
    Statement insert_recipient_, insert_person_, select_key_;
};

}  // namespace tidegate::ledger
