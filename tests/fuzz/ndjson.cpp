// NDJSON: portions never change the rows, and what was read can be written and read again.
#include "audience/ndjson_parser.hpp"

#include <utility>
#include <vector>

#include "channel/json_text.hpp"
#include "fuzz/fuzz.hpp"
#include "tidegate/base/text.hpp"

using tidegate::fuzz::require;

namespace {

using Values = std::vector<std::string>;
const Values wanted = {"key", "name", "phone"};

struct Row {
    Values values;  ///< empty when malformed
    std::string malformed;
    bool operator==(const Row&) const = default;
};

template <class Feed>
std::vector<Row> read(std::size_t limit, Feed feed) {
    tidegate::audience::NdjsonParser parser(wanted, limit);
    std::vector<Row> rows;
    const auto drain = [&] {
        Values values;
        std::string malformed;
        while (parser.next(values, malformed)) rows.push_back({malformed.empty() ? values : Values{}, malformed});
    };
    feed([&](std::string_view portion) {
        parser.feed(portion);
        drain();
    });
    parser.finish();
    drain();
    return rows;
}

std::string written(const Values& values) {
    std::string line;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        line += i == 0 ? '{' : ',';
        tidegate::channel::append_json_string(line, wanted[i]);
        line += ':';
        tidegate::channel::append_json_string(line, values[i]);
    }
    return line + '}';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = tidegate::fuzz::text_of(data, size);
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    for (const std::size_t limit : {std::size_t{24}, tidegate::audience::max_record_bytes}) {
        const auto rows = read(limit, [&](auto feed) { feed(text); });
        require(rows.size() <= lines, "a row takes a line");
        require(rows == read(limit, [&](auto feed) { tidegate::fuzz::in_portions(text, feed); }),
                "portions do not change the rows");
        for (const Row& row : rows) {
            if (!row.malformed.empty()) {
                require(tidegate::fuzz::printable(row.malformed), "the reason is fit for a log");
                continue;
            }
            require(row.values.size() == wanted.size(), "one value for each wanted column");
            for (const auto& value : row.values) {
                require(tidegate::valid_utf8(value) && value.find('\0') == std::string::npos,
                        "a value is UTF-8 without NUL");
            }
            Values again;
            require(tidegate::audience::read_object(written(row.values), wanted, again).empty() && again == row.values,
                    "what was read can be written and read again");
        }
    }
    return 0;
}
