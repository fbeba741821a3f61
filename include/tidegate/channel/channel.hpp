#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/message/attempt.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate {

/// What the delivery machine needs to know about a channel; fixed for its lifetime.
struct ChannelTraits {
    std::string kind{};               ///< "apns", "fcm", "webhook", ...
    std::string address_type{};       ///< which of a recipient's addresses it takes
    bool two_phase = false;           ///< the final word comes later, by report
    bool collapsible = false;         ///< a repeat with the same collapse value merges on the device
    bool idempotent = false;          ///< the receiver drops repeats of the same delivery, collapse value or not
    std::size_t batch_limit = 1;      ///< attempts in one vendor request
    bool address_may_be_key = false;  ///< without an address of its type the recipient's key is used

    bool operator==(const ChannelTraits&) const = default;
};

/// Called exactly once for each submitted attempt, from any thread, possibly before `submit` returns.
using Completion = std::function<void(DeliveryId, Outcome)>;

/// A way to reach people. Implement it to add your own.
/// Threads: `submit`, `capacity` and `check` from any thread; `stop` once.
class TIDEGATE_EXPORT Channel {
  public:
    virtual ~Channel() = default;
    /// What kind of channel this is; the same at every call.
    virtual ChannelTraits traits() const = 0;
    /// Hands over attempts; never blocks. Each is completed exactly once, by an answer, a time-out or `stop`.
    virtual void submit(std::span<const Attempt> attempts, Completion done) = 0;
    /// Attempts that could be put on the wire at once now. The caller submits no more than that.
    virtual std::size_t capacity() const = 0;
    /// Whether the provider would refuse this message for its form; asked before it is sent.
    /// Errors: `refused` when the message itself is at fault (size), `invalid` when only the address is.
    virtual Result<void> check(const Attempt& attempt) const = 0;
    /// Takes no more and completes everything by `deadline`; what was on the wire without an answer ends `unknown`.
    virtual void stop(TimePoint deadline) = 0;
};

}  // namespace tidegate
