#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "tidegate/message/outcome.hpp"

namespace tidegate {

/// When a kind of refusal is no longer about one recipient.
struct BreakerOptions {
    std::uint32_t in_a_row = 20;  ///< so many suspicious answers without an accepted one between them
    std::uint32_t window = 1000;  ///< answers looked back at
    double ratio = 0.05;          ///< share of the window; judged from 200 answers on

    bool operator==(const BreakerOptions&) const = default;
};

/// Watches the answers of one campaign on one channel and says when credentials, template, topic or the address list as
/// a whole are at fault, before the account burns. Dead addresses (`gone`) never count. Pure; confined to one thread.
class TIDEGATE_EXPORT RatioBreaker {
  public:
    /// One breaker serves one campaign on one channel.
    explicit RatioBreaker(BreakerOptions options = {});

    /// Takes one answer; returns the reason the first time a limit is passed. `pause_account` trips at once.
    std::optional<std::string> record(const Outcome& outcome);
    /// Whether a limit has been passed; it stays so.
    bool tripped() const { return tripped_; }

  private:
    BreakerOptions options_;
    std::deque<std::uint8_t> recent_;  // Reason + 1 of a suspicious answer, 0 otherwise
    std::array<std::uint32_t, 64> count_{};
    std::array<std::uint32_t, 64> streak_{};
    bool tripped_ = false;
};

}  // namespace tidegate
