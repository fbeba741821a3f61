#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "channel/vendor_codes.hpp"

using namespace tidegate;
using namespace tidegate::channel;

namespace {

/// The vendor's table again, written down independently of ours: class/reason in words, and every code one by one.
struct Expected {
    std::string_view meaning;
    std::vector<std::string_view> codes;
};

std::string said(const Outcome& outcome) {
    return std::string(to_string(outcome.kind)) + "/" + std::string(to_string(outcome.reason));
}

void hold(CodeTable table, const std::vector<Expected>& all) {
    for (const Expected& expected : all) {
        for (const std::string_view code : expected.codes) {
            CAPTURE(code);
            const Outcome outcome = outcome_of_code(table, code, "the vendor's words", {});
            CHECK(said(outcome) == expected.meaning);
            CHECK(outcome.code == code);
            CHECK(outcome.text == "the vendor's words");
            // Only a number proven dead is deleted; only the account's own faults pause it.
            CHECK(outcome.drop_address == (outcome.reason == Reason::gone));
            const bool of_account = outcome.reason == Reason::credential || outcome.reason == Reason::balance ||
                                    outcome.reason == Reason::account_blocked;
            CHECK(outcome.pause_account == (of_account || code == "-2052"));
            if (outcome.reason == Reason::template_missing || outcome.reason == Reason::config) {
                CHECK(outcome.abort_campaign);
                CHECK(outcome.scope == Scope::campaign);
            }
            if (outcome.kind == OutcomeClass::invalid_recipient) CHECK(outcome.failover_ok);
            if (outcome.kind == OutcomeClass::unknown) CHECK_FALSE(outcome.failover_ok);
        }
    }
}

}  // namespace

TEST_CASE("Solapi: every status code has its outcome") {
    hold(solapi_codes(),
         {{"accepted/queued", {"2000", "3000"}},
          {"accepted/delivered", {"4000"}},
          {"accepted/duplicate", {"1026"}},
          {"rejected/payload",
           {"1010", "1011", "1013", "1014", "1023", "1025", "1027", "1028", "1029", "1031", "1032", "1033", "1034",
            "2011", "3011"}},
          {"rejected/credential", {"1020"}},
          {"rejected/client_bug", {"1021", "1022"}},
          {"rejected/balance", {"1030", "2230"}},
          {"rejected/config", {"1041", "3101", "3106", "1062", "2062", "3013", "3059"}},
          {"rejected/template_missing", {"1042", "3105"}},
          {"rejected/template_mismatch",
           {"1043", "1044", "1045", "1046", "1047", "1048", "1049", "1050", "1051", "1052", "1053", "3103"}},
          {"transient/server", {"1058", "3058", "1024", "2024", "3012", "3014", "3024", "3048", "3053"}},
          {"invalid_recipient/opted_out", {"1060", "2060", "1061", "2061", "3047"}},
          {"rejected/account_blocked", {"2063"}},
          {"rejected/policy", {"1064", "2064", "2254", "3054", "3055", "3108"}},
          {"invalid_recipient/malformed", {"3010"}},
          {"invalid_recipient/gone", {"3032"}},
          {"invalid_recipient/unreachable",
           {"3031", "3040", "3041", "3042", "3043", "3044", "3045", "3046", "3051", "3056", "3057", "3107"}},
          {"invalid_recipient/not_capable", {"3050", "3060", "3102", "3104"}},
          {"unknown/unmapped", {"3052"}}});
}

TEST_CASE("Kakao: every result code has its outcome") {
    hold(kakao_codes(),
         {{"accepted/delivered", {"1000"}},
          {"accepted/duplicate", {"4131"}},
          {"rejected/client_bug", {"1001", "3023"}},
          {"rejected/credential",
           {"1002", "1003", "1004", "1011", "1012", "1013", "1014", "1015", "1016", "4103", "4104"}},
          {"rejected/account_blocked", {"1006", "1007", "1021", "1022", "1023", "1024", "1025", "1027"}},
          {"invalid_recipient/malformed", {"1020", "3008", "4121"}},
          {"rejected/config", {"1028", "3050"}},
          {"rejected/payload", {"1030", "1033", "4100", "4101", "4102", "4110", "4120", "4130", "4132", "3013",
                                "3014", "3025", "3026", "3028", "3029", "3030", "3031", "3032", "3033", "3034",
                                "3035", "3036", "3037", "3038", "3039", "3040", "3041", "4144", "3024"}},
          {"invalid_recipient/not_capable", {"2003", "3019"}},
          {"unknown/pending", {"3005", "4161"}},
          {"unknown/unmapped", {"3011"}},
          {"rejected/template_missing", {"3015", "4133", "4134"}},
          {"rejected/template_mismatch", {"3016", "3027", "3042", "3043", "3044", "3045", "3046"}},
          {"invalid_recipient/unreachable", {"3018", "3021"}},
          {"invalid_recipient/opted_out", {"3020"}},
          {"rejected/policy", {"3022"}},
          {"throttled/quota", {"4138", "4156"}},
          {"rejected/expired", {"4143"}},
          {"transient/server",
           {"2001", "2005", "3000", "3006", "3010", "3012", "4000", "4001", "4122", "4137", "4139", "4140", "4141",
            "4142", "9998", "9999"}}});
}

