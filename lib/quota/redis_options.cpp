#include "net/redis_address.hpp"
#include "net/redis_tls.hpp"
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
    if (!ca.empty() && address && !address->tls)
        faults.push_back(
            fault("a trust anchor for a connection without TLS", "ca", "write rediss://, or leave it out"));
    if (!ca.empty() && address && address->tls) {
        if (const auto trust = net::RedisTrust::load(ca); !trust)
            faults.push_back(fault(trust.error().what, "ca", "name a PEM file of certificates"));
    }
    if (connect_timeout <= Duration::zero() || reply_timeout <= Duration::zero() || reply_timeout > rules.lease / 2)
        faults.push_back(
            fault("time-outs must be above 0, and an answer within half a lease", "reply_timeout", "500ms is usual"));
    return faults;
}

}  // namespace tidegate
