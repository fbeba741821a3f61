#pragma once

#include <string>
#include <string_view>

#include "channel/credentials.hpp"
#include "channel/json_text.hpp"
#include "net/http.hpp"
#include "tidegate/channel/options.hpp"
#include "tidegate/message/attempt.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::channel {

/// How an attempt becomes an FCM request. Pure; immutable; any thread. An address written "fid:..." is a Firebase
/// installation id, any other a registration token.
/// Source: Firebase, "REST Resource: projects.messages"; "About FCM messages".
class FcmProtocol {
  public:
    static constexpr std::size_t payload_limit = 4096;

    FcmProtocol(const FcmOptions& options, const std::string& project_id, Duration timeout);

    /// `wall` turns the expiry into a time to live.
    std::string body(const Attempt& attempt, WallTime wall) const;
    /// Neither empty nor holding spaces or control characters.
    static bool valid_address(std::string_view address);
    /// Errors: no usable address, a payload (notification and data) over the limit, a data key FCM keeps for itself.
    Result<void> check(const Attempt& attempt) const;
    net::HttpRequest request(const Attempt& attempt, std::string_view access_token, WallTime wall) const;

  private:
    JsonSkeleton skeleton_;  // the whole document
    JsonSkeleton payload_;   // the part the size limit is about
    std::string url_;
    Duration timeout_;
};

/// Maps an answer. What decides, in this order: the FcmError detail, `error.status`, the HTTP status. A bare 404 is our
/// URL's fault and never the address's.
Outcome fcm_outcome(const net::HttpResponse& response, std::string_view address, WallTime now);

/// The signed question for an access token (RFC 7523): claims valid for an hour from `wall`.
std::string fcm_assertion(const ServiceAccount& account, const net::SigningKey& key, WallTime wall);
net::HttpRequest fcm_token_request(const ServiceAccount& account, std::string_view assertion, Duration timeout);

/// What the token endpoint said: a token, or the outcome that everyone who waits for one gets.
struct FcmGrant {
    std::string access_token;  ///< empty: refused
    Duration lifetime{0};
    Outcome refusal;
};
FcmGrant fcm_grant(const net::HttpResult& result, WallTime now);

}  // namespace tidegate::channel
