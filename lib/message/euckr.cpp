#include "message/euckr.hpp"

#include <algorithm>
#include <array>

#include "message/ksx1001_table.hpp"

namespace tidegate::message {
namespace {

constexpr char32_t broken = 0xFFFD;

template <std::size_t Words>
bool bit(const std::array<std::uint64_t, Words>& table, char32_t offset) {
    return offset < Words * 64 && (table[offset / 64] >> (offset % 64) & 1U) != 0;
}

/// Takes one character off the front; a byte that is part of none counts as one, as U+FFFD.
char32_t next_character(std::string_view& text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned lead = byte(0);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    char32_t character = length == 0 ? broken : length == 1 ? lead : lead & (0x7FU >> length);
    std::size_t used = 1;
    for (; used < length; ++used) {
        if (used >= text.size() || (byte(used) & 0xC0U) != 0x80U) break;
        character = character << 6U | (byte(used) & 0x3FU);
    }
    const bool whole = length != 0 && used == length;
    const bool short_form = (length == 3 && character < 0x800) || (length == 4 && character < 0x10000);
    const bool no_character = (character >= 0xD800 && character <= 0xDFFF) || character > 0x10FFFF;
    if (!whole || short_form || no_character) {
        text.remove_prefix(1);
        return broken;
    }
    text.remove_prefix(length);
    return character;
}

}  // namespace

bool in_euckr(char32_t character) {
    if (character < 0x80) {
        const bool control = character < 0x20 || character == 0x7F;
        return !control || character == '\t' || character == '\n' || character == '\r';
    }
    if (character >= 0xAC00 && character <= 0xD7A3) return bit(ksx1001::hangul, character - 0xAC00);
    if (character >= 0x4E00 && character <= 0x9FFF) return bit(ksx1001::hanja, character - 0x4E00);
    const auto after = std::upper_bound(ksx1001::others.begin(), ksx1001::others.end(), character,
                                        [](char32_t c, const ksx1001::Range& range) { return c < range.first; });
    return after != ksx1001::others.begin() && character <= std::prev(after)->last;
}

EuckrLength euckr_length(std::string_view utf8) {
    EuckrLength length;
    for (std::size_t position = 1; !utf8.empty(); ++position) {
        const char32_t character = next_character(utf8);
        if (in_euckr(character)) {
            length.bytes += character < 0x80 ? 1 : 2;
        } else if (!length.outside) {
            length.outside = OutsideEuckr{position, character};
        }
    }
    return length;
}

std::string to_string(const OutsideEuckr& outside) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string code;
    for (char32_t left = outside.character; left != 0 || code.size() < 4; left >>= 4U) code += digits[left & 0xFU];
    std::reverse(code.begin(), code.end());
    return "character " + std::to_string(outside.position) + ", U+" + code;
}

}  // namespace tidegate::message
