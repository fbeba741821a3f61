#include <doctest/doctest.h>

#include "net/crypto.hpp"
#include "vendor_samples.hpp"

using namespace tidegate;
using namespace tidegate::channel;
using namespace tidegate::test;
using nlohmann::json;

namespace {

constexpr const char* group = R"({"groupId":"G4V1","status":"PENDING"})";

SolapiProtocol alimtalk(Salt salt = [] { return std::string("0123456789abcdef"); }) {
    const AlimtalkOptions kind{solapi_account(), "KA01PF1"};
    return SolapiProtocol(vendor_channel(kind), kind, solapi_account(), std::move(salt));
}
SolapiProtocol sms() {
    const SmsOptions kind{solapi_account(), "0212345678"};
    return SolapiProtocol(vendor_channel(kind), kind, solapi_account(), [] { return std::string("0123456789abcdef"); });
}

std::string results(const std::vector<Attempt>& batch, const std::vector<std::string>& codes) {
    json list = json::array();
    for (std::size_t i = 0; i < batch.size(); ++i) {
        list.push_back({{"to", phone_number(batch[i].address).value_or("")},
                        {"messageId", "M" + std::to_string(i)},
                        {"statusCode", codes[i]},
                        {"statusMessage", "word"},
                        {"customFields", {{"tidegate", reference_of(batch[i])}}}});
    }
    return json{{"errorCount", "0"}, {"resultList", list}}.dump();
}

/// A conversation after its group has been made and filled with two: it wants to send.
struct Filled {
    SolapiProtocol protocol = alimtalk();
    std::vector<Attempt> batch{to_phone(1, '1'), to_phone(2, '2')};
    std::unique_ptr<Conversation> talk = protocol.converse(batch);
    std::optional<net::HttpRequest> next;

    explicit Filled(const std::vector<std::string>& codes = {"2000", "2000"}) {
        (void)talk->open(nine);
        (void)talk->hear(spoken(200, group), nine);
        next = talk->hear(spoken(200, results(batch, codes)), nine);
    }
};

void all_are(const Conversation& talk, OutcomeClass kind, Reason reason) {
    for (const Outcome& outcome : talk.outcomes()) {
        CHECK(outcome.kind == kind);
        CHECK(outcome.reason == reason);
    }
}

}  // namespace

TEST_CASE("Solapi: the header signs date and salt, and nothing else") {
    // Checked with: printf 2026-11-28T00:00:00.000Z0123456789abcdef | openssl dgst -sha256 -hmac sesame
    const std::string header_text = solapi_authorization(solapi_account(), nine, "0123456789abcdef");
    CHECK(header_text ==
          "HMAC-SHA256 apiKey=NCSTIDEGATE00001, date=2026-11-28T00:00:00.000Z, salt=0123456789abcdef, "
          "signature=5bdde302c06099d9f2ee239abb1058f2cd02c6b1719ce11e940680926a0eda21");
}

TEST_CASE("Solapi: a group is made, filled and sent, each request with a signature of its own") {
    int salts = 0;
    const SolapiProtocol protocol = alimtalk([&] { return "salt-number-" + std::to_string(++salts); });
    const std::vector<Attempt> batch{to_phone(1, '1'), to_phone(2, '2')};
    const auto talk = protocol.converse(batch);
    const auto first = talk->open(nine);
    CHECK(first.method == "POST");
    CHECK(first.url == "https://api.solapi.example/messages/v4/groups");
    CHECK(json::parse(first.body) == json{{"allowDuplicates", true}});
    const auto second = talk->hear(spoken(200, group), nine);
    REQUIRE(second);
    CHECK(second->method == "PUT");
    CHECK(second->url == "https://api.solapi.example/messages/v4/groups/G4V1/messages");
    const auto third = talk->hear(spoken(200, results(batch, {"2000", "2000"})), nine);
    REQUIRE(third);
    CHECK(third->method == "POST");
    CHECK(third->url == "https://api.solapi.example/messages/v4/groups/G4V1/send");
    CHECK_FALSE(talk->hear(spoken(200, R"({"status":"SENDING"})"), nine));
    all_are(*talk, OutcomeClass::accepted, Reason::queued);
    CHECK(talk->outcomes()[1].provider_id == "G4V1/M1");
    CHECK(header(first, "Authorization") != header(*second, "Authorization"));
    CHECK(header(*third, "Authorization").find("salt-number-3") != std::string::npos);
    CHECK(salts == 3);
    for (const auto& request : {first, *second, *third}) CHECK(request.body.find("sesame") == std::string::npos);
}

