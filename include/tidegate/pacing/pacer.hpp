#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/rate.hpp"
#include "tidegate/quota/token_bucket.hpp"

namespace tidegate {

/// A rate with the time until which it may be used and what set it.
struct Allowance {
    Rate rate{};           ///< messages/s
    TimePoint expires{};   ///< afterwards nothing goes
    std::string reason{};  ///< what set the rate, one line for people

    bool operator==(const Allowance&) const = default;
};

/// Lets one campaign's messages go at the allowed rate. An allowance that is not renewed runs out, so a control thread
/// that hangs stops the sends. Pure; confined to one thread.
class TIDEGATE_EXPORT Pacer {
  public:
    explicit Pacer(TimePoint now);  ///< nothing goes before the first allowance

    void allow(const Allowance& allowance, TimePoint now);  ///< in force from `now` on
    /// Messages that may go at `now`, at most `wanted`; they count as gone.
    std::uint64_t take(std::uint64_t wanted, TimePoint now);
    /// Messages taken that did not go after all.
    void give_back(std::uint64_t messages);
    /// When asking again is worthwhile; `TimePoint::max()` while nothing is allowed.
    TimePoint next(TimePoint now);
    const Allowance& allowance() const { return allowance_; }  ///< the one in force

  private:
    Allowance allowance_;
    TokenBucket bucket_;
};

}  // namespace tidegate
