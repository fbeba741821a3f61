#include "report/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace tidegate::report {

namespace {

constexpr const char* kNone = "–";

std::string fixed(double value, int decimals) {
    std::array<char, 400> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, decimals);
    return {buffer.data(), end.ptr};
}

/// Puts commas into the run of digits that ends at `end`.
std::string with_commas(std::string digits, std::size_t end) {
    const std::size_t begin = !digits.empty() && digits[0] == '-' ? 1 : 0;
    for (std::size_t at = end; at > begin + 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

}  // namespace

std::string grouped(std::uint64_t value) {
    std::string digits = std::to_string(value);
    const std::size_t size = digits.size();
    return with_commas(std::move(digits), size);
}

std::string decimal(double value, int decimals) {
    if (std::isinf(value)) return value > 0 ? "∞" : "-∞";
    if (std::isnan(value)) return kNone;
    std::string text = fixed(value, decimals);
    std::size_t point = text.find('.');
    if (point != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') text.pop_back();
        point = text.find('.');
    }
    if (text == "-0") return "0";
    const std::size_t whole = std::min(point, text.size());  // none: the number has no fraction
    return with_commas(std::move(text), whole);
}

std::string share(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return {};
    const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    // "100%" and "0%" are said only of all and of none.
    if (part > 0 && percent < 0.01) return "<0.01%";
    if (part < whole && percent > 99.99) return ">99.99%";
    return decimal(percent, percent < 1 || percent > 99 ? 2 : 1) + "%";
}

std::string latency(double seconds) {
    if (!std::isfinite(seconds)) return kNone;
    if (seconds < 0.9995) return decimal(seconds * 1000.0, seconds < 0.00995 ? 1 : 0) + " ms";
    return decimal(seconds, seconds < 9.95 ? 2 : seconds < 99.5 ? 1 : 0) + " s";
}

std::string rate(double per_second) {
    if (std::isinf(per_second)) return "∞";
    if (!std::isfinite(per_second)) return kNone;
    return decimal(per_second, per_second < 9.95 ? 1 : 0) + "/s";
}

std::string brief_count(double value) {
    if (value >= 1e6) return decimal(value / 1e6, 2) + " M";
    if (value >= 1e3) return decimal(value / 1e3, 1) + " k";
    return decimal(value, 1);
}

std::string elapsed(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0) return kNone;
    if (seconds < 59.95) return decimal(seconds, 1) + " s";
    const auto all = static_cast<std::uint64_t>(std::llround(seconds));
    const std::uint64_t h = all / 3600, m = all / 60 % 60, s = all % 60;
    if (h > 0) return grouped(h) + " h " + (m < 10 ? "0" : "") + std::to_string(m) + " m";
    return std::to_string(m) + " m " + (s < 10 ? "0" : "") + std::to_string(s) + " s";
}

}  // namespace tidegate::report