TEST_CASE("Solapi: an Alimtalk names channel, template and variables, and forbids the vendor's fall-back") {
    const json document = json::parse(alimtalk().messages(std::vector<Attempt>{to_phone(7)}));
    CHECK(document == json{{"messages",
                            {{{"to", "01012345671"},
                              {"type", "ATA"},
                              {"kakaoOptions",
                               {{"pfId", "KA01PF1"},
                                {"templateId", "KA01TP01"},
                                {"disableSms", true},
                                {"variables", {{"#{name}", "김\"하나\""}, {"#{point}", "1,200"}}}}},
                              {"customFields", {{"tidegate", reference_of(to_phone(7))}}}}}}});
}

TEST_CASE("Solapi: SMS or LMS is said by us, never left to the vendor") {
    Attempt attempt = to_phone(7);
    const json first = json::parse(sms().messages(std::vector<Attempt>{attempt}))["messages"][0];
    CHECK(first["type"] == "SMS");
    CHECK(first["from"] == "0212345678");
    CHECK(first["text"] == attempt.message.body);
    CHECK(first["autoTypeDetect"] == false);
    CHECK_FALSE(first.contains("subject"));
    attempt.message.body = std::string(91, 'a');
    attempt.message.title = "안내";
    const json second = json::parse(sms().messages(std::vector<Attempt>{attempt}))["messages"][0];
    CHECK(second["type"] == "LMS");
    CHECK(second["subject"] == "안내");
}

TEST_CASE("Solapi: each recipient of a batch has his own outcome, and the others are still sent") {
    Filled filled({"3104", "2000"});
    REQUIRE(filled.next);
    CHECK_FALSE(filled.talk->hear(spoken(200, "{}"), nine));
    CHECK(filled.talk->outcomes()[0].reason == Reason::not_capable);
    CHECK(filled.talk->outcomes()[0].failover_ok);
    CHECK(filled.talk->outcomes()[1].reason == Reason::queued);
    Filled nobody({"1060", "1030"});
    CHECK_FALSE(nobody.next);
    CHECK(nobody.talk->outcomes()[0].reason == Reason::opted_out);
    CHECK(nobody.talk->outcomes()[1].pause_account);
}

TEST_CASE("Solapi: whatever fails before the sending has reached nobody") {
    for (const auto& wrong : {lost(), unreached(), spoken(500, "oops"), spoken(200, "<html>"), spoken(200, "{}")}) {
        const SolapiProtocol protocol = alimtalk();
        const auto talk = protocol.converse({to_phone(1)});
        (void)talk->open(nine);
        CHECK_FALSE(talk->hear(wrong, nine));
        CHECK(talk->outcomes()[0].kind == OutcomeClass::transient);
        const auto later = protocol.converse({to_phone(1)});
        (void)later->open(nine);
        (void)later->hear(spoken(200, group), nine);
        CHECK_FALSE(later->hear(wrong, nine));
        CHECK(later->outcomes()[0].kind == OutcomeClass::transient);
    }
}

TEST_CASE("Solapi: an answer nobody lists before the sending is tried again, and still counts for the breaker") {
    for (const int status : {302, 408, 409, 425}) {
        CAPTURE(status);
        const SolapiProtocol protocol = alimtalk();
        const auto talk = protocol.converse({to_phone(1)});
        (void)talk->open(nine);
        CHECK_FALSE(talk->hear(spoken(status, R"({"errorCode":"NewIn2031"})"), nine));
        const Outcome outcome = talk->outcomes().at(0);
        CHECK(outcome.kind == OutcomeClass::transient);
        CHECK(outcome.reason == Reason::unmapped);
        CHECK(outcome.code == "NewIn2031");
        CHECK(outcome.min_backoff == std::chrono::seconds(1));
    }
}

TEST_CASE("Solapi: a time-out or a conflict under the order to send is no refusal: the group is asked") {
    for (const int status : {408, 409}) {
        Filled filled;
        const auto look = filled.talk->hear(spoken(status, "{}"), nine);
        REQUIRE(look);
        CHECK(look->method == "GET");
        CHECK_FALSE(filled.talk->hear(spoken(200, R"({"status":"SENDING"})"), nine));
        all_are(*filled.talk, OutcomeClass::accepted, Reason::queued);
    }
}

TEST_CASE("Solapi: a conversation that is given up has reached nobody until it has ordered to send") {
    const SolapiProtocol protocol = alimtalk();
    const auto made = protocol.converse({to_phone(1)});
    (void)made->open(nine);
    REQUIRE(made->hear(spoken(200, group), nine));  // wants to fill it
    all_are(*made, OutcomeClass::transient, Reason::network);

    Filled filled({"2000", "3104"});
    REQUIRE(filled.next);  // wants to send it
    CHECK(filled.talk->outcomes().at(0).kind == OutcomeClass::transient);
    CHECK(filled.talk->outcomes().at(1).reason == Reason::not_capable);  // what the vendor has said stays

    Filled ordered;
    REQUIRE(ordered.talk->hear(lost(), nine));  // wants to ask
    all_are(*ordered.talk, OutcomeClass::unknown, Reason::ambiguous_submit);
}

