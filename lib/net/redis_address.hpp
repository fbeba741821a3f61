#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/result.hpp"

namespace tidegate::net {

struct RedisEndpoint {
    std::string host{};  ///< a name or an address; IPv6 without its brackets
    std::uint16_t port = 6379;
    bool operator==(const RedisEndpoint&) const = default;
};

/// Where a Redis is and as whom to enter. Never holds a password.
struct RedisAddress {
    bool tls = false;                        ///< rediss://
    std::string user{};                      ///< ACL user; empty = the default one
    std::vector<RedisEndpoint> endpoints{};  ///< the server, or the sentinels
    std::string master{};                    ///< the name the sentinels know it by; empty = no sentinels
    int database = 0;
    bool operator==(const RedisAddress&) const = default;
};

/// Reads `redis[s]://[user@]host[:port][/database]` and
/// `redis[s]+sentinel://[user@]host[:port],host[:port]/master-name[/database]`.
/// Errors: anything else, and a password in the text; what is said never repeats it.
Result<RedisAddress> parse_redis_url(std::string_view url);

}  // namespace tidegate::net
