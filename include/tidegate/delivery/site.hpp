#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/channel/options.hpp"
#include "tidegate/pacing/options.hpp"
#include "tidegate/quota/shared_quota.hpp"
#include "tidegate/signal/options.hpp"

namespace tidegate {

/// A backend and how it is watched.
struct Backend {
    BackendOptions limits{};              ///< its name and what it can bear
    SignalOptions signal = PushSignal{};  ///< how it is watched

    bool operator==(const Backend&) const = default;
};

/// Limits shared between nodes, and how long a node waits for them.
struct QuotaOptions {
    SharedQuotaOptions store{};  ///< where they live, and who this node is
    /// How long a campaign holds for a store that is away before its run ends with 5, resumable. 0 = it ends when the
    /// last lease does.
    Duration grace = std::chrono::minutes(5);

    bool operator==(const QuotaOptions&) const = default;
};

/// What the site-reliability engineer owns: backends, provider accounts, shared limits. Campaigns can only be stricter.
struct Site {
    std::vector<Backend> backends{};         ///< what must be protected
    std::vector<ChannelOptions> channels{};  ///< the provider accounts
    std::optional<QuotaOptions> quota{};     ///< absent: limits hold in this process alone
    /// Templates that may be sent with purpose "transactional".
    std::vector<std::string> transactional_templates{};

    bool operator==(const Site&) const = default;

    /// All faults at once: names missing or repeated, values out of range, credentials that do not parse.
    TIDEGATE_EXPORT Faults validate() const;
};

}  // namespace tidegate