TEST_CASE("Solapi: results that are not about ours stop the sending") {
    const SolapiProtocol protocol = alimtalk();
    const std::vector<Attempt> batch{to_phone(1, '1'), to_phone(2, '2')};
    const std::string swapped = results({batch[1], batch[0]}, {"2000", "2000"});
    for (const std::string& wrong : {swapped, results({batch[0]}, {"2000"}), std::string(R"({"resultList":[1,2]})")}) {
        CAPTURE(wrong);
        const auto talk = protocol.converse(batch);
        (void)talk->open(nine);
        (void)talk->hear(spoken(200, group), nine);
        CHECK_FALSE(talk->hear(spoken(200, wrong), nine));
        all_are(*talk, OutcomeClass::transient, Reason::network);
    }
}

TEST_CASE("Solapi: after a lost answer to the sending the group is asked") {
    for (const auto& doubtful :
         {lost(), spoken(502, "<html>"), spoken(403, R"({"errorCode":"DuplicatedSignature"})")}) {
        Filled sent;
        const auto look = sent.talk->hear(doubtful, nine);
        REQUIRE(look);
        CHECK(look->method == "GET");
        CHECK(look->url == "https://api.solapi.example/messages/v4/groups/G4V1");
        CHECK_FALSE(sent.talk->hear(spoken(200, R"({"status":"SENDING"})"), nine));
        all_are(*sent.talk, OutcomeClass::accepted, Reason::queued);
    }
}

TEST_CASE("Solapi: a group that was not sent is deleted before anybody is tried again") {
    Filled deleted;
    (void)deleted.talk->hear(lost(), nine);
    const auto discard = deleted.talk->hear(spoken(200, group), nine);
    REQUIRE(discard);
    CHECK(discard->method == "DELETE");
    CHECK_FALSE(deleted.talk->hear(spoken(200, R"({"status":"DELETED"})"), nine));
    all_are(*deleted.talk, OutcomeClass::transient, Reason::network);

    Filled obstinate;
    (void)obstinate.talk->hear(lost(), nine);
    (void)obstinate.talk->hear(spoken(200, group), nine);
    CHECK_FALSE(obstinate.talk->hear(spoken(400, "{}"), nine));
    all_are(*obstinate.talk, OutcomeClass::unknown, Reason::ambiguous_submit);
}

TEST_CASE("Solapi: a group nobody can ask about leaves doubt, after a second look") {
    Filled mute;
    (void)mute.talk->hear(lost(), nine);
    REQUIRE(mute.talk->hear(lost(), nine));
    CHECK_FALSE(mute.talk->hear(spoken(500, ""), nine));
    all_are(*mute.talk, OutcomeClass::unknown, Reason::ambiguous_submit);
}

TEST_CASE("Solapi: refusals of the whole request") {
    const auto at_first = [](int status, const char* code) {
        const SolapiProtocol protocol = alimtalk();
        const auto talk = protocol.converse({to_phone(1)});
        (void)talk->open(nine);
        CHECK_FALSE(
            talk->hear(spoken(status, json{{"errorCode", code}, {"errorMessage", "to 010-1234-5671"}}.dump()), nine));
        return talk->outcomes()[0];
    };
    for (const char* code : {"InvalidAPIKey", "SignatureDoesNotMatch", "RequestTimeTooSkewed"}) {
        const Outcome outcome = at_first(403, code);
        CHECK(outcome.reason == Reason::credential);
        CHECK(outcome.pause_account);
        CHECK(outcome.code == code);
        CHECK(outcome.text.find("1234") == std::string::npos);
    }
    CHECK(at_first(429, "TooManyRequests").kind == OutcomeClass::throttled);
    CHECK(at_first(400, "ValidationError").reason == Reason::payload);
    CHECK(at_first(404, "ResourceNotFound").reason == Reason::config);
    const Outcome strange = at_first(418, "Teapot");
    CHECK(strange.kind == OutcomeClass::transient);  // nothing was sent
    CHECK(strange.reason == Reason::unmapped);
    CHECK(strange.code == "Teapot");

    Filled filled;
    CHECK_FALSE(filled.talk->hear(spoken(418, R"({"errorCode":"Teapot"})"), nine));
    all_are(*filled.talk, OutcomeClass::unknown, Reason::unmapped);
}

