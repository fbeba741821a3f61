#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidegate/base/text.hpp"

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
/// "1.5 M", "200 k", "950": for an axis.
std::string brief_count(double value);
/// "46 m 05 s", "2 h 10 m"; below a minute with one decimal: "8.4 s".
std::string elapsed(double seconds);

// Text for a terminal.

using tidegate::columns_of;
using tidegate::fit;
using tidegate::fit_right;
using tidegate::printable;

}  // namespace tidegate::report
