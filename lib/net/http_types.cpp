#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "net/http.hpp"

namespace tidegate::net {
namespace {

/// Beyond this a server's wish is taken for nonsense.
constexpr std::chrono::seconds longest_wait = std::chrono::hours(24 * 366);
/// The end of the year 9999 in epoch seconds; what lies beyond would overflow when counted in milliseconds.
constexpr std::int64_t last_date = 253'402'300'799;

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

}  // namespace

std::string HttpResponse::header(std::string_view name) const {
    const auto found = std::find_if(headers.begin(), headers.end(), [name](const auto& h) { return h.first == name; });
    return found == headers.end() ? std::string() : found->second;
}

std::optional<Duration> HttpResponse::retry_after(WallTime now) const {
    const std::string whole = header("retry-after");
    const std::string_view value = trimmed(whole);
    if (value.empty()) return std::nullopt;
    if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        std::int64_t seconds = 0;
        const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), seconds);
        if (fault != std::errc() || seconds > longest_wait.count()) return std::nullopt;
        return std::chrono::seconds(seconds);
    }
    // libcurl's reader knows the three forms of RFC 9110 section 5.6.7, but also takes much that is not one of them.
    // All three begin with a day of the week and hold a time of day.
    static constexpr std::string_view week = "Mon Tue Wed Thu Fri Sat Sun";
    if (value.size() < 24 || week.find(value.substr(0, 3)) % 4 != 0 || value.find(':') == std::string_view::npos) {
        return std::nullopt;
    }
    const time_t seconds = curl_getdate(std::string(value).c_str(), nullptr);
    if (seconds < 0 || seconds > last_date) return std::nullopt;
    const auto wait = WallTime(std::chrono::seconds(seconds)) - now;
    if (wait > longest_wait) return std::nullopt;
    return std::max<Duration>(wait, Duration::zero());
}

}  // namespace tidegate::net
