#include <doctest/doctest.h>

#include "delivery/eligibility.hpp"
#include "tidegate/base/text.hpp"

using namespace tidegate;
using namespace tidegate::delivery;

namespace {

WallTime at(const char* text) {
    return *parse_wall_time(text);
}

Recipient agreed(bool night = false) {
    Recipient person;
    person.consent = Consent::given;
    person.night_consent = night ? Consent::given : Consent::none;
    return person;
}

}  // namespace

TEST_CASE("the night of advertising is [21:00, 08:00) in the campaign's zone") {
    CHECK_FALSE(hours_at(at("2026-11-23T20:59:59.999+09:00"), "Asia/Seoul")->night);
    CHECK(hours_at(at("2026-11-23T21:00:00+09:00"), "Asia/Seoul")->night);
    CHECK(hours_at(at("2026-11-24T07:59:59+09:00"), "Asia/Seoul")->night);
    CHECK_FALSE(hours_at(at("2026-11-24T08:00:00+09:00"), "Asia/Seoul")->night);
    CHECK(hours_at(at("2026-11-23T21:30:00+09:00"), "Asia/Seoul")->until == at("2026-11-24T08:00:00+09:00"));
    CHECK_FALSE(hours_at(at("2026-11-23T12:00:00Z"), "No/Where"));
}

TEST_CASE("an advertisement needs consent, and at night a second one") {
    const Hours day{};
    const Hours night{true, at("2026-11-24T08:00:00+09:00")};
    const WallTime now = at("2026-11-23T22:00:00+09:00");
    CHECK(eligible(agreed(), Purpose::advertising, day, now).kind == Eligibility::Kind::go);
    CHECK(eligible(Recipient{}, Purpose::advertising, day, now).outcome == Final::no_consent);
    CHECK(eligible(agreed(), Purpose::advertising, night, now).kind == Eligibility::Kind::wait);
    CHECK(eligible(agreed(), Purpose::advertising, night, now).until == night.until);
    CHECK(eligible(agreed(true), Purpose::advertising, night, now).kind == Eligibility::Kind::go);
    CHECK(eligible(Recipient{}, Purpose::informational, night, now).kind == Eligibility::Kind::go);
}

TEST_CASE("consent given as a date counts for two years") {
    Recipient person = agreed();
    person.consent_at = at("2024-11-24T00:00:00Z");
    CHECK(eligible(person, Purpose::advertising, {}, at("2026-11-23T00:00:00Z")).kind == Eligibility::Kind::go);
    CHECK(eligible(person, Purpose::advertising, {}, at("2026-11-25T00:00:00Z")).outcome == Final::no_consent);
}

TEST_CASE("a consent dated in the future is none") {
    Recipient person = agreed();
    person.consent_at = at("2027-01-01T00:00:00Z");
    CHECK(eligible(person, Purpose::advertising, {}, at("2026-11-23T00:00:00Z")).outcome == Final::no_consent);
}
