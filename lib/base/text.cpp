#include "tidegate/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

namespace tidegate {
namespace {

using namespace std::chrono_literals;

struct Unit {
    std::string_view name;
    double nanoseconds;
};
constexpr std::array<Unit, 5> units = {{{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

Error bad_duration(std::string_view text) {
    return {Errc::invalid, "\"" + std::string(text) + "\" is not a duration", "",
            "write a number and one unit, e.g. \"250ms\", \"30s\", \"5m\", \"4h\" or \"2d\""};
}

std::string two_digits(std::int64_t value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
}

std::string with_minor(std::int64_t major, char major_unit, std::int64_t minor, char minor_unit) {
    std::string out = std::to_string(major) + major_unit;
    if (minor > 0) out += two_digits(minor) + minor_unit;
    return out;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
    const auto is_number = [](char c) { return is_digit(c) || c == '.'; };
    const auto number_end = std::find_if_not(text.begin(), text.end(), is_number);
    const std::string_view number = text.substr(0, static_cast<std::size_t>(number_end - text.begin()));
    const std::string_view unit_name = text.substr(number.size());
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == unit_name; });
    if (unit == units.end() || number.empty() || !is_digit(number.front()) || !is_digit(number.back())) {
        return bad_duration(text);
    }
    double value = 0;
    const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (fault != std::errc() || end != number.data() + number.size()) return bad_duration(text);
    const double nanoseconds = value * unit->nanoseconds;
    if (nanoseconds > 100 * 366 * 86400e9) {
        return Error{Errc::invalid, "\"" + std::string(text) + "\" is longer than a hundred years", "",
                     "write a shorter duration"};
    }
    return Duration(std::llround(nanoseconds));
}

std::string format_duration(Duration d) {
    if (d < Duration::zero()) return "-" + format_duration(d == Duration::min() ? Duration::max() : -d);
    if (d == Duration::zero()) return "0s";
    if (d < 1ms) return "<1ms";
    // std::chrono::round would overflow near the largest duration.
    const std::int64_t milliseconds = d.count() / 1'000'000 + (d.count() % 1'000'000 >= 500'000 ? 1 : 0);
    if (milliseconds < 1000) return std::to_string(milliseconds) + "ms";
    const auto tenths = (milliseconds + 50) / 100;
    if (tenths < 100) {
        return std::to_string(tenths / 10) + (tenths % 10 != 0 ? "." + std::to_string(tenths % 10) : "") + "s";
    }
    const auto seconds = (milliseconds + 500) / 1000;
    if (seconds < 60) return std::to_string(seconds) + "s";
    if (seconds < 3600) return with_minor(seconds / 60, 'm', seconds % 60, 's');
    const auto minutes = (seconds + 30) / 60;
    if (minutes < 24 * 60) return with_minor(minutes / 60, 'h', minutes % 60, 'm');
    const auto hours = (minutes + 30) / 60;
    return with_minor(hours / 24, 'd', hours % 24, 'h');
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string_view> candidates) {
    // Edit distance with swapped neighbours counted once (optimal string alignment).
    const auto distance = [word](std::string_view other) {
        std::vector<std::size_t> before(other.size() + 1), above(other.size() + 1), row(other.size() + 1);
        for (std::size_t j = 0; j <= other.size(); ++j) above[j] = j;
        for (std::size_t i = 1; i <= word.size(); ++i) {
            row[0] = i;
            for (std::size_t j = 1; j <= other.size(); ++j) {
                const std::size_t change = above[j - 1] + (word[i - 1] == other[j - 1] ? 0 : 1);
                row[j] = std::min({change, above[j] + 1, row[j - 1] + 1});
                const bool swapped = i > 1 && j > 1 && word[i - 1] == other[j - 2] && word[i - 2] == other[j - 1];
                if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
            }
            std::swap(before, above);
            std::swap(above, row);
        }
        return above[other.size()];
    };
    constexpr std::size_t longest_word = 100;  // nobody misspells an option at such length; keeps the cost bounded
    std::optional<std::string> best;
    std::size_t best_distance = 0;
    if (word.size() > longest_word) return best;
    for (const std::string_view candidate : candidates) {
        const std::size_t longest = std::max(word.size(), candidate.size());
        const std::size_t edits = distance(candidate);
        if (edits > std::max<std::size_t>(1, longest / 3) || edits >= longest) continue;
        if (!best || edits < best_distance) {
            best = std::string(candidate);
            best_distance = edits;
        }
    }
    return best;
}

bool valid_utf8(std::string_view bytes) {
    std::size_t i = 0;
    while (i < bytes.size()) {
        const auto lead = static_cast<unsigned char>(bytes[i]);
        if (lead < 0x80) {
            ++i;
            continue;
        }
        std::size_t more = 0;
        std::uint32_t code = 0, smallest = 0;
        if ((lead & 0xe0u) == 0xc0u) {
            more = 1, code = lead & 0x1fu, smallest = 0x80;
        } else if ((lead & 0xf0u) == 0xe0u) {
            more = 2, code = lead & 0x0fu, smallest = 0x800;
        } else if ((lead & 0xf8u) == 0xf0u) {
            more = 3, code = lead & 0x07u, smallest = 0x10000;
        } else {
            return false;
        }
        if (bytes.size() - i <= more) return false;
        for (std::size_t k = 1; k <= more; ++k) {
            const auto next = static_cast<unsigned char>(bytes[i + k]);
            if ((next & 0xc0u) != 0x80u) return false;
            code = (code << 6) | (next & 0x3fu);
        }
        if (code < smallest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
        i += more + 1;
    }
    return true;
}

}  // namespace tidegate
