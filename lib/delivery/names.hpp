#pragma once

#include <string_view>

namespace tidegate::delivery {

/// 1..longest of [A-Za-z0-9._-], and not dots alone: safe in a file name, a URL path and a metric's label.
bool plain_name(std::string_view name, std::size_t longest);

}  // namespace tidegate::delivery
