#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate::ledger {

/// Bytes to be stored as a BLOB rather than as text.
struct Blob {
    std::string_view bytes;
};

/// What the statements of one connection share.
struct Connection {
    sqlite3* db = nullptr;
    std::string path;

    ~Connection() { sqlite3_close_v2(db); }
    /// SQLite's result code as an error for people; disk full, damaged and busy are told apart.
    Error failure(int rc) const;
};

/// One prepared statement. A failure to prepare or to bind is remembered and reported by the next `step`, so a chain
/// `with(...).run()` needs one check. Texts are bound without a copy: they must live until the step.
class Statement {
  public:
    Statement() = default;
    Statement(const Connection& connection, const char* sql);
    ~Statement() { sqlite3_finalize(handle_); }
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;

    /// Starts over with these values for ?1, ?2, ...
    template <class... Values>
    Statement& with(const Values&... values) {
        reset();
        int index = 0;
        (note(bind(++index, values)), ...);
        return *this;
    }
    /// True: a row stands ready; false: done (and reset).
    Result<bool> step();
    /// Steps to the end.
    Result<void> run();
    void reset();
    bool prepared() const { return handle_ != nullptr; }

    std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
    /// NULL is NaN.
    double real(int column) const;
    std::string_view text(int column) const;
    bool null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
    WallTime time(int column) const { return WallTime(std::chrono::milliseconds(integer(column))); }
    std::optional<WallTime> maybe_time(int column) const;

  private:
    template <std::integral T>
    int bind(int index, T value) {
        return sqlite3_bind_int64(handle_, index, static_cast<sqlite3_int64>(value));
    }
    int bind(int index, double value) { return sqlite3_bind_double(handle_, index, value); }  // NaN becomes NULL
    int bind(int index, std::string_view value);
    int bind(int index, Blob value);
    int bind(int index, WallTime value) { return bind(index, value.time_since_epoch().count()); }
    template <class T>
    int bind(int index, const std::optional<T>& value) {
        return value ? bind(index, *value) : sqlite3_bind_null(handle_, index);
    }
    void note(int rc) {
        if (rc != SQLITE_OK && fault_ == SQLITE_OK) fault_ = rc;
    }

    const Connection* connection_ = nullptr;
    sqlite3_stmt* handle_ = nullptr;
    int fault_ = SQLITE_OK;
};

/// Resets a statement on the way out, so that no read snapshot outlives the call that needed it.
class Reset {
  public:
    explicit Reset(Statement& statement) : statement_(statement) {}
    ~Reset() { statement_.reset(); }
    Reset(const Reset&) = delete;
    Reset& operator=(const Reset&) = delete;

  private:
    Statement& statement_;
};

/// A connection with its prepared statements. Threads: one at a time.
class Database {
  public:
    Database() = default;
    /// `path` must exist unless `flags` has SQLITE_OPEN_CREATE. With `immutable` the file is read without any lock or
    /// log.
    static Result<Database> open(const std::string& path, int flags, bool immutable = false);

    Result<void> exec(const char* sql);
    /// The statement for a string that lives for ever; prepared at its first use. Not for statements that may be under
    /// way twice at once.
    Statement& cached(const char* sql);
    Statement prepare(const char* sql) { return Statement(*connection_, sql); }
    /// Rows changed by the last INSERT, UPDATE or DELETE.
    std::int64_t changes() const { return sqlite3_changes64(connection_->db); }
    sqlite3* handle() const { return connection_->db; }
    const Connection& connection() const { return *connection_; }
    bool is_open() const { return connection_ != nullptr; }
    /// Rolls back when a transaction is open; some failures have done so already.
    void rollback();
    /// Finalises every statement and closes. Errors: what was still to be written could not be.
    Result<void> close();

  private:
    std::unique_ptr<Connection> connection_;
    std::unordered_map<const char*, Statement> statements_;  // after connection_: goes first
};

}  // namespace tidegate::ledger
