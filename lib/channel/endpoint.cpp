#include "channel/endpoint.hpp"

#include <algorithm>
#include <charconv>

namespace tidegate::channel {
namespace {

Error fault(std::string what, std::string hint) {
    return Error{Errc::invalid, std::move(what), {}, std::move(hint)};
}

bool loopback(std::string_view host) {
    if (host == "localhost" || host == "::1") return true;
    if (!host.starts_with("127.")) return false;
    const bool digits =
        std::all_of(host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    return digits && std::count(host.begin(), host.end(), '.') == 3;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
    static constexpr const char* wanted = "write https://host[:port]/..., or http:// for a loopback host";
    if (url.empty()) return fault("the URL is missing", wanted);
    if (std::any_of(url.begin(), url.end(),
                    [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; })) {
        return fault("the URL holds a space or a control character", "percent-encode it");
    }
    Endpoint endpoint;
    std::size_t start = 0;
    if (url.starts_with("https://")) {
        endpoint.tls = true;
        start = 8;
    } else if (url.starts_with("http://")) {
        start = 7;
    } else {
        return fault("the URL is neither https:// nor http://", wanted);
    }
    const std::size_t end = std::min(url.find_first_of("/?#", start), url.size());
    const std::string_view authority = url.substr(start, end - start);
    if (authority.find('@') != std::string_view::npos) {
        return fault("the URL holds a user name", "URLs are written to logs; use the channel's own credential keys");
    }
    if (url.find('#', end) != std::string_view::npos) return fault("the URL holds a fragment", "leave out '#...'");

    std::string_view host = authority;
    std::string_view port;
    if (authority.starts_with('[')) {
        const std::size_t close = authority.find(']');
        if (close == std::string_view::npos) return fault("the URL's address lacks ']'", wanted);
        host = authority.substr(1, close - 1);
        port = authority.substr(close + 1);
        if (!port.empty() && port.front() != ':') return fault("the URL's port is unreadable", wanted);
        if (!port.empty()) port.remove_prefix(1);
    } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        port = authority.substr(colon + 1);
    }
    if (host.empty()) return fault("the URL names no host", wanted);
    if (!port.empty()) {
        const auto [stop, problem] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
        if (problem != std::errc() || stop != port.data() + port.size() || endpoint.port < 1 || endpoint.port > 65535) {
            return fault("the URL's port is not a number from 1 to 65535", wanted);
        }
    }
    endpoint.host.assign(host);
    std::transform(endpoint.host.begin(), endpoint.host.end(), endpoint.host.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (!endpoint.tls && !loopback(endpoint.host)) {
        return fault("plain http:// to another machine would show everyone the credentials and addresses",
                     "use https://, or http:// with a loopback host");
    }
    endpoint.base.assign(url.substr(0, end));
    endpoint.path.assign(url.substr(end));
    return endpoint;
}

}  // namespace tidegate::channel
