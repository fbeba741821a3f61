#pragma once

#include <cstdint>
#include <string_view>

#include "tidegate/base/export.hpp"

namespace tidegate {

/// What to do with an attempt nobody knows the result of.
enum class OnUnknown : std::uint8_t {
    resend_if_collapsible,  ///< resend where the device merges repeats; else the recipient ends `unknown`
    resend,                 ///< at least once: a recipient may get it twice
    never                   ///< at most once: the recipient ends `unknown`
};
/// As campaign files spell it: "resend-if-collapsible".
TIDEGATE_EXPORT std::string_view to_string(OnUnknown policy);

}  // namespace tidegate
