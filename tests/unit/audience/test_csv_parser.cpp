#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "audience/csv_parser.hpp"
#include "tidegate/base/rng.hpp"

using tidegate::Rng;
using tidegate::audience::CsvParser;

namespace {

struct Row {
    std::vector<std::string> values;
    std::string malformed;
    bool operator==(const Row&) const = default;
};

doctest::String toString(const std::vector<Row>& rows) {
    std::string text;
    for (const Row& row : rows) {
        text += row.malformed.empty() ? "(" : "!" + row.malformed + "(";
        for (const std::string& value : row.values) text += "[" + value + "]";
        text += ") ";
    }
    return text.c_str();
}

template <class Portion>
std::vector<Row> parse_in(std::string_view text, Portion portion, std::size_t max_record = 1 << 20) {
    CsvParser parser(max_record);
    std::vector<Row> rows;
    std::vector<std::string> values;
    std::string malformed;
    const auto drain = [&] {
        while (parser.next(values, malformed)) {
            if (malformed.empty()) {
                rows.push_back({values, {}});
            } else {
                rows.push_back({{}, malformed});
            }
        }
    };
    while (!text.empty()) {
        const std::size_t size = std::min<std::size_t>(portion(), text.size());
        parser.feed(text.substr(0, size));
        text.remove_prefix(size);
        drain();
    }
    parser.finish();
    drain();
    CHECK_FALSE(parser.next(values, malformed));
    return rows;
}

std::vector<Row> parse(std::string_view text, std::size_t max_record = 1 << 20) {
    return parse_in(
        text, [&] { return text.size(); }, max_record);
}

Row good(std::vector<std::string> values) {
    return {std::move(values), {}};
}
Row bad(std::string reason) {
    return {{}, std::move(reason)};
}
using Rows = std::vector<Row>;

}  // namespace

TEST_CASE("plain records end with LF or CRLF and the last line end is optional") {
    CHECK(parse("a,b\r\n1,2\n3,4") == Rows{good({"a", "b"}), good({"1", "2"}), good({"3", "4"})});
    CHECK(parse("a,b\r\n1,2\r\n") == Rows{good({"a", "b"}), good({"1", "2"})});
    CHECK(parse("").empty());
    CHECK(parse("a\r") == Rows{good({"a"})});
}

TEST_CASE("quoted fields keep commas, line ends and doubled quotes") {
    CHECK(parse("\"a,b\",\"c\r\nd\",\"say \"\"hi\"\"\"\n") == Rows{good({"a,b", "c\r\nd", "say \"hi\""})});
    CHECK(parse("\"\"\"\",\"\"\n") == Rows{good({"\"", ""})});
    CHECK(parse("\"a\"") == Rows{good({"a"})});
    CHECK(parse("\"a\"\r\n\"b\"\r\n") == Rows{good({"a"}), good({"b"})});
    CHECK(parse("\"\"\"\"\"\"\n") == Rows{good({"\"\""})});
}

TEST_CASE("empty fields are kept, blank lines are not rows") {
    CHECK(parse(",\n,,\r\n\n\r\na,\n,") == Rows{good({"", ""}), good({"", "", ""}), good({"a", ""}), good({"", ""})});
    CHECK(parse("\n\r\n\n").empty());
    CHECK(parse("\"\"\n") == Rows{good({""})});
}

TEST_CASE("a broken record costs the line it began on and nothing else") {
    CHECK(parse("a,b\"c\nd,e\n") == Rows{bad("quote inside an unquoted field"), good({"d", "e"})});
    CHECK(parse("a,\"b\"c\nd,e\n") == Rows{bad("text after a closing quote"), good({"d", "e"})});
    CHECK(parse("a,\"b\" \nd,e\n") == Rows{bad("text after a closing quote"), good({"d", "e"})});
    CHECK(parse("a,b\rc\nd,e\n") == Rows{bad("carriage return without a line feed"), good({"d", "e"})});
    CHECK(parse(std::string_view("a,b\0c\nd,e\n", 10)) == Rows{bad("NUL byte"), good({"d", "e"})});
    CHECK(parse("a,b\"c") == Rows{bad("quote inside an unquoted field")});
    CHECK(parse("a,\"b") == Rows{bad("quote never closed")});
}

