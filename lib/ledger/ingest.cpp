#include "ledger/ingest.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "ledger/files.hpp"
#include "ledger/schema.hpp"

namespace tidegate::ledger {

namespace {

std::uint64_t random_seed() {
    const std::string bytes = net::random_bytes(sizeof(std::uint64_t));
    std::uint64_t seed = 0;
    std::memcpy(&seed, bytes.data(), std::min(sizeof seed, bytes.size()));
    return seed;
}

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g%%", share * 100);
    return text;
}

int consents_of(const Recipient& person) {
    return (person.consent == Consent::given ? 1 : 0) | (person.night_consent == Consent::given ? 2 : 0);
}

}  // namespace

Ingest::Ingest(Database& database, const IngestOptions& options, PersonBox box, const std::string& spill_path)
    : database_(database),
      options_(options),
      box_(std::move(box)),
      plan_(options.campaign_id, options.cohorts),
      keys_(KeyIndexOptions{.spill_path = spill_path, .seed = random_seed()}) {}

Result<LedgerTotals, Faults> Ingest::run(AudienceSource& audience) {
    const std::vector<std::string> columns = audience.columns();
    auto reader = RecipientReader::bind(options_.mapping, columns);
    if (!reader) return std::move(reader).error();

    // An empty consent column says that nobody agreed, and one channel of several may have no addresses in this
    // audience; what the message and the cohorts are made of only makes sense when filled.
    std::vector<std::string> needed = options_.mapping.fields;
    if (!options_.mapping.cohort_column.empty()) needed.push_back(options_.mapping.cohort_column);
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (std::find(needed.begin(), needed.end(), columns[i]) != needed.end()) unfilled_.push_back(i);

    insert_recipient_ =
        database_.prepare("INSERT INTO recipients(id, key, place, consents, consent_at) VALUES(?1, ?2, ?3, ?4, ?5)");
    insert_person_ = database_.prepare("INSERT INTO persons(id, person) VALUES(?1, ?2)");
    select_key_ = database_.prepare("SELECT key FROM recipients WHERE id=?1");

    auto done = database_.exec("BEGIN");
    if (done) done = read_all(audience, *reader);
    if (!done) return Faults{std::move(done).error()};
    if (auto faults = judge(columns); !faults.empty()) return faults;
    done = finish();
    if (done) done = database_.exec("COMMIT");
    if (!done) return Faults{std::move(done).error()};
    totals_.outcomes[static_cast<std::size_t>(Final::pending)] = totals_.recipients;
    return totals_;
}

Result<void> Ingest::read_all(AudienceSource& audience, const RecipientReader& reader) {
    AudienceRow row;
    while (options_.limit == 0 || totals_.rows < options_.limit) {
        auto more = audience.next(row);
        if (!more) return std::move(more).error();
        if (!*more) {
            whole_ = true;
            break;
        }
        ++totals_.rows;
        const std::uint64_t number = row.number != 0 ? row.number : totals_.rows;
        Result<void> done;
        if (!row.malformed.empty()) {
            done = take_malformed(number, row.malformed);
        } else {
            if (!unfilled_.empty())
                std::erase_if(unfilled_,
                              [&row](std::size_t i) { return i < row.values.size() && !row.values[i].empty(); });
            auto person = reader.read(row.values);
            done = person ? take(number, *person) : take_malformed(number, person.error().what);
        }
        if (!done) return done;
        if (options_.progress && totals_.rows % 10000 == 0) options_.progress(totals_.rows);
    }
    if (options_.progress) options_.progress(totals_.rows);
    return {};
}

Result<void> Ingest::take_malformed(std::uint64_t row, const std::string& reason) {
    ++totals_.malformed;
    if (first_malformed_.size() < 10)
        first_malformed_.push_back({Errc::invalid, reason, "row " + std::to_string(row), ""});
    if (totals_.malformed > malformed_stored) return {};
    return database_.cached("INSERT OR IGNORE INTO malformed(row, reason) VALUES(?1, ?2)").with(row, reason).run();
}

Result<void> Ingest::take(std::uint64_t row, Recipient& person) {
    digest_.add(person);
    if (person.addresses.size() > addresses_at_most) return take_malformed(row, "more than 256 addresses");
    auto known = keys_.find(person.key, [&](std::int64_t id) { return has_key(id, person.key); });
    if (!known) return std::move(known).error();
    if (!*known) return insert(person);
    if (options_.all_devices) return merge(row, **known, person);
    ++totals_.duplicates;
    return {};
}

Result<bool> Ingest::has_key(std::int64_t id, std::string_view key) {
    const Reset reset(select_key_);
    auto row = select_key_.with(id).step();
    if (!row) return std::move(row).error();
    return *row && select_key_.text(0) == key;
}

