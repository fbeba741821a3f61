#include <doctest/doctest.h>

#include "channel/nhn_protocol.hpp"
#include "vendor_samples.hpp"

using namespace tidegate;
using namespace tidegate::channel;
using namespace tidegate::test;
using nlohmann::json;

namespace {

const std::string sender_key(40, 'k');

NhnAlimtalkProtocol alimtalk() {
    const AlimtalkOptions kind{nhn_account(), sender_key};
    return {vendor_channel(kind), kind, nhn_account()};
}
NhnSmsProtocol sms() {
    const SmsOptions kind{nhn_account(), "15881234"};
    return {vendor_channel(kind), kind, nhn_account()};
}

std::string said(int code, const json& results = json::array()) {
    return json{{"header", {{"resultCode", code}, {"resultMessage", "word"}, {"isSuccessful", code == 0}}},
                {"message", {{"requestId", "R1"}, {"sendResults", results}}},
                {"body", {{"data", {{"requestId", "R1"}, {"sendResultList", results}}}}}}
        .dump();
}

json result(const Attempt& attempt, int sequence, int code) {
    return {{"recipientSeq", sequence},
            {"recipientNo", phone_number(attempt.address).value_or("")},
            {"resultCode", code},
            {"resultMessage", "word for 01012345671"},
            {"recipientGroupingKey", reference_of(attempt)}};
}

const std::vector<Attempt> two{to_phone(1, '1'), to_phone(2, '2')};

}  // namespace

TEST_CASE("NHN: an Alimtalk request says sender, template, recipients with their variables, and a key for repeats") {
    const auto request = alimtalk().request(two);
    CHECK(request.method == "POST");
    CHECK(request.url == "https://nhn.example/alimtalk/v2.3/appkeys/appkey1/messages");
    CHECK(header(request, "X-Secret-Key") == "sesame");
    const json body = json::parse(request.body);
    CHECK(body["senderKey"] == sender_key);
    CHECK(body["templateCode"] == "KA01TP01");
    REQUIRE(body["recipientList"].size() == 2);
    CHECK(body["recipientList"][1] == json{{"recipientNo", "01012345672"},
                                           {"recipientGroupingKey", reference_of(two[1])},
                                           {"templateParameter", {{"name", "김\"하나\""}, {"point", "1,200"}}},
                                           {"resendParameter", {{"isResend", false}}}});
    const std::string key = header(request, "X-NC-API-IDEMPOTENCY-KEY");
    CHECK(key.size() == 36);
    CHECK(key == header(alimtalk().request(two), "X-NC-API-IDEMPOTENCY-KEY"));
    auto again = two;
    again[0].number = 2;
    CHECK(key != header(alimtalk().request(again), "X-NC-API-IDEMPOTENCY-KEY"));
}

TEST_CASE("NHN: each recipient of a batch has his own outcome, whatever their order") {
    const auto protocol = alimtalk();
    const auto talk = protocol.converse(two);
    (void)talk->open(nine);
    CHECK_FALSE(talk->hear(spoken(200, said(0, {result(two[1], 2, -3004), result(two[0], 1, 0)})), nine));
    CHECK(talk->outcomes()[0].reason == Reason::queued);
    CHECK(talk->outcomes()[0].provider_id == "R1/1");
    CHECK(talk->outcomes()[1].reason == Reason::template_mismatch);
    CHECK(talk->outcomes()[1].failover_ok);
    CHECK(talk->outcomes()[0].text.find("1234") == std::string::npos);
}

TEST_CASE("NHN: when everybody failed, everybody's own reason is read") {
    const auto protocol = alimtalk();
    const auto talk = protocol.converse(two);
    (void)talk->open(nine);
    CHECK_FALSE(talk->hear(spoken(200, said(-1031, {result(two[0], 1, -5000), result(two[1], 2, -3301)})), nine));
    CHECK(talk->outcomes()[0].reason == Reason::malformed);
    CHECK(talk->outcomes()[1].reason == Reason::opted_out);
}

TEST_CASE("NHN: a recipient without a word stays unknown, and a stranger's word is nobody's") {
    const auto protocol = alimtalk();
    const auto talk = protocol.converse(two);
    (void)talk->open(nine);
    CHECK_FALSE(talk->hear(spoken(200, said(0, {result(two[0], 1, 0), result(to_phone(9, '9'), 2, -5000)})), nine));
    CHECK(talk->outcomes()[0].kind == OutcomeClass::accepted);
    CHECK(talk->outcomes()[1].kind == OutcomeClass::unknown);
}

TEST_CASE("NHN: without marks the vendor's order counts, as long as the numbers agree") {
    json first = result(two[0], 1, 0), second = result(two[1], 2, 0);
    first.erase("recipientGroupingKey");
    second["recipientGroupingKey"] = nullptr;
    second["recipientNo"] = "01099999999";
    const auto protocol = alimtalk();
    const auto talk = protocol.converse(two);
    (void)talk->open(nine);
    CHECK_FALSE(talk->hear(spoken(200, said(0, {first, second})), nine));
    CHECK(talk->outcomes()[0].kind == OutcomeClass::accepted);
    CHECK(talk->outcomes()[1].kind == OutcomeClass::unknown);
}

