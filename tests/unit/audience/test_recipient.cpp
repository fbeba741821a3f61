#include <doctest/doctest.h>

#include "tidegate/audience/recipient.hpp"

using namespace tidegate;

namespace {

const std::vector<std::string> columns = {"id", "ios", "ios2", "phone", "name", "ad", "night", "branch"};

AudienceMapping mapping() {
    return {"id", {{"apns", "ios"}, {"apns", "ios2"}, {"phone", "phone"}}, {"name", "branch"}, "ad", "night", "branch"};
}

Result<Recipient> read(std::vector<std::string> values) {
    auto reader = RecipientReader::bind(mapping(), columns);
    REQUIRE(reader);
    return reader->read(values);
}

std::string fault_of(std::vector<std::string> values) {
    auto recipient = read(std::move(values));
    REQUIRE_FALSE(recipient);
    return recipient.error().what;
}

Consent consent(std::string_view cell) {
    std::optional<WallTime> at = WallTime{};
    const Consent result = parse_consent(cell, at);
    CHECK_FALSE(at);
    return result;
}

}  // namespace

TEST_CASE("wanted columns stand once each, in a stable order") {
    CHECK(mapping().wanted_columns() ==
          std::vector<std::string>{"id", "ios", "ios2", "phone", "ad", "night", "branch", "name"});
    CHECK(AudienceMapping{}.wanted_columns().empty());
}

TEST_CASE("a row becomes a recipient") {
    auto recipient = read({" c1 ", "tok", "", " 010-1 ", "Kim", "2026-01-02", "N", "Busan"});
    REQUIRE(recipient);
    CHECK(recipient->key == "c1");
    CHECK(recipient->addresses == std::vector<Address>{{"apns", "tok"}, {"phone", "010-1"}});
    CHECK(recipient->fields == std::vector<std::string>{"Kim", "Busan"});
    CHECK(recipient->consent == Consent::given);
    CHECK(recipient->consent_at == WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 2)));
    CHECK(recipient->night_consent == Consent::none);
    CHECK(recipient->cohort_value == "Busan");
}

TEST_CASE("one address in two columns of its type counts once") {
    auto recipient = read({"1", "tok", "tok ", "tok", "", "", "", ""});
    REQUIRE(recipient);
    CHECK(recipient->addresses == std::vector<Address>{{"apns", "tok"}, {"phone", "tok"}});
}

TEST_CASE("a row that cannot be trusted is malformed and the reason quotes no value") {
    CHECK(fault_of({"", "", "", "", "", "", "", ""}) == "empty key");
    CHECK(fault_of({" \t", "", "", "", "", "", "", ""}) == "empty key");
    CHECK(fault_of({std::string(257, 'k'), "", "", "", "", "", "", ""}) == "key longer than 256 bytes");
    CHECK(read({std::string(256, 'k'), "", "", "", "", "", "", ""}));
    CHECK(fault_of({"a\nb", "", "", "", "", "", "", ""}) == "control character in the key");
    CHECK(fault_of({"\xFF", "", "", "", "", "", "", ""}) == "key is not UTF-8");
    CHECK(fault_of({"1", "a\r\nb", "", "", "", "", "", ""}) == "control character in the apns address");
    CHECK(fault_of({"1", "", "", "\xC3", "", "", "", ""}) == "phone address is not UTF-8");
    CHECK(fault_of({"1", "", "", "", "\xC0\xAF", "", "", ""}) == "a field the message uses is not UTF-8");
    CHECK(fault_of({"1"}) == "1 fields where the header has 8");
}

TEST_CASE("binding tells every missing column at once, with the nearest one") {
    AudienceMapping wrong = mapping();
    wrong.address_columns[0].value = "iso";
    wrong.fields.push_back("zzzzzzzzzz");
    wrong.consent = "zzzzzzzzzz";
    auto reader = RecipientReader::bind(wrong, columns);
    REQUIRE_FALSE(reader);
    REQUIRE(reader.error().size() == 2);
    CHECK(reader.error()[0].what == "the audience has no column \"iso\"");
    CHECK(reader.error()[0].where == "audience.address.apns");
    CHECK(reader.error()[0].hint == "Did you mean \"ios\"?");
    CHECK(reader.error()[1].where == "audience.consent");
    CHECK(reader.error()[1].hint == "The columns are id, ios, ios2, phone, name, ad, night, branch.");
    CHECK_FALSE(RecipientReader::bind(AudienceMapping{}, columns));
}

TEST_CASE("without a consent column nobody has consented") {
    AudienceMapping bare;
    bare.key = "id";
    auto reader = RecipientReader::bind(bare, {"id", "ad"});
    REQUIRE(reader);
    auto recipient = reader->read({"1", "true"});
    REQUIRE(recipient);
    CHECK(recipient->consent == Consent::none);
    CHECK(recipient->night_consent == Consent::none);
}

TEST_CASE("only a clear yes or a date is consent") {
    for (const char* cell : {"true", "TRUE", "1", "y", "Y", "Yes", " t ", "동의"})
        CHECK(consent(cell) == Consent::given);
    for (const char* cell : {"", " ", "false", "0", "n", "no", "null", "거부", "미동의", "2", "true?", "2026-13-01",
                             "0000-00-00", "20260101", "2026", "yesterday"}) {
        CAPTURE(cell);
        CHECK(consent(cell) == Consent::none);
    }
    std::optional<WallTime> at;
    CHECK(parse_consent("2026-11-23T09:00:00+09:00", at) == Consent::given);
    CHECK(at == WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)));
}
