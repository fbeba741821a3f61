#include <date/tz.h>

#include <algorithm>
#include <cstdint>
#include <exception>

#include "tidegate/base/text.hpp"

namespace tidegate {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Takes fixed fields off the front of a text, without a locale.
class Cursor {
  public:
    explicit Cursor(std::string_view text) : rest_(text) {}

    bool number(std::size_t digits, int& out) {
        if (rest_.size() < digits) return false;
        out = 0;
        for (const char c : rest_.substr(0, digits)) {
            if (c < '0' || c > '9') return false;
            out = out * 10 + (c - '0');
        }
        rest_.remove_prefix(digits);
        return true;
    }

    bool one_of(std::string_view accepted, char& out) {
        if (rest_.empty() || accepted.find(rest_.front()) == std::string_view::npos) return false;
        out = rest_.front();
        rest_.remove_prefix(1);
        return true;
    }

    bool literal(std::string_view accepted) {
        char ignored = 0;
        return one_of(accepted, ignored);
    }

    bool at_end() const { return rest_.empty(); }

  private:
    std::string_view rest_;
};

/// What follows the seconds: an optional fraction, cut to milliseconds, then Z or an offset.
bool fraction_and_offset(Cursor& cursor, milliseconds& fraction, minutes& offset) {
    if (cursor.literal(".")) {
        int digit = 0, taken = 0;
        int scale = 100;
        while (cursor.number(1, digit)) {
            fraction += milliseconds(digit * scale);
            scale /= 10;
            ++taken;
        }
        if (taken == 0) return false;
    }
    char sign = 0;
    if (!cursor.one_of("Zz+-", sign)) return false;
    if (sign == 'Z' || sign == 'z') return cursor.at_end();
    int hour = 0, minute = 0;
    if (!cursor.number(2, hour) || !cursor.literal(":") || !cursor.number(2, minute)) return false;
    if (hour > 23 || minute > 59 || !cursor.at_end()) return false;
    offset = hours(hour) + minutes(minute);
    if (sign == '-') offset = -offset;
    return true;
}

std::optional<WallTime> read_wall_time(std::string_view text) {
    Cursor cursor(text);
    int year = 0, month = 0, day = 0;
    if (!cursor.number(4, year) || !cursor.literal("-") || !cursor.number(2, month) || !cursor.literal("-") ||
        !cursor.number(2, day)) {
        return std::nullopt;
    }
    const std::chrono::year_month_day calendar{std::chrono::year(year),
                                               std::chrono::month(static_cast<unsigned>(month)),
                                               std::chrono::day(static_cast<unsigned>(day))};
    if (!calendar.ok()) return std::nullopt;
    const WallTime midnight = std::chrono::sys_days(calendar);
    if (cursor.at_end()) return midnight;

    int hour = 0, minute = 0, second = 0;
    if (!cursor.literal("Tt ") || !cursor.number(2, hour) || !cursor.literal(":") || !cursor.number(2, minute) ||
        !cursor.literal(":") || !cursor.number(2, second)) {
        return std::nullopt;
    }
    if (hour > 23 || minute > 59 || second > 60) return std::nullopt;  // 60: a leap second counts as the next one
    milliseconds fraction{0};
    minutes offset{0};
    if (!fraction_and_offset(cursor, fraction, offset)) return std::nullopt;
    return midnight + hours(hour) + minutes(minute) + seconds(second) + fraction - offset;
}

std::string padded(std::int64_t value, std::size_t width) {
    const std::string digits = std::to_string(value < 0 ? -value : value);
    return (value < 0 ? "-" : "") + std::string(width > digits.size() ? width - digits.size() : 0, '0') + digits;
}

/// "2026-11-23" and "09:00:00" of a count of milliseconds since 1970, whatever zone it is in.
struct Parts {
    std::string date, time, fraction;
};

Parts parts_of(milliseconds since_epoch) {
    const WallTime t{since_epoch};
    const auto day = std::chrono::floor<days>(t);
    const std::chrono::year_month_day calendar(day);
    const std::int64_t in_day = (t - day).count();
    return {padded(int(calendar.year()), 4) + "-" + padded(unsigned(calendar.month()), 2) + "-" +
                padded(unsigned(calendar.day()), 2),
            padded(in_day / 3600000, 2) + ":" + padded(in_day / 60000 % 60, 2) + ":" + padded(in_day / 1000 % 60, 2),
            padded(in_day % 1000, 3)};
}

Result<const date::time_zone*> zone_named(std::string_view name) {
    Error unknown{Errc::not_found, "unknown time zone \"" + std::string(name) + "\"", "",
                  "use an IANA name such as \"Asia/Seoul\" and install tzdata"};
    // An absolute or climbing name would make the zone library read arbitrary files.
    if (name.empty() || name.front() == '/' || name.find("..") != std::string_view::npos) return unknown;
    try {
        // Ours and not the library's own lazy reading, whose locks ThreadSanitizer cannot see.
        static const bool read = (static_cast<void>(date::get_tzdb()), true);
        static_cast<void>(read);
        return date::locate_zone(std::string(name));
    } catch (const std::exception&) {
        return unknown;
    }
}

/// Runs a question to a zone; damaged zone files show only when first used.
template <class Question>
auto ask(std::string_view name, Question question) -> Result<decltype(question(*date::locate_zone("")))> {
    const auto zone = zone_named(name);
    if (!zone) return zone.error();
    try {
        return question(**zone);
    } catch (const std::exception&) {
        return Error{Errc::unavailable, "the data of time zone \"" + std::string(name) + "\" cannot be read", "",
                     "reinstall tzdata"};
    }
}

milliseconds local_since_epoch(const date::time_zone& zone, WallTime t) {
    return t.time_since_epoch() + zone.get_info(std::chrono::floor<seconds>(t)).offset;
}

}  // namespace

