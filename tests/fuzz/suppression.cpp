// Suppression lists: portions never change what is read, what stands alone on a line is suppressed however it is spelt,
// and a longer list frees nobody.
#include "audience/suppression_list.hpp"

#include "fuzz/fuzz.hpp"

using namespace tidegate::audience;
using tidegate::fuzz::require;

namespace {

struct Read {
    DigestList list;
    std::optional<std::string> fault;
    bool operator==(const Read&) const = default;

    bool holds(std::string_view identity) const {
        return std::binary_search(list.begin(), list.end(), digest_of(normal_identity(identity)));
    }
};

template <class Feed>
Read read(Feed feed) {
    SuppressionListReader reader;
    feed([&](std::string_view portion) { reader.feed(portion); });
    Read result;
    result.fault = reader.finish(result.list);
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = tidegate::fuzz::text_of(data, size);
    const Read whole = read([&](auto feed) { feed(text); });
    require(whole == read([&](auto feed) { tidegate::fuzz::in_portions(text, feed); }),
            "portions do not change the list");
    if (whole.fault) {
        require(whole.list.empty(), "a list at fault says nothing");
        return 0;
    }
    require(std::adjacent_find(whole.list.begin(), whole.list.end(),
                               [](const Digest& a, const Digest& b) { return !(a < b); }) == whole.list.end(),
            "the list is sorted, without repeats");
    const Read longer = read([&](auto feed) {
        feed(text);
        feed("\n010-1234-5678\n");
    });
    require(
        !longer.fault && std::includes(longer.list.begin(), longer.list.end(), whole.list.begin(), whole.list.end()),
        "a longer list frees nobody");
    require(longer.holds("+82 10 1234 5678"), "a phone number is suppressed however it is spelt");

    std::string_view rest = text;
    bool first = true;
    while (!rest.empty()) {
        const std::string_view line = tidegate::fuzz::take_part(rest, "\n");
        const bool plain = line.find_first_of("\"#,\r\xEF") == std::string_view::npos && !first;
        first = false;
        if (plain && !normal_identity(line).empty()) {
            require(whole.holds(line), "what stands alone on a line is suppressed");
            require(whole.holds(" " + std::string(line) + "\t"), "blanks around an identity do not count");
        }
    }
    return 0;
}
