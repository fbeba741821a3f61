#include <doctest/doctest.h>
#include <iconv.h>

#include <string>

#include "message/euckr.hpp"

using namespace tidegate::message;

namespace {

std::string utf8(char32_t c) {
    const auto tail = [&](unsigned shift) { return static_cast<char>(0x80U | (c >> shift & 0x3FU)); };
    if (c < 0x80) return {static_cast<char>(c)};
    if (c < 0x800) return {static_cast<char>(0xC0U | c >> 6U), tail(0)};
    if (c < 0x10000) return {static_cast<char>(0xE0U | c >> 12U), tail(6), tail(0)};
    return {static_cast<char>(0xF0U | c >> 18U), tail(12), tail(6), tail(0)};
}

/// The C library's own EUC-KR, without any help for characters it lacks. 0 = it has none.
class Library {
  public:
    Library() : open_(iconv_open("EUC-KR", "UTF-8")) { REQUIRE(open_ != reinterpret_cast<iconv_t>(-1)); }
    ~Library() { iconv_close(open_); }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    std::size_t bytes(char32_t c) const {
        std::string in = utf8(c);
        char out[8];
        char* from = in.data();
        char* to = out;
        std::size_t left = in.size(), room = sizeof out;
        iconv(open_, nullptr, nullptr, nullptr, nullptr);
        return iconv(open_, &from, &left, &to, &room) == static_cast<std::size_t>(-1) ? 0 : sizeof out - room;
    }

  private:
    iconv_t open_;
};

}  // namespace

TEST_CASE("EUC-KR counts what a phone counts: ASCII one byte, Hangul two") {
    CHECK(euckr_length("").bytes == 0);
    CHECK(euckr_length("abc 123\n").bytes == 8);
    CHECK(euckr_length("(광고) 혜택").bytes == 11);
    CHECK(euckr_length("漢字 ★ ￦ 가").bytes == 13);
    CHECK_FALSE(euckr_length("漢字 ★ ￦ 가\r\n\t").outside);
}

TEST_CASE("the first character without a code is told by its place, and those after it still count") {
    const EuckrLength length = euckr_length("안녕 😀 뷁 a");
    REQUIRE(length.outside);
    CHECK(*length.outside == OutsideEuckr{4, U'\U0001F600'});
    CHECK(to_string(*length.outside) == "character 4, U+1F600");
    CHECK(length.bytes == 8);
    CHECK(to_string(OutsideEuckr{1, U'\u00A9'}) == "character 1, U+00A9");
}

TEST_CASE("Hangul of CP949 alone, control characters and broken UTF-8 have no code") {
    CHECK(euckr_length("뷁").outside == OutsideEuckr{1, U'뷁'});
    CHECK(euckr_length("a\u0085").outside == OutsideEuckr{2, U'\u0085'});
    CHECK(euckr_length(std::string("a\0b", 3)).outside == OutsideEuckr{2, 0});
    CHECK(euckr_length("a\xFF\xEA\xB0").outside == OutsideEuckr{2, 0xFFFD});
    CHECK(euckr_length("\xC0\xAF").outside == OutsideEuckr{1, 0xFFFD});      // a long way to write '/'
    CHECK(euckr_length("\xED\xA0\x80").outside == OutsideEuckr{1, 0xFFFD});  // half of a pair
}

// The C library folds U+20A9 into the full-width won sign, and knows the postal mark of 2002; vendors need not.
TEST_CASE("the table is the C library's EUC-KR for every character of Unicode, two late ones apart") {
    const Library library;
    std::size_t two_bytes = 0, different = 0;
    for (char32_t c = 0xA0; c <= 0x1FFFF; ++c) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        const std::size_t theirs = library.bytes(c);
        two_bytes += theirs == 2 ? 1 : 0;
        const bool late = c == U'\u20A9' || c == U'\u327E';
        different += in_euckr(c) != (theirs == 2 && !late) ? 1 : 0;
    }
    CHECK(two_bytes == 8228);
    CHECK(different == 0);
}
