#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "channel/webhook_protocol.hpp"
#include "samples.hpp"

using namespace tidegate;
using namespace tidegate::channel;
using namespace tidegate::test;
using nlohmann::json;

namespace {

WebhookProtocol protocol(const std::string& secret = "s3cret") {
    WebhookOptions options;
    options.url = "https://push.example/hook?x=1";
    options.secret = Secret(secret);
    return {options, std::chrono::seconds(5)};
}

Outcome map(int status, const std::string& body = {}) {
    const std::string_view secret[] = {"010-1234-5678", "customer-1001"};
    return webhook_outcome(answer(status, body), secret, monday);
}

}  // namespace

TEST_CASE("a webhook's document reads back as the attempt") {
    const Attempt attempt = sample_attempt("customer-1001");
    const auto& m = attempt.message;
    CHECK(json::parse(protocol().body(attempt)) == json{{"id", attempt.id},
                                                        {"campaign", attempt.campaign},
                                                        {"key", attempt.key},
                                                        {"address", attempt.address},
                                                        {"title", m.title},
                                                        {"body", m.body},
                                                        {"link", m.link},
                                                        {"data", {{"k", "v"}, {"쿠폰", "A\\B"}}},
                                                        {"attempt", 1},
                                                        {"expires", "2026-11-23T04:00:00.000Z"}});
    Attempt bare = attempt;
    bare.expires.reset();
    bare.message = {};
    CHECK(json::parse(protocol().body(bare))["expires"].is_null());
    CHECK(json::parse(protocol().body(bare))["data"] == json::object());
}

TEST_CASE("the signature covers time stamp and body with HMAC-SHA256") {
    // Reference value from another implementation: printf '1.{}' | openssl dgst -sha256 -hmac key
    CHECK(webhook_signature(Secret("key"), "1", "{}") ==
          "v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224");
    const net::HttpRequest request = protocol().request(sample_attempt("x"), monday);
    CHECK(request.url == "https://push.example/hook?x=1");
    CHECK(header(request, "Tidegate-Timestamp") == "1795392000");
    CHECK(header(request, "Tidegate-Signature") == webhook_signature(Secret("s3cret"), "1795392000", request.body));
    CHECK(header(protocol("").request(sample_attempt("x"), monday), "Tidegate-Signature") == "(none)");
}

TEST_CASE("the idempotency key is the same for every attempt at a delivery and for no other delivery") {
    Attempt attempt = sample_attempt("x");
    const std::string key = idempotency_key(attempt);
    CHECK(key.size() == 36);
    attempt.number = 5;
    attempt.id = "another";
    CHECK(idempotency_key(attempt) == key);
    ++attempt.delivery;
    CHECK(idempotency_key(attempt) != key);
    attempt = sample_attempt("x");
    attempt.campaign += "2";
    CHECK(idempotency_key(attempt) != key);
}

TEST_CASE("webhook answers are mapped by the README's table") {
    using enum OutcomeClass;
    struct Row {
        int status;
        OutcomeClass kind;
        Reason reason;
    };
    const Row rows[] = {
        {200, accepted, Reason::queued},     {202, accepted, Reason::queued},  {204, accepted, Reason::queued},
        {301, rejected, Reason::config},     {302, rejected, Reason::config},  {307, rejected, Reason::config},
        {308, rejected, Reason::config},     {400, rejected, Reason::payload}, {401, rejected, Reason::credential},
        {403, rejected, Reason::credential}, {404, rejected, Reason::config},  {405, rejected, Reason::config},
        {408, transient, Reason::server},    {410, rejected, Reason::config},  {413, rejected, Reason::payload},
        {415, rejected, Reason::payload},    {422, rejected, Reason::payload}, {425, transient, Reason::server},
        {429, throttled, Reason::rate},      {500, transient, Reason::server}, {502, transient, Reason::server},
        {503, transient, Reason::server},    {504, transient, Reason::server}, {402, unknown, Reason::unmapped},
        {409, unknown, Reason::unmapped},    {600, unknown, Reason::unmapped},
    };
    for (const Row& row : rows) {
        CAPTURE(row.status);
        const Outcome outcome = map(row.status, "said 010-1234-5678 of customer-1001");
        CHECK(outcome.kind == row.kind);
        CHECK(outcome.reason == row.reason);
        CHECK_FALSE(outcome.drop_address);
        CHECK(outcome.pause_account == (row.reason == Reason::credential));
        CHECK(outcome.text.find("1234") == std::string::npos);
        CHECK(outcome.text.find("customer") == std::string::npos);
    }
}

TEST_CASE("an address is dropped only when the receiver says so in words") {
    for (const int status : {404, 410}) {
        const Outcome outcome = map(status, R"({"reason":"gone"})");
        CHECK(outcome.kind == OutcomeClass::invalid_recipient);
        CHECK(outcome.reason == Reason::gone);
        CHECK(outcome.drop_address);
        CHECK(outcome.failover_ok);
    }
    CHECK(map(400, R"({"reason":"gone"})").reason == Reason::payload);
}
