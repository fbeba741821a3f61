#include "pacing/words.hpp"

#include <cmath>
#include <cstdio>

namespace tidegate::pacing {

std::string brief(double value) {
    char text[32];
    // Whole from 100 up; three significant digits below.
    std::snprintf(text, sizeof text, std::fabs(value) >= 100.0 ? "%.0f" : "%.3g", value);
    return text;
}

std::string milliseconds(double seconds) {
    return brief(seconds * 1000.0) + " ms";
}

}  // namespace tidegate::pacing
