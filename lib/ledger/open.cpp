#include <sys/stat.h>

#include "ledger/impl.hpp"
#include "ledger/schema.hpp"

namespace tidegate {

namespace ledger {

namespace {

Result<void> check_file(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        Error error = system_error(errno, "there is no ledger", path);
        if (errno == ENOENT || errno == ENOTDIR) error = {Errc::not_found, "there is no ledger", path, ""};
        return error;
    }
    if (!S_ISREG(info.st_mode))
        return Error{Errc::invalid, "is not a ledger", path, "name a ledger file that tidegate wrote"};
    return {};
}

Result<Database> open_query(const std::string& path, int flags, bool immutable) {
    auto database = Database::open(path, flags, immutable);
    if (!database) return database;
    sqlite3_busy_timeout(database->handle(), 2000);
    for (const char* pragma : {"PRAGMA query_only=ON", "PRAGMA cache_size=-8192"})
        if (auto done = database->exec(pragma); !done) return std::move(done).error();
    if (auto checked = check_schema(*database); !checked) return std::move(checked).error();
    return database;
}

}  // namespace

Result<Database> open_reader(const std::string& path) {
    if (auto file = check_file(path); !file) return std::move(file).error();
    // Writable, because reading after a crash means bringing the log's index up to date first.
    auto database = open_query(path, SQLITE_OPEN_READWRITE, false);
    if (database || database.error().code != Errc::unavailable) return database;
    // A disk that cannot be written: nobody changes the file, so it may be read as it stands, unless the log beside
    // it holds a part of the truth.
    struct stat info {};
    if (::stat((path + "-wal").c_str(), &info) == 0 && info.st_size > 0) {
        Error error = std::move(database).error();
        error.hint = "its log must be read too: copy the ledger and its -wal to a disk that can be written";
        return error;
    }
    auto still = open_query(path, SQLITE_OPEN_READONLY, true);
    return still ? std::move(still) : std::move(database);
}

Result<Database> open_writer(const std::string& path) {
    auto database = Database::open(path, SQLITE_OPEN_READWRITE);
    if (!database) return database;
    sqlite3_busy_timeout(database->handle(), 2000);
    if (auto checked = check_schema(*database); !checked) return std::move(checked).error();
    if (sqlite3_db_readonly(database->handle(), "main") == 1)
        return Error{Errc::unavailable, "cannot be written", path,
                     "check the permissions of the file and of its folder"};
    for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA secure_delete=ON",
                               "PRAGMA cache_size=-16384", "PRAGMA journal_size_limit=67108864"})
        if (auto done = database->exec(pragma); !done) return std::move(done).error();
    auto mode = database->prepare("PRAGMA journal_mode");
    auto row = mode.step();
    if (!row) return std::move(row).error();
    if (!*row || mode.text(0) != "wal")
        return Error{Errc::unavailable, "this filesystem cannot hold a ledger's write-ahead log", path,
                     "keep ledgers on a local disk"};
    return database;
}

}  // namespace ledger

Result<void> SqliteLedger::Impl::begin(const Secret& key, bool key_needed) {
    auto campaign = ledger::read_meta(reader, ledger::meta_campaign);
    if (!campaign) return std::move(campaign).error();
    auto check = ledger::read_meta(reader, ledger::meta_seal_check);
    if (!check) return std::move(check).error();
    sealed = check->has_value();
    if (!sealed) return {};  // a key given to an open ledger opens nothing and harms nothing
    if (key.empty()) {
        if (!key_needed) return {};
        return Error{Errc::refused, "the ledger is sealed and no key is given", path, "give [ledger] key"};
    }
    auto made = ledger::PersonBox::make(campaign->value_or(""), key);
    if (!made) return std::move(made).error();
    if (!made->recognises(**check))
        return Error{Errc::refused, "the ledger is sealed with another key", path,
                     "give the key it was made with ([ledger] key)"};
    box = std::move(*made);
    return {};
}

SqliteLedger::SqliteLedger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteLedger::~SqliteLedger() = default;

Result<std::unique_ptr<SqliteLedger>> SqliteLedger::open_for_sending(const std::string& path, const Secret& key) {
    if (auto file = ledger::check_file(path); !file) return std::move(file).error();
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    auto lock = ledger::HolderLock::take(path, now);
    if (!lock) return std::move(lock).error();
    impl->lock = std::move(*lock);
    auto writer = ledger::open_writer(path);
    if (!writer) return std::move(writer).error();
    impl->writer = std::move(*writer);
    auto reader = ledger::open_reader(path);
    if (!reader) return std::move(reader).error();
    impl->reader = std::move(*reader);
    if (auto begun = impl->begin(key, true); !begun) return std::move(begun).error();
    return std::unique_ptr<SqliteLedger>(new SqliteLedger(std::move(impl)));
}

Result<std::unique_ptr<SqliteLedger>> SqliteLedger::open_for_reading(const std::string& path, const Secret& key) {
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    auto reader = ledger::open_reader(path);
    if (!reader) return std::move(reader).error();
    impl->reader = std::move(*reader);
    if (auto begun = impl->begin(key, false); !begun) return std::move(begun).error();
    return std::unique_ptr<SqliteLedger>(new SqliteLedger(std::move(impl)));
}

bool SqliteLedger::has_sender() const {
    return impl_->lock.held() || ledger::HolderLock::taken(impl_->path);
}

}  // namespace tidegate
