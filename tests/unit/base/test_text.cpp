#include <doctest/doctest.h>

#include <array>

#include "tidegate/base/text.hpp"

using namespace tidegate;
using namespace std::chrono_literals;

namespace {

WallTime at(std::string_view text) {
    const auto t = parse_wall_time(text);
    REQUIRE_MESSAGE(t, text);
    return *t;
}

}  // namespace

TEST_CASE("a duration is a decimal number and one unit") {
    CHECK(*parse_duration("250ms") == 250ms);
    CHECK(*parse_duration("30s") == 30s);
    CHECK(*parse_duration("5m") == 5min);
    CHECK(*parse_duration("4h") == 4h);
    CHECK(*parse_duration("2d") == 48h);
    CHECK(*parse_duration("1.5h") == 90min);
    CHECK(*parse_duration("0s") == 0s);
    for (const auto* wrong : {"", "5", "s", "5 s", "-5s", "1e3s", "inf s", ".5s", "5.s", "1.2.3s", "5sec", "1h30m",
                              "1\xef\xbc\x95s", "999999d", "99999999999999999999999999s"}) {
        CAPTURE(wrong);
        const auto result = parse_duration(wrong);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::invalid);
        CHECK_FALSE(result.error().hint.empty());
    }
}

TEST_CASE("a duration is told briefly") {
    CHECK(format_duration(250ms) == "250ms");
    CHECK(format_duration(45s) == "45s");
    CHECK(format_duration(245s) == "4m05s");
    CHECK(format_duration(130min) == "2h10m");
    CHECK(format_duration(50h) == "2d02h");
    CHECK(format_duration(1500ms) == "1.5s");
    CHECK(format_duration(0ns) == "0s");
    CHECK(format_duration(3us) == "<1ms");
    CHECK(format_duration(-45s) == "-45s");
    CHECK(format_duration(59700ms) == "1m");  // rounding never shows 60s
    CHECK(format_duration(9960ms) == "10s");
    CHECK(format_duration(3599700ms) == "1h");
    CHECK_FALSE(format_duration(Duration::min()).empty());
}

TEST_CASE("wall times are RFC 3339 or a plain date") {
    CHECK(format_wall_time(at("2026-11-23T09:00:00+09:00")) == "2026-11-23T00:00:00.000Z");
    CHECK(at("2026-11-23 09:00:00.5Z") - at("2026-11-23T09:00:00Z") == 500ms);
    CHECK(at("2026-11-23") == at("2026-11-23T00:00:00Z"));
    CHECK(at("2026-11-23t00:00:00.123999z") - at("2026-11-23") == 123ms);
    CHECK(at("2016-12-31T23:59:60Z") == at("2017-01-01"));
    CHECK(at("2026-11-23T00:00:00-00:30") == at("2026-11-23T00:30:00Z"));
    CHECK(format_wall_time(WallTime(-1ms)) == "1969-12-31T23:59:59.999Z");
    for (const auto* wrong :
         {"", "2026-02-29", "2026-13-01", "2026-11-23T09:00:00", "2026-11-23T09:00Z", "2026-11-23T24:00:00Z",
          "2026-11-23T09:00:00+9:00", "2026-11-23T09:00:00+0900", "2026-11-23T09:00:00.Z", "2026-11-23T09:00:00Z ",
          "20261123", "2026-11-23T09:00:00+24:00"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_wall_time(wrong));
    }
}

TEST_CASE("local minutes follow the zone, with its summer time") {
    CHECK(*local_minute_of_day(at("2026-11-23T00:00:30Z"), "Asia/Seoul") == 9 * 60);
    CHECK(*local_minute_of_day(at("2026-11-23T15:00:00Z"), "Asia/Seoul") == 0);
    CHECK(*local_minute_of_day(at("2026-07-01T00:00:00Z"), "Europe/Berlin") == 120);
    CHECK(*format_local(at("2026-11-23T00:00:00.900Z"), "Asia/Seoul") == "2026-11-23 09:00:00");
    for (const auto* wrong : {"", "Asia/Soul", "../../etc/passwd", "/etc/passwd"}) {
        CAPTURE(wrong);
        const auto result = format_local(at("2026-11-23"), wrong);
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Errc::not_found);
    }
}

TEST_CASE("the next local minute is strictly later and at most a day off") {
    CHECK(*next_local_minute(at("2026-11-23T08:59:59+09:00"), "Asia/Seoul", 540) == at("2026-11-23T09:00:00+09:00"));
    CHECK(*next_local_minute(at("2026-11-23T09:00:00+09:00"), "Asia/Seoul", 540) == at("2026-11-24T09:00:00+09:00"));
    CHECK(*next_local_minute(at("2026-11-23T23:59:59+09:00"), "Asia/Seoul", 0) == at("2026-11-24T00:00:00+09:00"));
    CHECK(*next_local_minute(at("2026-11-23T00:00:00-11:00"), "Pacific/Niue", 1439) == at("2026-11-23T23:59:00-11:00"));
    CHECK_FALSE(next_local_minute(at("2026-11-23"), "Asia/Seoul", 1440));
    CHECK_FALSE(next_local_minute(at("2026-11-23"), "Asia/Seoul", -1));
}

TEST_CASE("a local minute that summer time skips becomes the jump, one that it repeats comes twice") {
    // Berlin, 2026-03-29: 02:00 to 03:00 does not exist. A quiet time that ends at 02:30 must not last another day.
    CHECK(*next_local_minute(at("2026-03-29T00:00:00+01:00"), "Europe/Berlin", 150) == at("2026-03-29T03:00:00+02:00"));
    CHECK(*next_local_minute(at("2026-03-29T03:00:00+02:00"), "Europe/Berlin", 150) == at("2026-03-30T02:30:00+02:00"));
    // Berlin, 2026-10-25: 02:30 comes in summer time and again in winter time.
    CHECK(*next_local_minute(at("2026-10-25T00:00:00+02:00"), "Europe/Berlin", 150) == at("2026-10-25T02:30:00+02:00"));
    CHECK(*next_local_minute(at("2026-10-25T02:30:00+02:00"), "Europe/Berlin", 150) == at("2026-10-25T02:30:00+01:00"));
}

TEST_CASE("the nearest candidate is offered only for a typing slip") {
    constexpr std::array<std::string_view, 4> keys = {"deadline", "starts", "zone", "priority"};
    CHECK(nearest("deadlne", keys) == "deadline");
    CHECK(nearest("daedline", keys) == "deadline");
    CHECK(nearest("Zone", keys) == "zone");
    CHECK_FALSE(nearest("budget", keys));
    CHECK_FALSE(nearest("", keys));
    CHECK_FALSE(nearest("deadline", {}));
    CHECK_FALSE(nearest(std::string(1000000, 'a'), keys));
}

TEST_CASE("UTF-8 is checked by the letter of RFC 3629") {
    for (const auto* good :
         {"", "abc", "\xc3\xa9", "\xed\x95\x9c\xea\xb5\xad", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
        CAPTURE(good);
        CHECK(valid_utf8(good));
    }
    for (const auto* bad :
         {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
          "\xf8\x88\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xc3(", "a\xf0\x9f\x98"}) {
        CAPTURE(bad);
        CHECK_FALSE(valid_utf8(bad));
    }
}
