#pragma once

#include <string>
#include <string_view>

#include "tidegate/base/clock.hpp"

namespace tidegate::report {

/// Text made safe for element content and quoted attributes alike; control characters and broken UTF-8 are replaced.
std::string escape(std::string_view text);

/// "<time datetime=…>2026-11-23 00:00:05</time>", in UTC.
std::string time_tag(WallTime t);

/// The page's rules and its small script, as they stand in <style> and <script>.
extern const std::string_view page_style;
extern const std::string_view page_script;

}  // namespace tidegate::report
