#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "loop.hpp"

namespace twin {

/// How the provider endpoints misbehave at the moment.
enum class ProviderFault : std::uint8_t { none, hang, garbage, error, unavailable, throttle };

/// One provider request as it was understood.
struct Message {
    std::string_view channel;
    std::string_view address;
    std::string_view id;   ///< our answer's or the sender's name of the message
    std::string_view key;  ///< collapse id, tag or idempotency key: what makes a repeat merge; empty = it does not
};

/// Remembers every provider request, and tells the crowd of each message that is new to its recipient.
class Mailbox {
  public:
    using Delivered = std::function<void(std::string_view address, TimePoint at)>;
    using Sent = std::function<void(TimePoint at)>;

    /// `log` empty = no log. Throws std::runtime_error when it cannot be opened.
    Mailbox(const std::string& log, Sent sent, Delivered delivered);

    /// A message the provider took. `status` 0 = taken, and never answered.
    void take(const Message& message, int status);
    /// A request the provider refused.
    void refuse(const Message& message, int status);

    ProviderFault fault() const { return fault_; }
    void set_fault(ProviderFault fault) { fault_ = fault; }
    /// The vendor that answers 503 to everything: "solapi", "nhn", or "none".
    const std::string& dead() const { return dead_; }
    void set_dead(std::string vendor) { dead_ = std::move(vendor); }
    /// Forgets who got what.
    void reset();
    /// `"recipients":…,"distinct":…` and so on, without braces.
    std::string summary() const;

  private:
    struct Tally {
        std::uint64_t taken = 0, refused = 0;
    };
    void write(const Message& message, int status);

    Fd log_;
    Sent sent_;
    Delivered delivered_;
    ProviderFault fault_ = ProviderFault::none;
    std::string dead_ = "none";
    std::unordered_map<std::string, std::uint32_t> messages_;  ///< by address and key
    std::unordered_set<std::string> recipients_;
    std::map<std::string, Tally, std::less<>> channels_;
    std::uint64_t repeats_ = 0, merged_ = 0;
};

}  // namespace twin
