#include <doctest/doctest.h>

#include "vendor_samples.hpp"

using namespace tidegate;
using namespace tidegate::channel;
using namespace tidegate::test;

TEST_CASE("Korean numbers are understood as people write them, anything else is no number") {
    CHECK(phone_number("01012345678") == "01012345678");
    CHECK(phone_number("010-1234-5678") == "01012345678");
    CHECK(phone_number("+82 10-1234-5678") == "01012345678");
    CHECK(phone_number("+82 010 1234 5678") == "01012345678");
    CHECK(phone_number("0082 10 1234 5678") == "01012345678");
    CHECK(phone_number("02 345 6789") == "023456789");
    for (const char* wrong : {"", "1234", "+1 202 555 0100", "0101234567890", "010a1234567", "10-1234-5678",
                              "0012025550100", "010+12345678", "01012345678;"}) {
        CAPTURE(wrong);
        CHECK_FALSE(phone_number(wrong));
    }
}

TEST_CASE("a report's mark names campaign, delivery and attempt, and fits every vendor's field") {
    Attempt attempt = to_phone(~DeliveryId{0});
    attempt.campaign = std::string(100, 'x');
    attempt.number = 4'000'000'000;
    const std::string mark = reference_of(attempt);
    CHECK(mark.size() <= 60);
    CHECK(parse_reference(mark) == Reference{campaign_mark(attempt.campaign), attempt.delivery, attempt.number});
    CHECK(campaign_mark("a") != campaign_mark("b"));
    for (const char* wrong :
         {"", "tg-", "tg-0123456789abcdef", "tg-0123456789abcdef-1", "tg-0123456789abcdef-x-1",
          "tg-0123456789abcdef-1-", "xx-0123456789abcdef-1-1", "tg-0123456789abcdef-99999999999999999999-1"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_reference(wrong));
    }
}

TEST_CASE("90 bytes of EUC-KR are an SMS, one more makes an LMS, and 2,000 are the end") {
    const auto text = [](std::size_t hangul, std::size_t ascii) {
        RenderedMessage message;
        for (std::size_t i = 0; i < hangul; ++i) message.body += "가";
        message.body += std::string(ascii, 'a');
        message.title = "안내";
        return message;
    };
    CHECK(short_message(text(45, 0)).value_or({}) == ShortMessage{false, {}, text(45, 0).body});
    CHECK_FALSE(short_message(text(0, 90)).value_or({true, {}, {}}).lms);
    CHECK(short_message(text(45, 1)).value_or({}) == ShortMessage{true, "안내", text(45, 1).body});
    CHECK(short_message(text(1000, 0)));
    const auto long_one = short_message(text(1000, 1));
    REQUIRE_FALSE(long_one);
    CHECK(long_one.error().what == "the text takes 2001 bytes of EUC-KR, 2000 are the most");
    CHECK(long_one.error().code == Errc::refused);
}

TEST_CASE("what phones cannot show is refused with its place; an SMS does not mind its title") {
    RenderedMessage message;
    message.body = "혜택 😀";
    const auto emoji = short_message(message);
    REQUIRE_FALSE(emoji);
    CHECK(emoji.error().what.find("character 4, U+1F600") != std::string::npos);
    message.body = "혜택";
    message.title = "😀";
    CHECK(short_message(message));
    message.body = std::string(91, 'a');
    CHECK_FALSE(short_message(message));
    message.title = "제목이 스무 글자를 넘으면 마흔 바이트가 넘는다";
    REQUIRE_FALSE(short_message(message));
    CHECK(short_message(message).error().what.find("the title takes") != std::string::npos);
    message.body.clear();
    CHECK_FALSE(short_message(message));
}
