#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "loop.hpp"
#include "mailbox.hpp"
#include "providers.hpp"

namespace twin {

/// Headers of one APNs request by lower-case name, pseudo-headers included.
using ApnsHeaders = std::map<std::string, std::string, std::less<>>;

/// Judges one request as Apple's documentation describes it: path, provider token's form and age, topic, push type,
/// priority, expiration, collapse id, message id, payload. Device tokens beginning with "dead" are 410 Unregistered.
/// Source: Apple, "Sending notification requests to APNs" and "Handling notification responses from APNs".
Verdict judge_apns(const ApnsHeaders& headers, std::string_view body, double now_epoch);

/// A stand-in for Apple's push service: TLS 1.2 or later, ALPN h2 and nothing else.
class ApnsEndpoint {
  public:
    /// Throws std::runtime_error when certificate or key cannot be used.
    ApnsEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox, const std::string& certificate,
                 const std::string& key);
    ~ApnsEndpoint();
    std::uint16_t port() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace twin
