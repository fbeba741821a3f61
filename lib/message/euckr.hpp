#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate::message {

/// A character a phone would not show: EUC-KR has no code for it.
struct OutsideEuckr {
    std::size_t position = 0;  ///< counted in characters, from 1
    char32_t character = 0;    ///< U+FFFD for a byte that is not UTF-8

    bool operator==(const OutsideEuckr&) const = default;
};

/// What a text costs as a Korean short message.
struct EuckrLength {
    std::size_t bytes = 0;                     ///< ASCII 1, KS X 1001 2, of the characters that have a code
    std::optional<OutsideEuckr> outside = {};  ///< the first that has none

    bool operator==(const EuckrLength&) const = default;
};

/// Measures in strict EUC-KR: KS X 1001 with ASCII, not the wider CP949. Tabs and line ends are allowed, other control
/// characters are not. Pure.
EuckrLength euckr_length(std::string_view utf8);

/// Whether EUC-KR has a code for the character.
bool in_euckr(char32_t character);

/// "character 12, U+1F600".
std::string to_string(const OutsideEuckr& outside);

}  // namespace tidegate::message
