#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "channel/json_text.hpp"
#include "tidegate/base/rng.hpp"
#include "tidegate/base/text.hpp"

using namespace tidegate;
using tidegate::channel::append_json_string;
using tidegate::channel::JsonSkeleton;
using tidegate::channel::scrub;

namespace {

std::string as_json(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string random_text(Rng& rng, bool any_byte) {
    static const std::string pieces[] = {"a", "\"", "\\", "\n", "\x01", "\x1f", "/",
                                         "é", "한", "글", "😀",  "\x7f", "{}",   "\\u"};
    std::string text;
    const auto length = rng.bits() % 24;
    for (std::uint64_t i = 0; i < length; ++i) {
        if (any_byte && rng.uniform() < 0.5) {
            text += static_cast<char>(rng.bits() & 0xFFU);
        } else {
            text += pieces[rng.bits() % std::size(pieces)];
        }
    }
    return text;
}

}  // namespace

TEST_CASE("any well-formed text survives JSON and comes back byte for byte") {
    Rng rng(7);
    for (int i = 0; i < 5000; ++i) {
        const std::string text = random_text(rng, false);
        CHECK(nlohmann::json::parse(as_json(text)).get<std::string>() == text);
    }
    CHECK(as_json(std::string_view("a\0b", 3)) == R"("a\u0000b")");
}

TEST_CASE("any bytes whatever become valid JSON in valid UTF-8") {
    Rng rng(8);
    for (int i = 0; i < 5000; ++i) {
        const std::string out = as_json(random_text(rng, true));
        REQUIRE(valid_utf8(out));
        CHECK(nlohmann::json::parse(out, nullptr, false).is_string());
    }
}

TEST_CASE("what is not UTF-8 becomes the replacement character and takes nothing along") {
    CHECK(as_json("a\xFFz") == "\"a\xEF\xBF\xBDz\"");
    CHECK(as_json("\xC0\xAF\"") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\\\"\"");    // overlong
    CHECK(as_json("\xED\xA0\x80").find("\xED") == std::string::npos);      // surrogate
    CHECK(as_json("\xF4\x90\x80\x80").find("\xF4") == std::string::npos);  // beyond U+10FFFF
    CHECK(as_json("end\xE2\x82") == "\"end\xEF\xBF\xBD\xEF\xBF\xBD\"");    // cut
}

TEST_CASE("a skeleton leaves out what is empty and puts commas where they belong") {
    JsonSkeleton skeleton;
    skeleton.text("{").optional(R"("a":)", 0, "").pairs().text("}");
    const auto render = [&](std::string_view a, const std::map<std::string, std::string>& data) {
        std::string out;
        const std::string_view values[] = {a};
        skeleton.render(out, values, data);
        return out;
    };
    CHECK(render("", {}) == "{}");
    CHECK(render("1", {}) == R"({"a":"1"})");
    CHECK(render("", {{"x", "y"}, {"z", "\""}}) == R"({"x":"y","z":"\""})");
    CHECK(render("1", {{"x", "y"}}) == R"({"a":"1","x":"y"})");
}

TEST_CASE("kept provider text holds no address, no line breaks and at most 200 bytes of whole characters") {
    const std::string_view secret[] = {"AbCdEf0123456789"};
    const std::string text = scrub("token abcdef0123456789 is bad\r\n\tABCDEF0123456789", secret);
    CHECK(text == "token …6789 is bad …6789");
    std::string long_text;
    for (int i = 0; i < 100; ++i) long_text += "한";
    CHECK(scrub(long_text, {}).size() == 198);
    CHECK(valid_utf8(scrub(std::string(300, '\xEA'), {})));
}
