#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::audience {

/// The form in which two spellings of one identity are equal: blanks around it go, and a Korean phone number becomes
/// its domestic digits ("+82 10-1234-5678", "0082 (0)10 1234 5678", "821012345678" and "010.1234.5678" are
/// "01012345678"). A number of another country becomes "+" and its digits. Anything else stays as it is.
/// Source: ITU-T E.164 (at most 15 digits), country code 82 with the trunk prefix 0.
std::string normal_identity(std::string_view identity);

/// The first 128 bits of the SHA-256 of a normal identity.
struct Digest {
    std::uint64_t high = 0, low = 0;
    auto operator<=>(const Digest&) const = default;
};

Digest digest_of(std::string_view normal);

}  // namespace tidegate::audience
