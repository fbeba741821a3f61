#include "net/redis_address.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate {
namespace {

Error fault(std::string what, std::string where, std::string hint) {
    return {Errc::invalid, std::move(what), std::move(where), std::move(hint)};
}

bool plain(const std::string& name) {
    constexpr const char* allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return !name.empty() && name.size() <= 64 && name.find_first_not_of(allowed) == std::string::npos;
}

}  // namespace

Faults LeaseRules::validate() const {
    using namespace std::chrono_literals;
    Faults faults;
    if (renew < 100ms || renew > 60s) faults.push_back(fault("is outside 100ms..60s", "renew", "1s is usual"));
    if (lease < 2 * renew) faults.push_back(fault("is shorter than two renewals", "lease", "take 3 times `renew`"));
    if (lease > 10min) faults.push_back(fault("is longer than 10m", "lease", "a dead node keeps its rate that long"));
    if (!(jitter >= 0.0 && jitter <= 0.5)) faults.push_back(fault("is outside 0..0.5", "jitter", "0.2 is usual"));
    if (!(drift >= 0.0 && drift <= 0.1)) faults.push_back(fault("is outside 0..0.1", "drift", "0.01 is usual"));
    if (clock_step < 100ms || clock_step > lease)
        faults.push_back(fault("is outside 100ms..lease", "clock_step", "1s is usual"));
    if (margin < 0ms || margin > lease) faults.push_back(fault("is outside 0..lease", "margin", "100ms is usual"));
    if (replicas < 0 || replicas > 100) faults.push_back(fault("is outside 0..100", "replicas", "0 = standalone"));
    if (replica_lag < 1s || replica_lag > 60s)
        faults.push_back(fault("is outside 1s..60s", "replica_lag", "2s is usual; Redis counts in whole seconds"));
    return faults;
}

Faults SharedQuotaOptions::validate() const {
    Faults faults = rules.validate();
    const auto address = net::parse_redis_url(redis);
    if (!address) faults.push_back(address.error());
    if (!plain(domain))
        faults.push_back(fault("must be 1 to 64 letters, digits, '.', '_' or '-'", "domain", "for example marketing"));
    if (!node.empty() && !plain(node))
        faults.push_back(fault("must be 1 to 64 letters, digits, '.', '_' or '-'", "node", "leave it out"));
    if (address && !address->master.empty() && rules.replicas == 0)
        faults.push_back(fault("sentinels without a count of replicas cannot be safe", "replicas",
                               "say how many replicas may be promoted"));
    if (address && !address->user.empty() && password.empty())
        faults.push_back(fault("a user without a password", "password", "give file: or env:"));
    if (connect_timeout <= Duration::zero() || reply_timeout <= Duration::zero() || reply_timeout > rules.lease / 2)
        faults.push_back(
            fault("time-outs must be above 0, and an answer within half a lease", "reply_timeout", "500ms is usual"));
    return faults;
}

}  // namespace tidegate
