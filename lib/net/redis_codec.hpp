#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/result.hpp"

namespace tidegate::net {

struct RedisReply {
    enum class Kind : std::uint8_t { nil, text, status, integer, error, array };

    Kind kind = Kind::nil;
    std::string text{};  ///< of a text, a status or an error
    long long integer = 0;
    std::vector<RedisReply> items{};

    bool is_error() const { return kind == Kind::error; }
    /// "READONLY" of "READONLY You can't write ..."; empty when it is no error.
    std::string_view error_code() const;
    bool operator==(const RedisReply&) const = default;
};

/// A command as it goes over the wire; arguments may hold any bytes.
std::string redis_command(std::span<const std::string> arguments);
/// What EVALSHA calls a script by: its SHA-1 in hexadecimal.
std::string redis_script_digest(std::string_view script);

/// Takes bytes in any pieces and gives whole replies. After an error it must be thrown away: nobody knows where the
/// next reply begins. Threads: one.
class RedisReader {
  public:
    RedisReader();
    ~RedisReader();
    RedisReader(RedisReader&&) noexcept;
    RedisReader& operator=(RedisReader&&) noexcept;

    /// Errors: more than 8 MiB that make no reply.
    Result<void> feed(std::string_view bytes);
    /// The next whole reply, if there is one. Errors: the bytes are no RESP2, or promise an array of over 100,000.
    Result<std::optional<RedisReply>> next();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::net
