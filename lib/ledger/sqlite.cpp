#include "ledger/sqlite.hpp"

#include <limits>
#include <system_error>
#include <utility>

namespace tidegate::ledger {

namespace {

std::string uri_of(const std::string& path) {
    std::string uri = "file:";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#') {
            constexpr char digits[] = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(c);
            uri += '%';
            uri += digits[byte >> 4];
            uri += digits[byte & 15];
        } else {
            uri += c;
        }
    }
    return uri + "?immutable=1";
}

}  // namespace

Error Connection::failure(int rc) const {
    const char* text = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    const int number = db != nullptr ? sqlite3_system_errno(db) : 0;
    switch (rc & 0xff) {
        case SQLITE_FULL:
            return {Errc::unavailable, "the disk (or its quota) is full", path, "free space and resume"};
        case SQLITE_NOTADB:
            return {Errc::invalid, "is not a ledger", path, "name a ledger file that tidegate wrote"};
        case SQLITE_CORRUPT:
            return {Errc::unavailable, std::string("the ledger is damaged: ") + text, path,
                    "restore the file and its -wal from a copy"};
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {Errc::unavailable, "another process is using the ledger", path, "end it and try again"};
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_AUTH: {
            std::string what = std::string("cannot be opened or written: ") + text;
            if (number != 0) what += " (" + std::generic_category().message(number) + ")";
            return {Errc::unavailable, what, path, "check the permissions of the file and of its folder"};
        }
        case SQLITE_IOERR: {
            std::string what = "reading or writing the ledger failed";
            if (number != 0) what += ": " + std::generic_category().message(number);
            return {Errc::unavailable, what, path, "check the disk (space, quota, health) and resume"};
        }
        default:
            return {Errc::unavailable, std::string("the ledger failed: ") + text, path, ""};
    }
}

Statement::Statement(const Connection& connection, const char* sql) : connection_(&connection) {
    fault_ = sqlite3_prepare_v3(connection.db, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), handle_(std::exchange(other.handle_, nullptr)), fault_(other.fault_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(connection_, other.connection_);
    std::swap(handle_, other.handle_);
    std::swap(fault_, other.fault_);
    return *this;
}

Result<bool> Statement::step() {
    if (connection_ == nullptr) return Error{Errc::internal, "the ledger is closed", "", ""};
    int rc = fault_;
    if (rc == SQLITE_OK) rc = sqlite3_step(handle_);
    if (rc == SQLITE_ROW) return true;
    if (rc == SQLITE_DONE) {
        reset();
        return false;
    }
    Error error = connection_->failure(rc);
    reset();
    return error;
}

Result<void> Statement::run() {
    while (true) {
        auto row = step();
        if (!row) return std::move(row).error();
        if (!*row) return {};
    }
}

void Statement::reset() {
    if (handle_ == nullptr) return;  // keep the fault of preparing
    sqlite3_reset(handle_);
    fault_ = SQLITE_OK;
}

double Statement::real(int column) const {
    return null(column) ? std::numeric_limits<double>::quiet_NaN() : sqlite3_column_double(handle_, column);
}

std::string_view Statement::text(int column) const {
    const void* bytes = sqlite3_column_blob(handle_, column);
    const int size = sqlite3_column_bytes(handle_, column);
    if (bytes == nullptr || size <= 0) return {};
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::optional<WallTime> Statement::maybe_time(int column) const {
    if (null(column)) return std::nullopt;
    return time(column);
}

int Statement::bind(int index, std::string_view value) {
    // A null pointer would bind NULL; the empty text is a value.
    const char* bytes = value.data() != nullptr ? value.data() : "";
    return sqlite3_bind_text64(handle_, index, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

int Statement::bind(int index, Blob value) {
    if (value.bytes.empty()) return sqlite3_bind_zeroblob(handle_, index, 0);
    return sqlite3_bind_blob64(handle_, index, value.bytes.data(), value.bytes.size(), SQLITE_STATIC);
}

Result<Database> Database::open(const std::string& path, int flags, bool immutable) {
    Database database;
    database.connection_ = std::make_unique<Connection>();
    Connection& connection = *database.connection_;
    connection.path = path;
    const std::string name = immutable ? uri_of(path) : path;
    if (immutable) flags |= SQLITE_OPEN_URI;
    const int rc = sqlite3_open_v2(name.c_str(), &connection.db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    if (rc != SQLITE_OK) return connection.failure(rc);
    sqlite3_extended_result_codes(connection.db, 1);
    // A file may have been made by anyone: its schema gets no say, its pages are checked before they are believed.
    sqlite3_db_config(connection.db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection.db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    if (auto set = database.exec("PRAGMA cell_size_check=ON"); !set) return std::move(set).error();
    return database;
}

Result<void> Database::exec(const char* sql) {
    const int rc = sqlite3_exec(connection_->db, sql, nullptr, nullptr, nullptr);
    if (rc != SQLITE_OK) return connection_->failure(rc);
    return {};
}

Statement& Database::cached(const char* sql) {
    Statement& statement = statements_[sql];
    if (!statement.prepared()) statement = Statement(*connection_, sql);
    return statement;
}

void Database::rollback() {
    if (connection_ != nullptr && sqlite3_get_autocommit(connection_->db) == 0)
        sqlite3_exec(connection_->db, "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> Database::close() {
    statements_.clear();
    if (connection_ == nullptr) return {};
    const int rc = sqlite3_close(connection_->db);
    if (rc != SQLITE_OK) return connection_->failure(rc);
    connection_->db = nullptr;
    connection_.reset();
    return {};
}

}  // namespace tidegate::ledger
