#include <doctest/doctest.h>

#include <string>

#include "tidegate/ledger/response_record.hpp"

using namespace tidegate;

namespace {

ResponseRecord record() {
    ResponseRecord made;
    made.at = WallTime(std::chrono::milliseconds(1795392000123));
    made.known = "attributed";
    made.opens = 1234;
    made.believed = {0.08, 45, 1.2};
    made.learnt = {1.0 / 3, 38.25, 1.1};
    made.curve = {{0.5, 0.001, 0.0015}, {600, 0.08, 0.07}};
    return made;
}

}  // namespace

TEST_CASE("a response record reads back as it was written, to the last digit") {
    const auto again = parse_response_record(to_text(record()));
    REQUIRE(again);
    CHECK(*again == record());
}

TEST_CASE("what is no response record is none, wherever it is broken") {
    const std::string whole = to_text(record());
    for (std::size_t length = 0; length < whole.find("point"); ++length) {
        // Cut anywhere before the curve a needed line is missing or torn; a number cut short may still be one.
        const auto part = parse_response_record(whole.substr(0, length));
        if (part) CHECK(length > whole.find("learnt"));
    }
    for (const char* text :
         {"", "at", "at x\n", "known attributed -1\n", "believed 1 2\n", "point 1 2 3 4\n", "what 1\n"})
        CHECK_FALSE(parse_response_record(text));
    CHECK_FALSE(parse_response_record(whole + "point nan 1 1\n"));
    CHECK_FALSE(parse_response_record(whole + "point 1 1 inf\n"));
    CHECK_FALSE(parse_response_record(whole + "more\n"));
}
