#include "channel/json_text.hpp"

#include <algorithm>

#include "tidegate/base/secret.hpp"

namespace tidegate::channel {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

unsigned byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

// Length of the well-formed UTF-8 sequence that starts at `at`, 0 when there is none (RFC 3629 section 4).
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const unsigned lead = byte_at(text, at);
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    unsigned low = 0x80, high = 0xBF;  // bounds of the second byte
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    if (at + length > text.size()) return 0;
    if (byte_at(text, at + 1) < low || byte_at(text, at + 1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if ((byte_at(text, at + i) & 0xC0U) != 0x80U) return 0;
    }
    return length;
}

void append_escaped(std::string& out, unsigned c) {
    static constexpr char digits[] = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            out += "\\u00";
            out += digits[(c >> 4U) & 0xFU];
            out += digits[c & 0xFU];
    }
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string masked(std::string_view text, std::string_view address) {
    if (address.empty()) return std::string(text);
    const auto same = [](char a, char b) { return lower(a) == lower(b); };
    std::string out;
    auto rest = text;
    for (;;) {
        const auto hit = std::search(rest.begin(), rest.end(), address.begin(), address.end(), same);
        out.append(rest.begin(), hit);
        if (hit == rest.end()) return out;
        out += mask(address);
        rest.remove_prefix(static_cast<std::size_t>(hit - rest.begin()) + address.size());
    }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t plain = 0;  // start of what can be copied as it stands
    std::size_t at = 0;
    while (at < text.size()) {
        const unsigned c = byte_at(text, at);
        if (c < 0x80) {
            if (c >= 0x20 && c != '"' && c != '\\') {
                ++at;
                continue;
            }
            out.append(text.substr(plain, at - plain));
            append_escaped(out, c);
            plain = ++at;
            continue;
        }
        const std::size_t length = sequence_length(text, at);
        if (length != 0) {
            at += length;
            continue;
        }
        out.append(text.substr(plain, at - plain));
        out += replacement;
        plain = ++at;
    }
    out.append(text.substr(plain));
    out += '"';
}

JsonSkeleton& JsonSkeleton::text(std::string_view literal) {
    if (!pieces_.empty() && pieces_.back().kind == Kind::text) {
        pieces_.back().before += literal;
    } else {
        pieces_.push_back({Kind::text, std::string(literal), {}, 0});
    }
    return *this;
}

JsonSkeleton& JsonSkeleton::value(std::size_t slot) {
    pieces_.push_back({Kind::value, {}, {}, slot});
    return *this;
}

JsonSkeleton& JsonSkeleton::raw(std::size_t slot) {
    pieces_.push_back({Kind::raw, {}, {}, slot});
    return *this;
}

JsonSkeleton& JsonSkeleton::optional(std::string_view before, std::size_t slot, std::string_view after) {
    pieces_.push_back({Kind::optional, std::string(before), std::string(after), slot});
    return *this;
}

JsonSkeleton& JsonSkeleton::optional_raw(std::string_view before, std::size_t slot, std::string_view after) {
    pieces_.push_back({Kind::optional_raw, std::string(before), std::string(after), slot});
    return *this;
}

JsonSkeleton& JsonSkeleton::pairs() {
    pieces_.push_back({Kind::pairs, {}, {}, 0});
    return *this;
}

void JsonSkeleton::render(std::string& out, std::span<const std::string_view> values,
                          const std::map<std::string, std::string>& data) const {
    for (const Piece& piece : pieces_) {
        switch (piece.kind) {
            case Kind::text:
                out += piece.before;
                break;
            case Kind::value:
                append_json_string(out, values[piece.slot]);
                break;
            case Kind::raw:
                out += values[piece.slot];
                break;
            case Kind::optional:
                if (values[piece.slot].empty()) break;
                out += piece.before;
                append_json_string(out, values[piece.slot]);
                out += piece.after;
                break;
            case Kind::optional_raw:
                if (values[piece.slot].empty()) break;
                out += piece.before;
                out += values[piece.slot];
                out += piece.after;
                break;
            case Kind::pairs:
                for (const auto& [key, value] : data) {
                    if (!out.empty() && out.back() != '{') out += ',';
                    append_json_string(out, key);
                    out += ':';
                    append_json_string(out, value);
                }
                break;
        }
    }
}

std::string scrub(std::string_view text, std::span<const std::string_view> addresses, std::size_t limit) {
    std::string kept(text);
    for (const std::string_view address : addresses) kept = masked(kept, address);
    std::string out;
    for (std::size_t at = 0; at < kept.size();) {
        const std::size_t length = sequence_length(kept, at);
        std::string_view next = length == 0 ? replacement : std::string_view(kept).substr(at, length);
        const unsigned c = byte_at(kept, at);
        if (c < 0x20 || c == 0x7F) next = " ";
        if (next == " " && (out.empty() || out.back() == ' ')) next = {};
        if (out.size() + next.size() > limit) break;
        out += next;
        at += std::max<std::size_t>(length, 1);
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

}  // namespace tidegate::channel