TEST_CASE("NHN: after a lost answer the same is asked once more, and -1005 says that the first had arrived") {
    const auto protocol = alimtalk();
    for (const auto& doubtful : {lost(), spoken(200, "<html>"), spoken(503, "<html>"), spoken(200, said(-9999))}) {
        const auto talk = protocol.converse(two);
        const auto first = talk->open(nine);
        const auto second = talk->hear(doubtful, nine);
        REQUIRE(second);
        CHECK(second->body == first.body);
        CHECK(second->headers == first.headers);
        CHECK_FALSE(talk->hear(spoken(200, said(-1005)), nine));
        for (const Outcome& outcome : talk->outcomes()) {
            CHECK(outcome.kind == OutcomeClass::accepted);
            CHECK(outcome.reason == Reason::duplicate);
            CHECK(outcome.reconcile);
        }
    }
}

TEST_CASE("NHN: doubt that asking again does not end stays doubt") {
    const auto protocol = alimtalk();
    for (const auto& doubtful : {lost(), unreached(), spoken(200, "<html>")}) {
        const auto talk = protocol.converse(two);
        (void)talk->open(nine);
        REQUIRE(talk->hear(lost(), nine));
        CHECK_FALSE(talk->hear(doubtful, nine));
        CHECK(talk->outcomes()[0].kind == OutcomeClass::unknown);
        CHECK(talk->outcomes()[0].reason == Reason::ambiguous_submit);
    }
    const auto talk = protocol.converse(two);
    (void)talk->open(nine);
    CHECK_FALSE(talk->hear(unreached(), nine));
    CHECK(talk->outcomes()[0].kind == OutcomeClass::transient);
    CHECK_FALSE(talk->outcomes()[0].reconcile);
}

TEST_CASE("NHN: a conversation that is given up before it asked again leaves doubt") {
    const NhnAlimtalkProtocol protocol = alimtalk();
    const auto talk = protocol.converse(two);
    (void)talk->open(nine);
    REQUIRE(talk->hear(lost(), nine));
    for (const Outcome& outcome : talk->outcomes()) CHECK(outcome.reason == Reason::ambiguous_submit);
}

TEST_CASE("NHN: an SMS without a key is never asked again") {
    const auto protocol = sms();
    const auto talk = protocol.converse(two);
    (void)talk->open(nine);
    CHECK_FALSE(talk->hear(lost(), nine));
    CHECK(talk->outcomes()[0].reason == Reason::ambiguous_submit);
    const auto broken = protocol.converse(two);
    (void)broken->open(nine);
    CHECK_FALSE(broken->hear(spoken(503, "<html>"), nine));
    CHECK(broken->outcomes()[0].kind == OutcomeClass::transient);
    CHECK(broken->outcomes()[0].reconcile);
}

TEST_CASE("NHN: a refusal of the whole request is everybody's") {
    const auto protocol = alimtalk();
    const auto whole = [&](const net::HttpResult& heard) {
        const auto talk = protocol.converse(two);
        (void)talk->open(nine);
        CHECK_FALSE(talk->hear(heard, nine));
        CHECK(talk->outcomes()[0] == talk->outcomes()[1]);
        return talk->outcomes()[0];
    };
    CHECK(whole(spoken(200, said(-1000))).pause_account);
    CHECK(whole(spoken(200, said(-3003))).reason == Reason::template_missing);
    CHECK(whole(spoken(401, "no")).reason == Reason::credential);
    CHECK(whole(spoken(429, "no")).kind == OutcomeClass::throttled);
    const Outcome strange = whole(spoken(200, said(-123456)));
    CHECK(strange.kind == OutcomeClass::unknown);
    CHECK(strange.code == "-123456");
    CHECK(strange.text == "word");
}

TEST_CASE("NHN: one request holds one text; advertisements and long texts have their own paths") {
    Attempt short_one = to_phone(1), long_one = to_phone(2);
    long_one.message.body = std::string(91, 'a');
    long_one.message.title = "안내";
    CHECK(sms().shared_part(short_one) == sms().shared_part(to_phone(5, '5')));
    CHECK(sms().shared_part(short_one) != sms().shared_part(long_one));
    const auto plain = sms().request(std::vector<Attempt>{short_one});
    CHECK(plain.url == "https://nhn.example/sms/v3.0/appKeys/appkey1/sender/sms");
    CHECK(json::parse(plain.body)["body"] == short_one.message.body);
    CHECK(json::parse(plain.body)["sendNo"] == "15881234");
    CHECK_FALSE(json::parse(plain.body).contains("title"));
    const auto lms = sms().request(std::vector<Attempt>{long_one});
    CHECK(lms.url.ends_with("/sender/mms"));
    CHECK(json::parse(lms.body)["title"] == "안내");
    short_one.purpose = long_one.purpose = Purpose::advertising;
    CHECK(sms().request(std::vector<Attempt>{short_one}).url.ends_with("/sender/ad-sms"));
    CHECK(sms().request(std::vector<Attempt>{long_one}).url.ends_with("/sender/ad-mms"));
    CHECK(sms().shared_part(short_one) != sms().shared_part(to_phone(1)));
    long_one.message.title.clear();
    CHECK_FALSE(sms().check(long_one));
}

