#pragma once

#include <functional>
#include <map>
#include <memory>

#include "tidegate/ledger/ledger.hpp"

namespace tidegate {

/// How an audience becomes a ledger.
struct IngestOptions {
    std::string path{};            ///< the ledger file to make; must not exist
    std::string campaign_id{};     ///< seeds the cohorts
    AudienceMapping mapping{};     ///< which columns mean what
    CohortOptions cohorts{};       ///< how the audience is split
    bool all_devices = false;      ///< false: a repeated key is a duplicate; true: its new addresses are added
    double max_malformed = 0.001;  ///< share of rows above which the audience is refused
    Secret key{};                  ///< 32 bytes; empty = personal data lie unsealed
    std::map<std::string, std::string> meta{};  ///< recorded as given: fingerprints, operator, hashes
    WallTime now{};                             ///< stamp of the record
    std::uint64_t limit = 0;                    ///< rows read at most; 0 = all
    std::uint64_t source_bytes = 0;             ///< size of the audience when known: disk space is then checked first
    std::function<void(std::uint64_t rows)> progress{};  ///< called about every 10000 rows; may be empty
};

/// The SQLite ledger: one file, mode 0600, WAL, synchronous=FULL, for local filesystems.
/// What is on disk is described in lib/ledger/README.md.
class TIDEGATE_EXPORT SqliteLedger final : public Ledger {
  public:
    /// Reads the audience in one streaming pass into `path` + ".partial" and renames it when whole, so a ledger is
    /// either complete or absent. Errors: columns missing (all at once); an audience without recipients; too many
    /// malformed rows (naming the first ten with row and reason); an address, field or cohort column empty in every
    /// row; disk too small or full; file exists.
    static Result<LedgerTotals, Faults> ingest(AudienceSource& audience, const IngestOptions& options);

    /// Opens for sending. Errors: absent, not a ledger, another schema, sealed and no or another key, held by another
    /// process (by name of the holder).
    static Result<std::unique_ptr<SqliteLedger>> open_for_sending(const std::string& path, const Secret& key);
    /// Opens for reading beside a sender. Without the key of a sealed ledger addresses and fields come out empty;
    /// another key is an error.
    static Result<std::unique_ptr<SqliteLedger>> open_for_reading(const std::string& path, const Secret& key = {});

    ~SqliteLedger() override;

    Result<void> commit(const LedgerBatch& batch) override;
    Result<std::vector<LedgerRecipient>> walk(const LedgerCursor& after, std::size_t limit) override;
    Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> open(DeliveryId after, std::size_t limit) override;
    Result<LedgerEntry> of(std::int64_t recipient) override;
    Result<std::optional<std::string>> meta(const std::string& name) override;

    // The report's readings.
    Result<LedgerTotals> totals();                                      ///< counts the invariants are about
    Result<std::vector<CohortRecord>> cohorts();                        ///< in order of sending
    Result<std::vector<ChannelTally>> tallies();                        ///< answers by channel
    Result<std::vector<BackendSummary>> backends();                     ///< what they went through
    Result<std::vector<HoldRecord>> holds();                            ///< when, why, how long
    Result<std::vector<BackendTick>> backend_ticks();                   ///< curves of the backends
    Result<std::vector<CampaignTick>> ticks();                          ///< curve of the campaign
    Result<std::vector<EventRecord>> events();                          ///< what operators and brakes did
    Result<std::vector<MalformedRecord>> malformed(std::size_t limit);  ///< rows that could not be used
    /// Calls `each(recipient, its deliveries)` for every recipient with one of the outcomes, in order of id.
    Result<void> for_each(const std::vector<Final>& outcomes,
                          const std::function<void(const LedgerRecipient&, const std::vector<LedgerDelivery>&)>& each);
    /// Whether a sender holds it now; "running" on record without one means that it was killed.
    bool has_sender() const;
    /// Removes addresses and fields for ever (overwritten on disk); keys and outcomes stay. Errors: `refused` while a
    /// sender holds it.
    Result<void> purge(WallTime now, const std::string& operator_name);

  private:
    struct Impl;
    explicit SqliteLedger(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate
