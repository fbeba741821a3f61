#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// Parses "250ms", "30s", "5m", "4h", "2d" (a decimal number and one unit). Errors: `invalid`, with an example.
TIDEGATE_EXPORT Result<Duration> parse_duration(std::string_view text);
/// "250ms", "45s", "4m05s", "2h10m": short, for people.
TIDEGATE_EXPORT std::string format_duration(Duration d);

/// Parses RFC 3339 ("2026-11-23T09:00:00+09:00", "...Z", a space for the T) or a plain date (midnight UTC).
TIDEGATE_EXPORT Result<WallTime> parse_wall_time(std::string_view text);
/// RFC 3339 in UTC with milliseconds: "2026-11-23T00:00:00.000Z".
TIDEGATE_EXPORT std::string format_wall_time(WallTime t);

/// The minutes after local midnight at `t` in the IANA zone, e.g. "Asia/Seoul". Errors: unknown zone.
TIDEGATE_EXPORT Result<int> local_minute_of_day(WallTime t, std::string_view zone);
/// Local "2026-11-23 09:00:00" in the zone; for people.
TIDEGATE_EXPORT Result<std::string> format_local(WallTime t, std::string_view zone);
/// The first instant strictly after `t` at which the local time of day in `zone` becomes `minute_of_day` (0 to 1439).
/// When summer time skips that minute, the jump counts as it.
TIDEGATE_EXPORT Result<WallTime> next_local_minute(WallTime t, std::string_view zone, int minute_of_day);

/// The candidate nearest to `word` by edit distance, when near enough to be a typing slip.
TIDEGATE_EXPORT std::optional<std::string> nearest(std::string_view word, std::span<const std::string_view> candidates);

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
TIDEGATE_EXPORT bool valid_utf8(std::string_view bytes);

/// Columns the text takes on a terminal: East Asian wide characters count two, combining ones none.
TIDEGATE_EXPORT std::size_t columns_of(std::string_view text);
/// Without control characters, direction overrides and broken UTF-8 (U+FFFD stands in).
TIDEGATE_EXPORT std::string printable(std::string_view text);
/// The printable text, cut to `columns` with "…" and padded to them on the right.
TIDEGATE_EXPORT std::string fit(std::string_view text, std::size_t columns);
/// The same, padded on the left.
TIDEGATE_EXPORT std::string fit_right(std::string_view text, std::size_t columns);

}  // namespace tidegate