TEST_CASE("NHN Bizmessage: every request code has its outcome") {
    hold(nhn_alimtalk_codes(),
         {{"accepted/queued", {"0"}},
          {"accepted/duplicate", {"-1005"}},
          {"rejected/payload", {"4",     "-2000", "-2001", "-2002", "-2003", "-2004", "-2005", "-2018", "-2033",
                                "-2034", "-2035", "-2036", "-2037", "-2019", "-2032", "-3001", "-3020", "-3099",
                                "-4200", "-9993", "-9994", "-9996", "-9997", "-1028", "-8006"}},
          {"rejected/credential", {"-1000", "-1001", "-1002", "-4004", "-4005"}},
          {"rejected/config", {"-1006", "-1014", "-2017", "-1024", "-1003", "-1019", "-2502", "-4029"}},
          {"rejected/account_blocked", {"-1027"}},
          {"rejected/template_missing", {"-3003", "-3005"}},
          {"rejected/template_mismatch", {"-3004", "-3049", "-3010", "-3011", "-3033", "-3042", "-3043", "-3046"}},
          {"invalid_recipient/malformed", {"-5000", "-4019"}},
          {"invalid_recipient/opted_out", {"-3301"}},
          {"rejected/policy", {"-8008"}},
          {"transient/server", {"-7000", "-9999"}},
          {"rejected/client_bug", {"-9998", "-9992"}}});
}

TEST_CASE("NHN SMS: every request code and every result code has its outcome") {
    hold(nhn_sms_codes(),
         {{"accepted/queued", {"0"}},
          {"rejected/credential", {"-1000", "-1001", "-1002", "-1004"}},
          {"rejected/account_blocked", {"-1008", "-2313"}},
          {"rejected/config", {"-1003", "-2312", "-6000", "-6004"}},
          {"invalid_recipient/malformed", {"-2018", "-2019"}},
          {"invalid_recipient/opted_out", {"-6001"}},
          {"rejected/policy", {"-6003", "-2045", "-2046", "-2047", "-2048", "-2049", "-2050", "-2051", "-2053"}},
          {"rejected/payload", {"4", "-2000", "-2005", "-2014", "-2015", "-2023", "-8000"}},
          {"rejected/client_bug", {"-2016", "-9998", "-9992"}},
          {"throttled/quota", {"-2052"}},
          {"transient/server", {"-2021", "-9999"}}});
    hold(nhn_sms_results(), {{"accepted/delivered", {"1000"}},
                             {"accepted/duplicate", {"E915"}},
                             {"transient/server", {"1001", "3011", "3015"}},
                             {"invalid_recipient/malformed", {"1002", "3003"}},
                             {"rejected/config", {"1003", "3017", "3018", "3019"}},
                             {"rejected/expired", {"1019", "2000"}},
                             {"invalid_recipient/unreachable",
                              {"2001", "2002", "2003", "2004", "2005", "2007", "3000", "3004", "3005", "3008"}},
                             {"unknown/unmapped", {"2006", "E900", "E999", "3013", "3014"}},
                             {"invalid_recipient/gone", {"3001"}},
                             {"invalid_recipient/not_capable", {"3002", "3007", "3010"}},
                             {"invalid_recipient/opted_out", {"3006"}},
                             {"rejected/payload", {"3009", "3016"}},
                             {"rejected/policy", {"3012", "E919"}}});
}

TEST_CASE("a code no table lists is unknown, keeps the vendor's words and condemns nothing") {
    for (const CodeTable table :
         {solapi_codes(), kakao_codes(), nhn_alimtalk_codes(), nhn_sms_codes(), nhn_sms_results()}) {
        for (const std::string_view code : {"7777", "-7777", "", "abc", "100", "10000", "99999999999999999999"}) {
            const std::string_view number = "01012345678";
            Outcome expected;
            expected.code = code;
            expected.text = "neu " + outcome_of_code({}, "", number, std::span(&number, 1)).text;
            CHECK(outcome_of_code(table, code, "neu 01012345678", std::span(&number, 1)) == expected);
            CHECK(expected.text.find(number) == std::string::npos);
        }
    }
}

TEST_CASE("no telephone number stays in a vendor's words, whosever it is") {
    for (const char* words : {"to 01098765432", "to 010-9876-5432.", "01098765432"}) {
        CHECK(outcome_of_code(solapi_codes(), "3104", words, {}).text.find("9876") == std::string::npos);
    }
    CHECK(hide_numbers("3 of 1,000 in 2026-11-28: code 3104") == "3 of 1,000 in 2026-11-28: code 3104");
    CHECK(hide_numbers("").empty());
}

TEST_CASE("a submit that may have been taken says so") {
    for (const std::string_view code : {"-7000", "-9999"}) {
        CHECK(outcome_of_code(nhn_alimtalk_codes(), code, "", {}).reconcile);
    }
    CHECK(outcome_of_code(nhn_sms_codes(), "-2021", "", {}).reconcile);
    CHECK(outcome_of_code(nhn_alimtalk_codes(), "-1005", "", {}).reconcile);
}