Result<void> Ingest::insert(const Recipient& person) {
    auto place = plan_.place(person.key, person.cohort_value);
    if (!place) return std::move(place).error();
    const auto id = static_cast<std::int64_t>(++totals_.recipients);
    if (cohort_sizes_.size() <= place->cohort) cohort_sizes_.resize(place->cohort + std::size_t{1});
    ++cohort_sizes_[place->cohort];
    const std::string stored = box_.put(person);
    auto done = insert_recipient_
                    .with(id, person.key, place_of(place->cohort, place->shard), consents_of(person), person.consent_at)
                    .run();
    if (done) done = insert_person_.with(id, Blob{stored}).run();
    if (done) done = keys_.add(person.key, id);
    return done;
}

Result<void> Ingest::merge(std::uint64_t row, std::int64_t id, const Recipient& person) {
    Recipient merged;
    merged.key = person.key;
    {
        auto& select = database_.cached(
            "SELECT r.consents, r.consent_at, p.person FROM recipients r JOIN persons p ON p.id=r.id WHERE r.id=?1");
        const Reset reset(select);
        auto found = select.with(id).step();
        if (!found) return std::move(found).error();
        if (!*found) return Error{Errc::internal, "a recipient vanished while reading the audience", "", ""};
        const auto consents = select.integer(0);
        merged.consent = (consents & 1) != 0 ? Consent::given : Consent::none;
        merged.night_consent = (consents & 2) != 0 ? Consent::given : Consent::none;
        merged.consent_at = select.maybe_time(1);
        if (auto taken = box_.take(select.text(2), merged); !taken) return taken;
    }
    const auto before = merged.addresses.size();
    for (const auto& address : person.addresses)
        if (std::find(merged.addresses.begin(), merged.addresses.end(), address) == merged.addresses.end())
            merged.addresses.push_back(address);
    if (merged.addresses.size() > addresses_at_most)
        return take_malformed(row, "more than 256 addresses for one recipient");

    // Consent belongs to the person: rows that disagree leave what all of them grant, given at the earliest time.
    const int consents = consents_of(merged) & consents_of(person);
    auto given_at = merged.consent_at;
    if (person.consent_at && (!given_at || *person.consent_at < *given_at)) given_at = person.consent_at;
    if (consents != consents_of(merged) || given_at != merged.consent_at) {
        auto done = database_.cached("UPDATE recipients SET consents=?2, consent_at=?3 WHERE id=?1")
                        .with(id, consents, given_at)
                        .run();
        if (!done) return done;
    }
    if (merged.addresses.size() == before) {
        ++totals_.duplicates;
        return {};
    }
    ++merged_;
    const std::string stored = box_.put(merged);
    return database_.cached("UPDATE persons SET person=?2 WHERE id=?1").with(id, Blob{stored}).run();
}

Faults Ingest::judge(const std::vector<std::string>& columns) const {
    Faults faults;
    const double share =
        totals_.rows == 0 ? 0 : static_cast<double>(totals_.malformed) / static_cast<double>(totals_.rows);
    if (totals_.malformed > 0 && share > options_.max_malformed) {
        faults.push_back({Errc::invalid,
                          std::to_string(totals_.malformed) + " of " + std::to_string(totals_.rows) + " rows (" +
                              percent(share) + ") are malformed, allowed are " + percent(options_.max_malformed),
                          "audience", "correct the rows below or raise audience.max_malformed"});
        faults.insert(faults.end(), first_malformed_.begin(), first_malformed_.end());
    }
    if (totals_.recipients == 0)
        faults.push_back(
            {Errc::invalid, "the audience has no recipients", "audience", "check the file and its key column"});
    // A part of the audience proves nothing about the rest.
    else if (whole_)
        for (const std::size_t i : unfilled_)
            faults.push_back({Errc::invalid, "column \"" + columns[i] + "\" is empty in every row", "audience",
                              "check its name, or take it out of the campaign"});
    return faults;
}

Result<void> Ingest::finish() {
    auto done =
        database_.exec("INSERT INTO places(place, id, outcome) SELECT place, id, 0 FROM recipients ORDER BY place, id");
    if (!done) return done;

    for (const auto& [name, value] : options_.meta)
        if (done = write_meta(database_, name, value); !done) return done;
    const std::pair<const char*, std::string> own[] = {
        {meta_schema, std::string(schema_version)},
        {meta_campaign, options_.campaign_id},
        {meta_fingerprint, digest_.finish()},
        {meta_merged_rows, std::to_string(merged_)},
        {meta_devices, options_.all_devices ? "all" : "first"},
        {meta_created_at, std::to_string(options_.now.time_since_epoch().count())},
    };
    for (const auto& [name, value] : own)
        if (done = write_meta(database_, name, value); !done) return done;
    if (box_.seals())
        if (done = write_meta(database_, meta_seal_check, box_.check_value()); !done) return done;

    const std::pair<std::string, std::uint64_t> counts[] = {{"rows", totals_.rows},
                                                            {"malformed", totals_.malformed},
                                                            {"duplicates", totals_.duplicates},
                                                            {"recipients", totals_.recipients},
                                                            {counter_of(Final::pending), totals_.recipients}};
    for (const auto& [name, value] : counts)
        if (done = add_to_counter(database_, name, static_cast<std::int64_t>(value)); !done) return done;

    cohort_sizes_.resize(std::max<std::size_t>(cohort_sizes_.size(), plan_.cohorts()));
    for (std::uint32_t i = 0; i < cohort_sizes_.size(); ++i) {
        done =
            database_.cached("INSERT INTO cohorts(idx, label, canary, recipients, released) VALUES(?1, ?2, ?3, ?4, 0)")
                .with(i, plan_.label(i), i < plan_.canaries(), cohort_sizes_[i])
                .run();
        if (!done) return done;
    }
    return {};
}

}  // namespace tidegate::ledger

