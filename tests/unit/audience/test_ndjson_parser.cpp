#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "audience/ndjson_parser.hpp"
#include "tidegate/base/rng.hpp"

using tidegate::Rng;
using tidegate::audience::NdjsonParser;
using tidegate::audience::read_object;

namespace {

using Values = std::vector<std::string>;

Values read(std::string_view line, const Values& wanted) {
    Values values;
    const std::string malformed = read_object(line, wanted, values);
    if (!malformed.empty()) return {"malformed: " + malformed};
    return values;
}

template <class Portion>
std::vector<std::string> parse(std::string_view text, Portion portion, std::size_t max_line) {
    NdjsonParser parser({"k"}, max_line);
    std::vector<std::string> rows;
    Values values;
    std::string malformed;
    const auto drain = [&] {
        while (parser.next(values, malformed)) rows.push_back(malformed.empty() ? values.at(0) : "!" + malformed);
    };
    while (!text.empty()) {
        const std::size_t size = std::min<std::size_t>(portion(), text.size());
        parser.feed(text.substr(0, size));
        text.remove_prefix(size);
        drain();
    }
    parser.finish();
    drain();
    return rows;
}

}  // namespace

TEST_CASE("scalars become text as they were written") {
    CHECK(read(R"({"k":"a","n":1000000,"big":123456789012345678901234567890,"f":1.50,"t":true,"z":null})",
               {"k", "n", "big", "f", "t", "z", "absent"}) ==
          Values{"a", "1000000", "123456789012345678901234567890", "1.50", "true", "", ""});
    CHECK(read(R"({"k":9007199254740993,"n":-5,"s":"\uD55C\uae00 \n"})", {"k", "n", "s"}) ==
          Values{"9007199254740993", "-5", "한글 \n"});
    CHECK(read(R"({"k":18446744073709551615})", {"k"}) == Values{"18446744073709551615"});
}

TEST_CASE("nested values are malformed where they are wanted and ignored elsewhere") {
    CHECK(read(R"({"k":["a"]})", {"k"}) == Values{"malformed: field \"k\" is nested, not a single value"});
    CHECK(read(R"({"k":{"k":1}})", {"k"}) == Values{"malformed: field \"k\" is nested, not a single value"});
    CHECK(read(R"({"tags":["a",{"k":"inner"}],"k":"outer","more":{"k":"inner"}})", {"k"}) == Values{"outer"});
}

TEST_CASE("what is not one JSON object is malformed") {
    CHECK(read("[1]", {"k"}) == Values{"malformed: not a JSON object"});
    CHECK(read("17", {"k"}) == Values{"malformed: not a JSON object"});
    CHECK(read("{\"k\":\"a\"", {"k"})[0].starts_with("malformed: not valid JSON at byte"));
    CHECK(read("{\"k\":\"a\"} {}", {"k"})[0].starts_with("malformed: not valid JSON"));
    CHECK(read("{\"k\":\"\xFF\"}", {"k"})[0].starts_with("malformed: not valid JSON"));
    CHECK(read("{\"k\":1e999}", {"k"})[0].starts_with("malformed: not valid JSON"));
    CHECK(read(R"({"k":"a\u0000b"})", {"k"}) == Values{"malformed: NUL byte"});
    CHECK(read(R"({"k":"a","k":"b"})", {"k"}) == Values{"malformed: field \"k\" given twice"});
    CHECK(read(std::string(100000, '['), {"k"}) == Values{"malformed: not a JSON object"});
}

TEST_CASE("blank lines are skipped, the last line end is optional, an over-long line is dropped alone") {
    const auto whole = [](std::string_view text, std::size_t limit) {
        return parse(
            text, [&] { return text.size(); }, limit);
    };
    CHECK(whole("{\"k\":1}\r\n\n  \r\n{\"k\":2}", 100) == std::vector<std::string>{"1", "2"});
    CHECK(whole("{\"k\":\"" + std::string(50, 'x') + "\"}\n{\"k\":2}\n", 20) ==
          std::vector<std::string>{"!line longer than 1 MiB", "2"});
}

TEST_CASE("portions never change the rows of NDJSON either") {
    Rng rng(11);
    const std::vector<std::string> lines = {"{\"k\":1}", "", "{\"k\":\"xxxxxxxxxxxx\"}", "{", "{\"k\":null}\r", " "};
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        for (std::uint64_t i = rng.bits() % 6; i > 0; --i) text += lines[rng.bits() % lines.size()] + "\n";
        if (rng.bits() % 2 == 0 && !text.empty()) text.pop_back();
        const std::size_t limit = 6 + rng.bits() % 16;
        const auto whole = parse(
            text, [&] { return text.size(); }, limit);
        CAPTURE(text);
        REQUIRE(parse(
                    text, [] { return std::size_t{1}; }, limit) == whole);
        REQUIRE(parse(
                    text, [&] { return 1 + rng.bits() % 9; }, limit) == whole);
    }
}