TEST_CASE("NHN: reports are asked for by request; SMS and LMS one after the other") {
    CHECK(alimtalk().ask_reports("R1", "", nine).url ==
          "https://nhn.example/alimtalk/v2.3/appkeys/appkey1/messages?requestId=R1&pageSize=1000&pageNum=1");
    CHECK(alimtalk().ask_reports("R1", "3", nine).url.ends_with("pageNum=3"));
    CHECK(alimtalk().ask_reports("R1", "", nine).method == "GET");
    CHECK(sms().ask_reports("R1", "", nine).url ==
          "https://nhn.example/sms/v3.0/appKeys/appkey1/sender/sms?requestId=R1&pageSize=1000&pageNum=1");
    CHECK(sms().ask_reports("R1", "mms:2", nine).url.ends_with("/sender/mms?requestId=R1&pageSize=1000&pageNum=2"));

    const auto list = [](const char* code) {
        json one{{"recipientGroupingKey", reference_of(to_phone(1))}, {"resultCode", nullptr}};
        if (code != nullptr) one["resultCode"] = code;
        return json::array({one, json{{"resultCode", "1000"}}, json(7)});
    };
    const auto answer_of = [&](const json& results) {
        return spoken(200, json{{"header", {{"resultCode", 0}}},
                                {"messageSearchResultResponse", {{"messages", results}}},
                                {"body", {{"data", results}}}}
                               .dump())
            .response;
    };
    const auto kakao = alimtalk().read_reports(answer_of(list("3019")), "");
    REQUIRE(kakao);
    REQUIRE(kakao->reports.size() == 1);
    CHECK(kakao->reports[0].outcome.reason == Reason::not_capable);
    CHECK(kakao->next.empty());
    const auto text = sms().read_reports(answer_of(list("3019")), "");
    REQUIRE(text);
    CHECK(text->reports[0].outcome.reason == Reason::config);  // the same number is another word there
    CHECK(text->next == "mms:1");
    CHECK(sms().read_reports(answer_of(list("1000")), "mms:1").value_or({{}, "x"}).next.empty());
    CHECK(alimtalk().read_reports(answer_of(list(nullptr)), "").value_or({{{}}, ""}).reports.empty());
    json many = json::array();
    for (int i = 0; i < 1000; ++i) many.push_back(json::object());
    CHECK(alimtalk().read_reports(answer_of(many), "2").value_or({}).next == "3");
    CHECK(sms().read_reports(answer_of(many), "mms:1").value_or({}).next == "mms:2");
    CHECK_FALSE(alimtalk().read_reports(spoken(200, said(-1001)).response, ""));
    CHECK_FALSE(sms().read_reports(spoken(503, "<html>").response, ""));
}

TEST_CASE("NHN: what its webhook posts is read under its signature, by either name of the header") {
    NhnAccount account = nhn_account();
    account.report_secret = Secret("hook");
    const ChannelOptions options = vendor_channel(AlimtalkOptions{account, std::string(40, 'k')});
    const NhnAlimtalkProtocol protocol(options, std::get<AlimtalkOptions>(options.provider), account);
    const std::string mark = reference_of(to_phone(65536));
    const std::string body = R"({"event":"MESSAGE_RESULT_UPDATE","hooks":[{"recipientGroupingKey":")" + mark +
                             R"(","resultCode":"3019","recipientNo":"01012345671"},{"recipientGroupingKey":")" + mark +
                             R"(","resultCode":"MRC02"},{"recipientGroupingKey":"another's","resultCode":"1000"}]})";
    using Header = std::pair<std::string, std::string>;
    for (const char* name : {"X-Toast-Webhook-Signature", "x-nhn-webhook-signature"}) {
        const std::vector<Header> headers{{"Host", "bank"}, {name, "hook"}};
        const auto heard = protocol.hear_reports(headers, body);
        REQUIRE(heard);
        REQUIRE(heard->size() == 1);  // the coarse failure says no reason, and is left to be asked for
        CHECK(heard->front().about == *parse_reference(mark));
        CHECK(heard->front().outcome.reason == Reason::not_capable);
        CHECK(heard->front().outcome.phase == Phase::report);
    }
    for (const std::string wrong : {"", "hoo", "hooks", "HOOK"}) {
        const std::vector<Header> headers{{"X-Toast-Webhook-Signature", wrong}};
        CHECK(protocol.hear_reports(headers, body).error().code == Errc::refused);
    }
    const NhnAccount silent = nhn_account();
    const NhnAlimtalkProtocol closed(options, std::get<AlimtalkOptions>(options.provider), silent);
    const std::vector<Header> empty{{"X-Toast-Webhook-Signature", ""}};
    CHECK(closed.hear_reports(empty, body).error().code == Errc::refused);  // no secret is not the empty secret
}
