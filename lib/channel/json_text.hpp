#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::channel {

/// Appends `text` as a JSON string with its quotation marks. Well-formed UTF-8 passes through; each byte that is part
/// of nothing becomes U+FFFD, so the result is always valid JSON in UTF-8. Source: RFC 8259 section 7; RFC 3629.
void append_json_string(std::string& out, std::string_view text);

/// A JSON document with holes, laid out once for a channel and filled for each message: the hot path never builds a
/// tree. Immutable after it is built; share it freely between threads.
class JsonSkeleton {
  public:
    /// JSON text that never changes.
    JsonSkeleton& text(std::string_view literal);
    /// A string value, quoted and escaped.
    JsonSkeleton& value(std::size_t slot);
    /// A value that is JSON already (a number, `null`).
    JsonSkeleton& raw(std::size_t slot);
    /// `before`, the quoted value, `after`; nothing at all when the value is empty.
    JsonSkeleton& optional(std::string_view before, std::size_t slot, std::string_view after);
    /// As `optional`, but the value is JSON already.
    JsonSkeleton& optional_raw(std::string_view before, std::size_t slot, std::string_view after);
    /// `"key":"value"` for each pair of the data, with commas where something stands before it in the object.
    JsonSkeleton& pairs();

    void render(std::string& out, std::span<const std::string_view> values,
                const std::map<std::string, std::string>& data) const;

  private:
    enum class Kind : std::uint8_t { text, value, raw, optional, optional_raw, pairs };
    struct Piece {
        Kind kind = Kind::text;
        std::string before, after;
        std::size_t slot = 0;
    };
    std::vector<Piece> pieces_;
};

/// Provider text made fit to keep: every occurrence of an address (whatever its case) masked, line breaks and control
/// characters turned into spaces, UTF-8 repaired, cut to `limit` bytes on a character boundary.
std::string scrub(std::string_view text, std::span<const std::string_view> addresses, std::size_t limit = 200);

}  // namespace tidegate::channel
