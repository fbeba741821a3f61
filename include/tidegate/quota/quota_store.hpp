#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/rate.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// What one campaign wants to send through one account: it is granted on every named resource at once or not at all.
/// `camp:<id>` and `acct:<channel>` in messages/s, `be:<backend>` in requests/s.
struct Flow {
    std::string id{};                      ///< unique: "<campaign>/<channel>"
    std::vector<std::string> resources{};  ///< all of them are asked
    int priority = 5;                      ///< 0..9, 9 first
    Rate wants{};                          ///< what it could use now
    /// What one message takes of each resource, in their order; where it is short, 1. For backends: requests.
    std::vector<double> takes{};

    /// Of `resources[i]`. Nonsense (not above 0) counts as 1.
    double take(std::size_t i) const { return i < takes.size() && takes[i] > 0.0 ? takes[i] : 1.0; }
    bool operator==(const Flow&) const = default;
};

/// A rate that may be used until `expires`; afterwards the rate is 0 whatever happened to the store.
struct Lease {
    std::string flow{};        ///< `Flow::id`
    Rate rate{};               ///< messages/s
    TimePoint expires{};       ///< afterwards the rate is 0
    std::string limited_by{};  ///< the resource that set the rate; empty when `wants` did
    /// The same instant on `awake_now()`, whose clock goes on while the machine sleeps. Never for leases of this
    /// process.
    TimePoint expires_awake = TimePoint::max();

    bool operator==(const Lease&) const = default;
};

/// CLOCK_BOOTTIME: monotonic, and unlike `Clock::now` it also counts the time a machine was suspended.
TIDEGATE_EXPORT TimePoint awake_now();
/// Whether the lease may still be used; to be asked before every hand-off.
inline bool live(const Lease& lease, TimePoint now) {
    return now < lease.expires && (lease.expires_awake == TimePoint::max() || awake_now() < lease.expires_awake);
}

/// Shares limits between campaigns (and, behind the same face, between nodes).
/// Threads: called from the Gate's control thread only.
class TIDEGATE_EXPORT QuotaStore {
  public:
    virtual ~QuotaStore() = default;
    /// Sets the cap of a resource in its unit per second; `Rate::unlimited()` removes it.
    virtual void set_cap(const std::string& resource, Rate cap) = 0;
    /// Renews every flow of this process; flows not named are released. Leases come back in the order of `flows`.
    /// Errors: the store cannot be reached; leases already given run out by themselves.
    virtual Result<std::vector<Lease>> renew(std::span<const Flow> flows, TimePoint now) = 0;
};

/// Limits within this process: strict priority with a floor of 5 % for whoever waits, equal shares among equals.
/// Leases last 3 s.
TIDEGATE_EXPORT std::unique_ptr<QuotaStore> make_local_quota();

/// One claimant of a divisible good.
struct Claim {
    int priority = 5;    ///< 0..9, 9 first
    double wants = 0.0;  ///< >= 0
    bool operator==(const Claim&) const = default;
};

/// Divides `amount` among claims: higher priority first, equals by max-min fairness; every claim that wants anything
/// keeps at least min(wants, 5 % of amount / number of claims) so that nobody starves. Σ result <= amount.
TIDEGATE_EXPORT std::vector<double> divide(double amount, std::span<const Claim> claims);

}  // namespace tidegate
