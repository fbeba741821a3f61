#include "ledger/schema.hpp"

namespace tidegate::ledger {

namespace {

// Recipients and persons are written once, in order; what changes while sending (places, deliveries) is clustered in
// the order of sending, so that one batch touches a few neighbouring pages. README.md has the reasons and figures.
constexpr const char* tables = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters(name TEXT PRIMARY KEY, value NUMERIC NOT NULL) WITHOUT ROWID;
CREATE TABLE recipients(id INTEGER PRIMARY KEY, key TEXT NOT NULL, place INTEGER NOT NULL, consents INTEGER NOT NULL,
    consent_at INTEGER);
CREATE TABLE persons(id INTEGER PRIMARY KEY, person BLOB NOT NULL);
CREATE TABLE places(place INTEGER NOT NULL, id INTEGER NOT NULL, outcome INTEGER NOT NULL, PRIMARY KEY(place, id))
    WITHOUT ROWID;
CREATE TABLE deliveries(place INTEGER NOT NULL, id INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL,
    outcome INTEGER NOT NULL, class INTEGER NOT NULL, reason INTEGER NOT NULL, flags INTEGER NOT NULL,
    http_status INTEGER NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL, provider_id TEXT NOT NULL,
    retry_after INTEGER, min_backoff INTEGER, invalid_since INTEGER, retry_at INTEGER, intended_at INTEGER NOT NULL,
    PRIMARY KEY(place, id)) WITHOUT ROWID;
CREATE INDEX open_deliveries ON deliveries(id) WHERE state <> 3;
CREATE TABLE cohorts(idx INTEGER PRIMARY KEY, label TEXT NOT NULL, canary INTEGER NOT NULL, recipients INTEGER NOT NULL,
    released INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER);
CREATE TABLE tallies(name TEXT PRIMARY KEY, kind TEXT NOT NULL, accepted INTEGER NOT NULL, invalid INTEGER NOT NULL,
    rejected INTEGER NOT NULL, throttled INTEGER NOT NULL, transient INTEGER NOT NULL, unknown INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE backends(name TEXT PRIMARY KEY, slo_s REAL, worst_p99_s REAL, seconds_over_slo REAL) WITHOUT ROWID;
CREATE TABLE backend_ticks(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, backend TEXT NOT NULL, p99_s REAL, slo_s REAL,
    load REAL, errors REAL, committed REAL, expected REAL, baseline REAL, ceiling REAL, age_s REAL, state TEXT NOT NULL,
    reason TEXT NOT NULL);
CREATE TABLE ticks(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, allowed REAL, released INTEGER NOT NULL,
    cohort INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE holds(backend TEXT NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER, signal TEXT NOT NULL, value REAL,
    reason TEXT NOT NULL, PRIMARY KEY(backend, from_at)) WITHOUT ROWID;
CREATE TABLE events(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL,
    operator TEXT NOT NULL);
CREATE TABLE malformed(row INTEGER PRIMARY KEY, reason TEXT NOT NULL);
)sql";

// The numbers of these enumerations lie in ledgers: new values go to the end, or the schema's version changes.
static_assert(static_cast<int>(OutcomeClass::unknown) == 5);
static_assert(static_cast<int>(Reason::pending) == 29);
static_assert(static_cast<int>(Scope::provider) == 5);
static_assert(static_cast<int>(Final::no_address) == 11);

}  // namespace

std::string counter_of(Final outcome) {
    return "outcome." + std::string(to_string(outcome));
}

Result<void> create_schema(Database& database) {
    const std::string stamp = "PRAGMA application_id=" + std::to_string(application_id);
    if (auto done = database.exec(stamp.c_str()); !done) return done;
    if (auto done = database.exec(tables); !done) return done;
    std::vector<std::string> names{"rows",       "malformed", "duplicates", "recipients",
                                   "deliveries", "attempts",  "elapsed_s"};
    for (std::size_t i = 0; i < final_count; ++i) names.push_back(counter_of(static_cast<Final>(i)));
    auto& insert = database.cached("INSERT INTO counters(name, value) VALUES(?1, 0)");
    for (const auto& name : names)
        if (auto done = insert.with(name).run(); !done) return done;
    return write_meta(database, meta_schema, schema_version);
}

Result<void> check_schema(Database& database) {
    const std::string& path = database.connection().path;
    auto pragma = database.prepare("PRAGMA application_id");
    auto row = pragma.step();
    if (!row) return std::move(row).error();
    if (!*row || pragma.integer(0) != application_id)
        return Error{Errc::invalid, "is not a ledger", path, "name a ledger file that tidegate wrote"};
    pragma.reset();
    auto schema = read_meta(database, meta_schema);
    if (!schema) {
        Error error = std::move(schema).error();
        if (error.what.find("no such table") != std::string::npos)
            error.what = "the ledger is damaged: a table is gone";
        return error;
    }
    if (!*schema || **schema != schema_version)
        return Error{Errc::invalid,
                     "the ledger has schema " + schema->value_or("(none)") + "; this version reads schema " +
                         std::string(schema_version),
                     path, "use the version of tidegate that wrote it"};
    return {};
}

Result<std::optional<std::string>> read_meta(Database& database, std::string_view name) {
    auto& select = database.cached("SELECT value FROM meta WHERE name=?1");
    const Reset reset(select);
    auto row = select.with(name).step();
    if (!row) return std::move(row).error();
    if (!*row) return std::optional<std::string>{};
    return std::optional<std::string>(std::string(select.text(0)));
}

Result<void> write_meta(Database& database, std::string_view name, std::string_view value) {
    return database.cached("INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)").with(name, value).run();
}

Result<void> add_to_counter(Database& database, std::string_view name, std::int64_t by) {
    return database.cached("UPDATE counters SET value=value+?2 WHERE name=?1").with(name, by).run();
}

Result<void> add_event(Database& database, const EventRecord& event) {
    return database.cached("INSERT INTO events(at, kind, detail, operator) VALUES(?1, ?2, ?3, ?4)")
        .with(event.at, event.kind, event.detail, event.operator_name)
        .run();
}

}  // namespace tidegate::ledger