Result<WallTime> parse_wall_time(std::string_view text) {
    if (const auto t = read_wall_time(text)) return *t;
    return Error{Errc::invalid, "\"" + std::string(text) + "\" is not a time", "",
                 "write RFC 3339 with an offset, e.g. \"2026-11-23T09:00:00+09:00\""};
}

std::string format_wall_time(WallTime t) {
    const Parts parts = parts_of(t.time_since_epoch());
    return parts.date + "T" + parts.time + "." + parts.fraction + "Z";
}

Result<int> local_minute_of_day(WallTime t, std::string_view zone) {
    return ask(zone, [t](const date::time_zone& z) {
        const WallTime local{local_since_epoch(z, t)};
        return static_cast<int>(std::chrono::floor<minutes>(local - std::chrono::floor<days>(local)).count());
    });
}

Result<std::string> format_local(WallTime t, std::string_view zone) {
    return ask(zone, [t](const date::time_zone& z) {
        const Parts parts = parts_of(local_since_epoch(z, t));
        return parts.date + " " + parts.time;
    });
}

Result<WallTime> next_local_minute(WallTime t, std::string_view zone, int minute_of_day) {
    if (minute_of_day < 0 || minute_of_day >= 24 * 60) {
        return Error{Errc::invalid, "minute " + std::to_string(minute_of_day) + " is not in a day", "",
                     "use 0 to 1439"};
    }
    return ask(zone, [&](const date::time_zone& z) {
        const auto today = std::chrono::floor<days>(WallTime{local_since_epoch(z, t)}).time_since_epoch();
        std::optional<WallTime> first;
        const auto offer = [&](WallTime candidate) {
            if (candidate > t && (!first || candidate < *first)) first = candidate;
        };
        for (int day = -1; day <= 2; ++day) {
            const date::local_seconds local{today + days(day) + minutes(minute_of_day)};
            const auto info = z.get_info(local);
            const WallTime as_first{local.time_since_epoch() - info.first.offset};
            if (info.result == date::local_info::nonexistent) {
                offer(info.first.end);  // the clock jumps over that minute: the jump is the nearest there is
            } else {
                offer(as_first);
                if (info.result == date::local_info::ambiguous) {
                    offer(WallTime{local.time_since_epoch() - info.second.offset});
                }
            }
        }
        return first.value_or(t + days(1));
    });
}

}  // namespace tidegate