TEST_CASE("a quote that is never closed does not swallow the people after it") {
    CHECK(parse("1,\"a\n2,b\n3,c\n") == Rows{bad("quote never closed"), good({"2", "b"}), good({"3", "c"})});
    CHECK(parse("1,\"a\n2,\"b\"\n3,\"c\"\n") ==
          Rows{bad("text after a closing quote"), good({"2", "b"}), good({"3", "c"})});
    CHECK(parse("1,\"a\r\n2,b\r\n") == Rows{bad("quote never closed"), good({"2", "b"})});
}

TEST_CASE("a NUL inside a quoted field of several lines spoils one record, not its structure") {
    CHECK(parse(std::string_view("1,\"a\n2,x\0\n3\"\n4,d\n", 17)) == Rows{bad("NUL byte"), good({"4", "d"})});
}

TEST_CASE("an over-long record is dropped and parsing goes on at a line end") {
    const std::string longer(40, 'x');
    CHECK(parse("a,b\n1," + longer + "\n2,c\n", 16) ==
          Rows{good({"a", "b"}), bad("record longer than 1 MiB"), good({"2", "c"})});
    CHECK(parse("1,\"" + longer, 16) == Rows{bad("record longer than 1 MiB")});
    CHECK(parse("1,\"a\n2,b\n3,c\n4,d\n5,e\n", 16) == Rows{bad("record longer than 1 MiB"), good({"2", "b"}),
                                                           good({"3", "c"}), good({"4", "d"}), good({"5", "e"})});
    CHECK(parse("1234567\n12345678\n1\n", 8) == Rows{good({"1234567"}), bad("record longer than 1 MiB"), good({"1"})});
}

TEST_CASE("how the bytes were cut into portions never changes the rows") {
    Rng rng(20261122);
    // Heavy in the bytes that matter, so that every state meets every byte at every cut.
    constexpr std::string_view alphabet("\"\"\",,\n\n\r\nab1\0\xEC", 14);
    for (int round = 0; round < 20000; ++round) {
        std::string text(rng.bits() % 48, ' ');
        for (char& c : text) c = alphabet[rng.bits() % alphabet.size()];
        const std::size_t limit = rng.bits() % 2 == 0 ? 1 << 20 : 4 + rng.bits() % 20;
        const auto whole = parse(text, limit);
        const auto bytes = parse_in(
            text, [] { return std::size_t{1}; }, limit);
        const auto pieces = parse_in(
            text, [&] { return 1 + rng.bits() % 7; }, limit);
        CAPTURE(text);
        REQUIRE(bytes == whole);
        REQUIRE(pieces == whole);
    }
}

TEST_CASE("what a correct writer writes is read back, whatever the values") {
    Rng rng(7);
    constexpr std::string_view alphabet = "\",\n\r ab";
    for (int round = 0; round < 5000; ++round) {
        Rows rows(1 + rng.bits() % 4);
        std::string text;
        for (Row& row : rows) {
            row.values.resize(2 + rng.bits() % 3);
            for (std::size_t i = 0; i < row.values.size(); ++i) {
                std::string& value = row.values[i];
                value.resize(rng.bits() % 6);
                text += i == 0 ? "\"" : ",\"";
                for (char& c : value) {
                    c = alphabet[rng.bits() % alphabet.size()];
                    text += c == '"' ? "\"\"" : std::string(1, c);
                }
                text += '"';
            }
            text += rng.bits() % 2 == 0 ? "\n" : "\r\n";
        }
        CAPTURE(text);
        REQUIRE(parse_in(text, [&] { return 1 + rng.bits() % 9; }) == rows);
    }
}

TEST_CASE("one broken line in a file never changes the other lines") {
    constexpr std::string_view broken[] = {"5,\"x", "5,x\"", "5,\"x\"y", "\"5,x", "5,\"x\"\"", "\"", "5,\"x,"};
    for (const std::string_view line : broken) {
        for (int at = 0; at < 5; ++at) {
            for (const bool quoted : {false, true}) {
                std::string text;
                Rows expected;
                for (int i = 0; i < 5; ++i) {
                    if (i == at) {
                        text += std::string(line) + "\n";
                        continue;
                    }
                    text += quoted ? "\"k" + std::to_string(i) + "\",\"v\"\n" : "k" + std::to_string(i) + ",v\n";
                    expected.push_back(good({"k" + std::to_string(i), "v"}));
                }
                Rows kept;
                int malformed = 0;
                for (Row& row : parse(text)) {
                    row.malformed.empty() ? kept.push_back(row) : void(++malformed);
                }
                CAPTURE(text);
                CHECK(kept == expected);
                CHECK(malformed == 1);
            }
        }
    }
}
