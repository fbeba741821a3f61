#pragma once

#include <functional>
#include <memory>

#include "net/redis_link.hpp"
#include "quota/redis_client.hpp"

namespace tidegate::quota {

/// For tests that break a rule on purpose.
struct RedisQuotaSeams {
    BrokenRules broken{};
    std::function<TimePoint()> clock = awake_now;  ///< leases are counted on it
    std::function<std::string(std::string)> script = [](std::string whole) { return whole; };
};

/// As `make_redis_quota`, with rules broken.
Result<std::unique_ptr<SharedQuota>> make_redis_quota(const SharedQuotaOptions& options, Duration patience,
                                                      RedisQuotaSeams seams);

/// "{ns:domain}:q": one hash for each domain, in one slot of a cluster.
std::string hash_key(const std::string& domain);
std::string control_channel(const std::string& domain);

/// How Redis is reached, of options that are valid.
net::RedisOptions connection_options(const SharedQuotaOptions& options);
std::uint64_t fresh_seed();

}  // namespace tidegate::quota
