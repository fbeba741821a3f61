#include "net/redis_address.hpp"

#include <charconv>
#include <optional>

namespace tidegate::net {
namespace {

constexpr std::uint16_t sentinel_port = 26379;

Error fault(std::string what, std::string hint) {
    return {Errc::invalid, std::move(what), "Redis address", std::move(hint)};
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Cuts the text at the first `mark`; without one the rest is empty.
std::pair<std::string_view, std::string_view> cut(std::string_view text, char mark) {
    const auto at = text.find(mark);
    if (at == std::string_view::npos) return {text, {}};
    return {text.substr(0, at), text.substr(at + 1)};
}

bool plain(std::string_view text) {
    return !text.empty() && text.find_first_of(" \t\r\n/?#@,") == std::string_view::npos;
}

std::optional<RedisEndpoint> endpoint(std::string_view text, std::uint16_t port) {
    RedisEndpoint made{{}, port};
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        made.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    } else {
        const auto colon = text.find(':');
        made.host = text.substr(0, colon);
        rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    }
    if (!plain(made.host)) return std::nullopt;
    if (rest.empty()) return made;
    const auto number = whole<std::uint16_t>(rest.substr(1));
    if (rest.front() != ':' || !number || *number == 0) return std::nullopt;
    made.port = *number;
    return made;
}

}  // namespace

Result<RedisAddress> parse_redis_url(std::string_view url) {
    RedisAddress made;
    const auto scheme_end = url.find("://");
    const std::string_view scheme = url.substr(0, scheme_end);
    const bool sentinels = scheme == "redis+sentinel" || scheme == "rediss+sentinel";
    made.tls = scheme.starts_with("rediss");
    if (scheme_end == std::string_view::npos || (!sentinels && scheme != "redis" && scheme != "rediss")) {
        return fault("does not begin with redis://, rediss://, redis+sentinel:// or rediss+sentinel://",
                     "write for example rediss://user@redis.internal:6379/0");
    }
    auto [authority, path] = cut(url.substr(scheme_end + 3), '/');
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        made.user = authority.substr(0, at);
        authority = authority.substr(at + 1);
        if (made.user.find(':') != std::string::npos)
            return fault("holds a password", "leave it out here and give it as a file: or env: reference");
        if (!plain(made.user)) return fault("has an empty or strange user name", "write rediss://user@host");
    }
    if (authority.ends_with(',')) return fault("ends its list of hosts with a comma", "write host:port,host:port");
    while (!authority.empty()) {
        const auto [one, others] = cut(authority, ',');
        const auto place = endpoint(one, sentinels ? sentinel_port : RedisEndpoint{}.port);
        if (!place) return fault("has a host or port that cannot be read", "write host:port, or [address]:port");
        made.endpoints.push_back(*place);
        authority = others;
    }
    if (made.endpoints.empty()) return fault("names no host", "write for example redis://redis.internal:6379/0");
    if (!sentinels && made.endpoints.size() > 1)
        return fault("names several hosts", "for sentinels write redis+sentinel://host:port,host:port/master-name");
    if (sentinels) {
        const auto [master, rest] = cut(path, '/');
        if (!plain(master)) return fault("does not name the master", "write redis+sentinel://host:port/master-name");
        made.master = master;
        path = rest;
    }
    if (path.empty()) return made;
    const auto database = whole<int>(path);
    if (!database || *database < 0) return fault("has a database that is no number", "write .../0");
    made.database = *database;
    return made;
}

}  // namespace tidegate::net
