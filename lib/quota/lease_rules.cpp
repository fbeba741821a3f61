#include "tidegate/quota/shared_quota.hpp"

namespace tidegate {
namespace {

Error fault(std::string what, std::string where, std::string hint) {
    return {Errc::invalid, std::move(what), std::move(where), std::move(hint)};
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

}  // namespace tidegate
