#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tidegate::fuzz {

/// Ends the program when a property does not hold; libFuzzer then keeps the input. Call it with two arguments: the
/// others say where it stands (Clang 14 has no std::source_location).
inline void require(bool holds, const char* property, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
    if (holds) return;
    std::fprintf(stderr, "%s:%d: property broken: %s\n", file, line, property);
    std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return size == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size);
}

/// Takes what stands before the first line "---" (or before the given separator) off the front: seeds stay readable.
inline std::string_view take_part(std::string_view& rest, std::string_view separator = "\n---\n") {
    const std::size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + separator.size());
    return part;
}

/// Feeds `text` in portions whose sizes follow from its content, so that one input always gives one run.
template <class Feed>
void in_portions(std::string_view text, Feed feed) {
    std::size_t state = std::hash<std::string_view>{}(text);
    while (!text.empty()) {
        const std::size_t size = std::min<std::size_t>(text.size(), 1 + state % 7);
        feed(text.substr(0, size));
        text.remove_prefix(size);
        state = state * 6364136223846793005U + 1442695040888963407U;
        state ^= state >> 29U;
    }
}

/// Fit to stand in a log line: no control characters.
inline bool printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

}  // namespace tidegate::fuzz