namespace tidegate {

namespace {

/// The unfinished file and whatever SQLite lays beside it; gone at the end unless published.
class Partial {
  public:
    explicit Partial(std::string path) : path_(std::move(path)) { remove(); }
    ~Partial() { remove(); }
    Partial(const Partial&) = delete;
    Partial& operator=(const Partial&) = delete;
    const std::string& path() const { return path_; }

  private:
    void remove() {
        for (const char* end : {"", "-journal", "-wal", "-shm", "-keys"}) ::unlink((path_ + end).c_str());
    }
    std::string path_;
};

Result<void> prepare(ledger::Database& database) {
    // The defensive mode of a connection forbids to leave out the journal.
    sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
    // The file counts only once it is whole and renamed, so nothing of it needs protection before. 8 MiB of cache
    // bound both the pages held and the sorter's memory; the rest is written out as it comes.
    for (const char* pragma : {"PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA locking_mode=EXCLUSIVE",
                               "PRAGMA secure_delete=ON", "PRAGMA cache_size=-8192", "PRAGMA temp_store=FILE"})
        if (auto done = database.exec(pragma); !done) return done;
    return ledger::create_schema(database);
}

/// Marks the file as one with a write-ahead log, which opening it then finds without needing it for itself alone.
Result<void> use_log(ledger::Database& database) {
    auto pragma = database.prepare("PRAGMA journal_mode=WAL");
    auto row = pragma.step();
    if (!row) return std::move(row).error();
    if (!*row || pragma.text(0) != "wal")
        return Error{Errc::unavailable, "this filesystem cannot hold a ledger's write-ahead log",
                     database.connection().path, "keep ledgers on a local disk"};
    return {};
}

Result<LedgerTotals, Faults> make_ledger(AudienceSource& audience, const IngestOptions& options) {
    const auto fail = [](Error error) { return Faults{std::move(error)}; };
    if (auto faults = options.cohorts.validate(); !faults.empty()) return faults;
    auto box = ledger::PersonBox::make(options.campaign_id, options.key);
    if (!box) return fail(std::move(box).error());
    auto lock = ledger::HolderLock::take(options.path, options.now);
    if (!lock) return fail(std::move(lock).error());
    if (ledger::exists(options.path))
        return fail({Errc::refused, "the ledger exists", options.path, "resume it, or move it away"});
    // SQLite would replay a log left by another ledger over the new one.
    if (ledger::exists(options.path + "-wal"))
        return fail({Errc::refused, "the log of a ledger that is gone lies here", options.path + "-wal",
                     "put that ledger back, or remove its log too"});
    // Rows lie there a second time, then deliveries are added.
    if (auto space = ledger::check_free_space(options.path, 2 * options.source_bytes); !space)
        return fail(std::move(space).error());

    const Partial partial(options.path + ".partial");
    if (auto made = ledger::create_private(partial.path()); !made) return fail(std::move(made).error());
    auto database = ledger::Database::open(partial.path(), SQLITE_OPEN_READWRITE);
    if (!database) return fail(std::move(database).error());
    if (auto done = prepare(*database); !done) return fail(std::move(done).error());
    Result<LedgerTotals, Faults> totals = [&] {
        ledger::Ingest ingest(*database, options, std::move(*box), partial.path() + "-keys");
        return ingest.run(audience);
    }();
    if (!totals) return totals;
    Result<void> done = use_log(*database);
    if (done) done = database->close();
    if (done) done = ledger::sync_file(partial.path());
    if (done) done = ledger::publish(partial.path(), options.path);
    if (!done) return fail(std::move(done).error());
    return totals;
}

}  // namespace

Result<LedgerTotals, Faults> SqliteLedger::ingest(AudienceSource& audience, const IngestOptions& options) {
    try {
        return make_ledger(audience, options);
    } catch (const std::exception& fault) {
        return Faults{{Errc::internal, std::string("reading the audience threw: ") + fault.what(), "audience", ""}};
    } catch (...) {
        return Faults{{Errc::internal, "reading the audience threw", "audience", ""}};
    }
}

}  // namespace tidegate