TEST_CASE("Solapi: a copied request is signed again once where that is harmless") {
    const SolapiProtocol protocol = alimtalk();
    const auto copied = spoken(403, R"({"errorCode":"DuplicatedSignature"})");
    const auto talk = protocol.converse({to_phone(1)});
    (void)talk->open(nine);
    const auto again = talk->hear(copied, nine);
    REQUIRE(again);
    CHECK(again->url.ends_with("/groups"));
    (void)talk->hear(spoken(200, group), nine);
    // Filled twice, the group would hold everybody twice: it is left behind.
    CHECK_FALSE(talk->hear(copied, nine));
    CHECK(talk->outcomes()[0].kind == OutcomeClass::transient);
}

TEST_CASE("Solapi: what cannot be sent is refused before it leaves") {
    Attempt attempt = to_phone(1);
    CHECK(alimtalk().check(attempt));
    attempt.address = "12";
    REQUIRE_FALSE(alimtalk().check(attempt));
    CHECK(alimtalk().check(attempt).error().code == Errc::invalid);
    attempt = to_phone(1);
    attempt.message.variables["a.b"] = "x";
    REQUIRE_FALSE(alimtalk().check(attempt));
    CHECK(alimtalk().check(attempt).error().code == Errc::refused);
    attempt = to_phone(1);
    attempt.message.template_id.clear();
    CHECK_FALSE(alimtalk().check(attempt));
    attempt.message.body = "😀";
    CHECK_FALSE(sms().check(attempt));
}

TEST_CASE("Solapi: reports are asked for by group, page by page, and named by our own mark") {
    const auto request = alimtalk().ask_reports("G4V1", "", nine);
    CHECK(request.method == "GET");
    CHECK(request.url == "https://api.solapi.example/messages/v4/list?limit=500&groupId=G4V1");
    CHECK(alimtalk().ask_reports("G4 V1", "M&1", nine).url.ends_with("groupId=G4%20V1&startKey=M%261"));
    const json list{{"nextKey", "M2"},
                    {"messageList",
                     {{"M0", {{"statusCode", "4000"}, {"customFields", {{"tidegate", reference_of(to_phone(1))}}}}},
                      {"M1",
                       {{"statusCode", "3104"},
                        {"to", "01012345672"},
                        {"reason", "01012345672 has no Kakao"},
                        {"customFields", {{"tidegate", reference_of(to_phone(2, '2'))}}}}},
                      {"M2", {{"statusCode", "4000"}}},
                      {"M3", 7}}}};
    const auto page = alimtalk().read_reports(spoken(200, list.dump()).response, "");
    REQUIRE(page);
    CHECK(page->next == "M2");
    REQUIRE(page->reports.size() == 2);
    CHECK(page->reports[0].about.delivery == 1);
    CHECK(page->reports[0].outcome.reason == Reason::delivered);
    CHECK(page->reports[0].outcome.phase == Phase::report);
    CHECK(page->reports[1].outcome.reason == Reason::not_capable);
    CHECK(page->reports[1].outcome.text.find("1234") == std::string::npos);
    for (const auto& wrong :
         {spoken(500, "{}"), spoken(200, "<html>"), spoken(403, R"({"errorCode":"InvalidAPIKey"})")}) {
        CHECK_FALSE(alimtalk().read_reports(wrong.response, ""));
    }
}

TEST_CASE("Solapi: what its webhook posts is read under the SHA-1 of its secret") {
    SolapiAccount account = solapi_account();
    account.report_secret = Secret("abc");
    const ChannelOptions options = vendor_channel(SmsOptions{account, "0212345678"});
    const SolapiProtocol protocol(options, std::get<SmsOptions>(options.provider), account, [] { return "salt"; });
    const std::string mark = reference_of(to_phone(65536));
    const std::string body = R"([{"messageId":"M1","statusCode":"3032","customFields":{"tidegate":")" + mark +
                             R"("}},{"messageId":"M2","statusCode":"4000"}])";
    using Header = std::pair<std::string, std::string>;
    // Source of the digest: FIPS 180-4's example of "abc".
    const std::vector<Header> theirs{{"x-solapi-secret", "a9993e364706816aba3e25717850c26c9cd0d89d"}};
    const auto heard = protocol.hear_reports(theirs, body);
    REQUIRE(heard);
    REQUIRE(heard->size() == 1);
    CHECK(heard->front().about == *parse_reference(mark));
    CHECK(heard->front().outcome.drop_address);
    const std::vector<Header> plain{{"X-Solapi-Secret", "abc"}};
    CHECK(protocol.hear_reports(plain, body).error().code == Errc::refused);
    CHECK(protocol.hear_reports(theirs, "{}").error().code == Errc::invalid);
}
