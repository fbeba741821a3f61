#pragma once

#include <string>
#include <string_view>

#include "channel/json_text.hpp"
#include "net/http.hpp"
#include "tidegate/channel/options.hpp"
#include "tidegate/message/attempt.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::channel {

/// How an attempt becomes a request to the host's own service; the format is described in this folder's README. Pure;
/// immutable; any thread.
class WebhookProtocol {
  public:
    WebhookProtocol(const WebhookOptions& options, Duration timeout);

    std::string body(const Attempt& attempt) const;
    /// Errors: no address.
    Result<void> check(const Attempt& attempt) const;
    net::HttpRequest request(const Attempt& attempt, WallTime wall) const;

  private:
    JsonSkeleton skeleton_;
    std::string url_;
    Secret secret_;
    Duration timeout_;
};

/// The same for every attempt at one delivery: what a receiver drops repeats by.
std::string idempotency_key(const Attempt& attempt);

/// "v1=" and the hexadecimal HMAC-SHA256 of "<timestamp>.<body>".
std::string webhook_signature(const Secret& secret, std::string_view timestamp, std::string_view body);

/// Maps an answer by the table in this folder's README. `addresses`: what must not appear in the text kept.
Outcome webhook_outcome(const net::HttpResponse& response, std::span<const std::string_view> addresses, WallTime now);

}  // namespace tidegate::channel
