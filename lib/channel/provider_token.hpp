#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/crypto.hpp"
#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::channel {

/// Apple's provider token and the rules about its age: replaced once it is 45 minutes old, at the latest well before an
/// hour, and never twice within 20 minutes, whoever asks. `iat` is the half hour it falls into, so that several nodes
/// that share a key tell Apple the same time; a token renewed because Apple refused the old one says the very second.
/// Minting happens under one lock: concurrent callers get the same token. Threads: every member from any thread.
/// Source: Apple, "Establishing a token-based connection to APNs"; RFC 7519.
class ProviderToken {
  public:
    ProviderToken(std::string team_id, std::string key_id, net::SigningKey key);

    /// The token to use now. `now` measures ages; `wall` stamps and notices a clock that was set.
    std::string current(TimePoint now, WallTime wall);
    /// After `ExpiredProviderToken`: true when a new one was minted, false when the last one is too young for that.
    bool renew(TimePoint now, WallTime wall);
    /// After `TooManyProviderTokenUpdates`: keeps the current one another 20 minutes, as far as its own age allows.
    void too_many_updates(TimePoint now);

  private:
    bool due(TimePoint now, WallTime wall) const;
    void mint(TimePoint now, WallTime wall, std::chrono::seconds issued);

    std::mutex mutex_;
    const std::string team_id_, key_id_;
    const net::SigningKey key_;
    std::string token_;
    TimePoint minted_{};       // when it was signed
    Duration age_at_mint_{0};  // how old its iat was then
    std::chrono::seconds iat_{0};
    TimePoint not_before_{};  // no other before this
};

/// The token of (team, key) for the whole process: every channel that names the same key shares one. It lives until the
/// process ends, because Apple remembers how often we minted whether our channels still exist or not.
Result<std::shared_ptr<ProviderToken>> shared_provider_token(const std::string& team_id, const std::string& key_id,
                                                             const Secret& pem);

}  // namespace tidegate::channel
