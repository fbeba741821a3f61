#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::report {

// Numbers for people, the same on every machine: the process's locale is never asked.

/// "1,234,567".
std::string grouped(std::uint64_t value);
/// At most `decimals` places, grouped, trailing zeros dropped: "1,234.5". "–" when it is not a number.
std::string decimal(double value, int decimals);
/// "12.3%" of a whole; empty when there is no whole.
std::string share(std::uint64_t part, std::uint64_t whole);
/// "41 ms", "3.1 s"; "–" when it is not a number.
std::string latency(double seconds);
/// "950/s", "∞" when unbounded.
std::string rate(double per_second);
/// "46 m 05 s", "2 h 10 m"; below a minute with one decimal: "8.4 s".
std::string elapsed(double seconds);

// Text for a terminal.

/// Columns the text takes: East Asian wide characters count two, combining ones none.
std::size_t columns_of(std::string_view text);
/// The text without control characters and direction overrides, cut to `columns` with "…" and padded to it on the
/// right.
std::string fit(std::string_view text, std::size_t columns);
/// Padded on the left.
std::string fit_right(std::string_view text, std::size_t columns);
/// Without control characters, direction overrides and broken UTF-8 (U+FFFD stands in).
std::string printable(std::string_view text);

}  // namespace tidegate::report
