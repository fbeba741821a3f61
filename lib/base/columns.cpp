#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "tidegate/base/text.hpp"

namespace tidegate {
namespace {

struct Character {
    char32_t code = 0xFFFD;
    std::size_t bytes = 1;
};

/// The character at `at`; a byte that begins none is U+FFFD.
Character character_at(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t bytes = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (at + bytes > text.size() || !valid_utf8(text.substr(at, bytes))) return {};
    if (bytes == 1) return {lead, 1};
    char32_t code = lead & (0xFFU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    return {code, bytes};
}

bool within(char32_t code, std::initializer_list<std::pair<char32_t, char32_t>> ranges) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [code](const auto& range) { return code >= range.first && code <= range.second; });
}

/// Control characters and those that reorder what stands around them.
bool unprintable(char32_t code) {
    return within(code,
                  {{0, 0x1F}, {0x7F, 0x9F}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF}});
}

std::size_t width(char32_t code) {
    if (within(code, {{0x300, 0x36F}, {0x200B, 0x200D}, {0xFE00, 0xFE0F}})) return 0;
    const bool wide = within(code, {{0x1100, 0x115F},
                                    {0x2E80, 0xA4CF},
                                    {0xAC00, 0xD7A3},
                                    {0xF900, 0xFAFF},
                                    {0xFE30, 0xFE6F},
                                    {0xFF00, 0xFF60},
                                    {0xFFE0, 0xFFE6},
                                    {0x1F300, 0x1FAFF},
                                    {0x20000, 0x3FFFD}});
    return wide ? 2 : 1;
}

std::string cut(std::string_view text, std::size_t columns) {
    std::string clean = printable(text);
    if (columns_of(clean) <= columns) return clean;
    std::size_t used = 0, at = 0;
    while (at < clean.size()) {
        const Character c = character_at(clean, at);
        if (used + width(c.code) + 1 > columns) break;
        used += width(c.code);
        at += c.bytes;
    }
    return clean.substr(0, at) + "…";
}

}  // namespace

std::size_t columns_of(std::string_view text) {
    std::size_t used = 0;
    for (std::size_t at = 0; at < text.size();) {
        const Character c = character_at(text, at);
        used += width(c.code);
        at += c.bytes;
    }
    return used;
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Character c = character_at(text, at);
        if (unprintable(c.code)) {
            if (!out.empty() && out.back() != ' ') out += ' ';
        } else if (c.code == 0xFFFD) {
            out += "\xEF\xBF\xBD";
        } else {
            out += text.substr(at, c.bytes);
        }
        at += c.bytes;
    }
    return out;
}

std::string fit(std::string_view text, std::size_t columns) {
    std::string out = cut(text, columns);
    out.append(columns - std::min(columns, columns_of(out)), ' ');
    return out;
}

std::string fit_right(std::string_view text, std::size_t columns) {
    const std::string out = cut(text, columns);
    return std::string(columns - std::min(columns, columns_of(out)), ' ') + out;
}

}  // namespace tidegate
