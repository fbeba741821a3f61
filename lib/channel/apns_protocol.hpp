#pragma once

#include <string>
#include <string_view>

#include "channel/json_text.hpp"
#include "net/http.hpp"
#include "tidegate/channel/options.hpp"
#include "tidegate/message/attempt.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::channel {

/// How an attempt becomes an APNs request. Pure; immutable; any thread.
/// Source: Apple, "Sending notification requests to APNs", "Generating a remote notification".
class ApnsProtocol {
  public:
    static constexpr std::size_t payload_limit = 4096;

    /// `options` must have passed validation.
    ApnsProtocol(const ApnsOptions& options, Duration timeout);

    std::string payload(const Attempt& attempt) const;
    /// Errors: a device token that is not hexadecimal, a payload over the limit, a data key APNs keeps for itself.
    Result<void> check(const Attempt& attempt) const;
    /// `bearer` empty: certificate authentication, no `authorization` header.
    net::HttpRequest request(const Attempt& attempt, std::string_view bearer) const;

  private:
    JsonSkeleton skeleton_;
    std::string url_, topic_, push_type_, priority_;
    Duration timeout_;
};

/// Whether the text can be a device token: hexadecimal, even, neither empty nor over 200 characters. Apple tells nobody
/// to assume a length.
bool valid_device_token(std::string_view token);

/// The collapse value as APNs takes it: itself when it is at most 64 visible ASCII bytes, else the SHA-256 of it in
/// hexadecimal, which is 64 bytes long and equal exactly for equal values.
std::string apns_collapse_id(std::string_view collapse);

/// Maps an answer, by the table of Apple's "Handling notification responses from APNs". An unlisted reason keeps its
/// text and is judged by a 5xx or 429 status alone; otherwise it is `unknown`/`unmapped` and condemns nothing.
Outcome apns_outcome(const net::HttpResponse& response, std::string_view address, WallTime now);

}  // namespace tidegate::channel
