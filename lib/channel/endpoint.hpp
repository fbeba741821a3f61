#pragma once

#include <string>
#include <string_view>

#include "tidegate/base/result.hpp"

namespace tidegate::channel {

/// The parts of a URL that decide whether we may talk to it.
struct Endpoint {
    bool tls = false;
    std::string host;  ///< lower case, without brackets
    int port = 0;      ///< 0 = the scheme's own
    std::string path;  ///< with the query; may be empty
    std::string base;  ///< scheme, host and port as written

    bool operator==(const Endpoint&) const = default;
};

/// Errors: anything but https, or http on a loopback host; a user name or a fragment; control characters or spaces. The
/// message never quotes the URL: a webhook's path may hold a token.
Result<Endpoint> parse_endpoint(std::string_view url);

}  // namespace tidegate::channel
