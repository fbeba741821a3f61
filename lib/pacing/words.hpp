#pragma once

#include <string>

namespace tidegate::pacing {

/// A number as short as a person wants it: "312", "4.5", "0.02".
std::string brief(double value);
/// Seconds told in milliseconds: "412 ms".
std::string milliseconds(double seconds);

}  // namespace tidegate::pacing
