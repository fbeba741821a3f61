#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidegate/base/clock.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::channel {

/// The life of an OAuth2 access token: one fetch at a time, renewed five minutes before its end (half its life when
/// that is shorter), the old one used until the new one is there. Pure; not synchronised.
class AccessToken {
  public:
    struct Use {
        std::string token;
        std::uint64_t generation = 0;
    };

    std::optional<Use> use(TimePoint now) const;
    /// True when the caller must fetch now; then it owes a `granted` or a `refused`.
    bool start_fetch(TimePoint now);
    bool fetching() const { return fetching_; }
    void granted(std::string token, Duration lifetime, TimePoint now);
    /// Fetching rests for a while: a minute after a refused credential, else doubling from one second to thirty.
    void refused(Outcome why, TimePoint now);
    /// The provider would not have this one: it is used no more, whatever its age.
    void distrust(std::uint64_t generation);
    /// Why there is no token, while fetching rests; `min_backoff` says how long at least.
    std::optional<Outcome> refusal(TimePoint now) const;
    /// Failed fetches since the last token.
    std::uint32_t failures() const { return failures_; }

  private:
    std::string token_;
    std::uint64_t generation_ = 0;
    bool fetching_ = false, distrusted_ = false;
    TimePoint refresh_at_{}, expires_at_{}, next_try_{};
    std::uint32_t failures_ = 0;
    Outcome refusal_;
};

}  // namespace tidegate::channel
