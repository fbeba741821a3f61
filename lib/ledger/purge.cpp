#include "ledger/impl.hpp"
#include "ledger/schema.hpp"

namespace tidegate {

namespace {

constexpr std::int64_t rows_at_once = 20000;  // bounds the log to some megabytes

/// Moves the log into the file and empties it: an older page in it would be a copy of what is to go.
Result<void> empty_log(ledger::Database& database) {
    int log = 0, moved = 0;
    const int rc = sqlite3_wal_checkpoint_v2(database.handle(), "main", SQLITE_CHECKPOINT_TRUNCATE, &log, &moved);
    if (rc == SQLITE_BUSY)
        return Error{Errc::unavailable, "somebody is reading the ledger, so its log cannot be emptied yet",
                     database.connection().path, "end the reader and purge again"};
    if (rc != SQLITE_OK) return database.connection().failure(rc);
    return {};
}

Result<std::int64_t> last_person(ledger::Database& database) {
    auto& select = database.cached("SELECT ifnull(max(id), 0) FROM persons");
    const ledger::Reset reset(select);
    auto row = select.step();
    if (!row) return std::move(row).error();
    return *row ? select.integer(0) : 0;
}

Result<void> transaction(ledger::Database& database, const std::function<Result<void>()>& body) {
    auto done = database.exec("BEGIN IMMEDIATE");
    if (done) done = body();
    if (done) done = database.exec("COMMIT");
    if (!done) database.rollback();
    return done;
}

}  // namespace

Result<void> SqliteLedger::purge(WallTime now, const std::string& operator_name) {
    ledger::HolderLock lock;
    if (!impl_->lock.held()) {
        auto taken = ledger::HolderLock::take(impl_->path, now);
        if (!taken) return std::move(taken).error();
        lock = std::move(*taken);
    }
    const std::lock_guard guard(impl_->writing);
    auto opened = ledger::open_writer(impl_->path);
    if (!opened) return std::move(opened).error();
    ledger::Database& database = *opened;
    auto last = last_person(database);
    if (!last) return std::move(last).error();

    // The table goes row by row until it is empty: with secure_delete every freed cell is overwritten with zeros and so
    // is every page as it becomes free, whatever copies its reorganisations left in it.
    for (std::int64_t upto = rows_at_once; upto < *last + rows_at_once; upto += rows_at_once) {
        auto done =
            transaction(database, [&] { return database.cached("DELETE FROM persons WHERE id<=?1").with(upto).run(); });
        if (!done) return done;
    }
    auto done = transaction(database, [&]() -> Result<void> {
        auto emptied = database.exec("DELETE FROM persons");
        if (emptied)
            emptied =
                ledger::write_meta(database, ledger::meta_purged_at, std::to_string(now.time_since_epoch().count()));
        if (emptied)
            emptied = ledger::add_event(database, {now, "purge", std::to_string(*last) + " recipients", operator_name});
        return emptied;
    });
    if (done) done = empty_log(database);
    return done;
}

}  // namespace tidegate
