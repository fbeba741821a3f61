#include <doctest/doctest.h>

#include "report/csv.hpp"

using namespace tidegate;
using report::csv_field;
using report::csv_row;

namespace {

LedgerDelivery done(unsigned step, Final outcome, Reason reason, std::string code) {
    LedgerDelivery d;
    d.id = DeliveryId{7} << 16 | step << 8;
    d.state = DeliveryState::done;
    d.attempts = 2;
    d.outcome = outcome;
    d.last.reason = reason;
    d.last.code = std::move(code);
    return d;
}

LedgerRecipient person(Final outcome) {
    LedgerRecipient r;
    r.id = 7;
    r.person.key = "k,7";
    r.person.addresses = {{"phone", "01012345678"}};
    r.outcome = outcome;
    return r;
}

}  // namespace

TEST_CASE("a CSV field is quoted exactly when RFC 4180 asks for it") {
    CHECK(csv_field("plain") == "plain");
    CHECK(csv_field("") == "");
    CHECK(csv_field("a,b") == "\"a,b\"");
    CHECK(csv_field("say \"hi\"") == "\"say \"\"hi\"\"\"");
    CHECK(csv_field("two\nlines") == "\"two\nlines\"");
    CHECK(csv_field("홍길동") == "홍길동");
}

TEST_CASE("a spreadsheet runs no formula out of an export and numbers stay as they are") {
    for (const char* hostile : {"=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1", "+", "-"}) {
        CAPTURE(hostile);
        CHECK(csv_field(hostile).substr(0, 2) == "\"'");
    }
    CHECK(csv_field("+821012345678") == "+821012345678");
    CHECK(csv_field("-5.25") == "-5.25");
}

TEST_CASE("an exported row tells the delivery that decided, all attempts, and no address") {
    const std::string row =
        csv_row(person(Final::accepted),
                {done(0, Final::invalid, Reason::gone, "410"), done(1, Final::accepted, Reason::queued, "200")},
                {"ios", "sms"});
    CHECK(row == "\"k,7\",accepted,sms," + std::string(to_string(Reason::queued)) + ",200,4\r\n");
    CHECK(row.find("0101234") == std::string::npos);
}

TEST_CASE("a recipient without deliveries and an intent without answer claim no reason") {
    CHECK(csv_row(person(Final::suppressed), {}, {"ios"}) == "\"k,7\",suppressed,,,,0\r\n");
    LedgerDelivery intent = done(3, Final::pending, Reason::unmapped, "");
    intent.state = DeliveryState::intended;
    intent.attempts = 1;
    CHECK(csv_row(person(Final::pending), {intent}, {"ios"}) == "\"k,7\",pending,step 4,,,1\r\n");
}
