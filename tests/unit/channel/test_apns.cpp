#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "channel/apns_protocol.hpp"
#include "samples.hpp"

using namespace tidegate;
using namespace tidegate::channel;
using namespace tidegate::test;
using nlohmann::json;

namespace {

ApnsOptions options(const std::string& push_type = "alert") {
    ApnsOptions made;
    made.topic = "com.bank.app";
    made.push_type = push_type;
    made.apns_priority = push_type == "background" ? 5 : 10;
    return made;
}

ApnsProtocol protocol(const std::string& push_type = "alert") {
    return {options(push_type), std::chrono::seconds(15)};
}

Outcome reason(int status, const std::string& text) {
    return apns_outcome(answer(status, json{{"reason", text}}.dump()), device_token, monday);
}

struct Row {
    int status;
    const char* code;
    OutcomeClass kind;
    Reason reason;
    Scope scope;
    std::string flags;
};

// Letters: d drop, q quarantine, f fail-over, a abort, p pause, r refresh, c reconnect.
std::string flags(const Outcome& o) {
    std::string text;
    if (o.drop_address) text += 'd';
    if (o.quarantine_address) text += 'q';
    if (o.failover_ok) text += 'f';
    if (o.abort_campaign) text += 'a';
    if (o.pause_account) text += 'p';
    if (o.refresh_credential) text += 'r';
    if (o.reconnect) text += 'c';
    return text;
}

}  // namespace

TEST_CASE("every answer APNs documents is mapped by the table") {
    using enum OutcomeClass;
    const Row rows[] = {
        {400, "BadDeviceToken", invalid_recipient, Reason::malformed, Scope::recipient, "qf"},
        {400, "DeviceTokenNotForTopic", invalid_recipient, Reason::wrong_app, Scope::recipient, "qf"},
        {400, "MissingDeviceToken", rejected, Reason::client_bug, Scope::campaign, "a"},
        {400, "BadMessageId", rejected, Reason::client_bug, Scope::campaign, "a"},
        {400, "DuplicateHeaders", rejected, Reason::client_bug, Scope::campaign, "a"},
        {400, "BadCollapseId", rejected, Reason::payload, Scope::message, "a"},
        {400, "BadExpirationDate", rejected, Reason::payload, Scope::message, "a"},
        {400, "BadPriority", rejected, Reason::payload, Scope::message, "a"},
        {400, "InvalidPushType", rejected, Reason::payload, Scope::message, "a"},
        {400, "PayloadEmpty", rejected, Reason::payload, Scope::message, "a"},
        {400, "BadTopic", rejected, Reason::config, Scope::campaign, "a"},
        {400, "MissingTopic", rejected, Reason::config, Scope::campaign, "a"},
        {400, "TopicDisallowed", rejected, Reason::config, Scope::campaign, "a"},
        {400, "IdleTimeout", transient, Reason::shutdown, Scope::connection, "c"},
        {403, "BadCertificate", rejected, Reason::credential, Scope::account, "p"},
        {403, "BadCertificateEnvironment", rejected, Reason::credential, Scope::account, "p"},
        {403, "ExpiredProviderToken", transient, Reason::server, Scope::account, "rc"},
        {403, "InvalidProviderToken", rejected, Reason::credential, Scope::account, "p"},
        {403, "MissingProviderToken", rejected, Reason::credential, Scope::account, "p"},
        {403, "UnrelatedKeyIdInToken", transient, Reason::network, Scope::connection, "c"},
        {403, "BadEnvironmentKeyIdInToken", rejected, Reason::credential, Scope::account, "p"},
        {403, "BadEnvironmentKeyInToken", rejected, Reason::credential, Scope::account, "p"},
        {403, "Forbidden", rejected, Reason::config, Scope::recipient, ""},
        {404, "BadPath", rejected, Reason::client_bug, Scope::campaign, "a"},
        {405, "MethodNotAllowed", rejected, Reason::client_bug, Scope::campaign, "a"},
        {410, "Unregistered", invalid_recipient, Reason::gone, Scope::recipient, "df"},
        {410, "ExpiredToken", invalid_recipient, Reason::gone, Scope::recipient, "df"},
        {413, "PayloadTooLarge", rejected, Reason::payload, Scope::message, "a"},
        {429, "TooManyRequests", throttled, Reason::device_rate, Scope::recipient, ""},
        {429, "TooManyProviderTokenUpdates", throttled, Reason::token_minting, Scope::account, ""},
        {500, "InternalServerError", transient, Reason::server, Scope::provider, ""},
        {503, "ServiceUnavailable", transient, Reason::server, Scope::provider, ""},
        {503, "Shutdown", transient, Reason::shutdown, Scope::connection, "c"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.code);
        const Outcome outcome = reason(row.status, row.code);
        CHECK(outcome.kind == row.kind);
        CHECK(outcome.reason == row.reason);
        CHECK(outcome.scope == row.scope);
        CHECK(flags(outcome) == row.flags);
        CHECK(outcome.http_status == row.status);
        CHECK(outcome.code == row.code);
        CHECK(outcome.phase == Phase::submit);
        if (row.status >= 500) CHECK(outcome.min_backoff == std::chrono::minutes(15));
    }
}

TEST_CASE("an accepted notification keeps the id APNs echoes") {
    const Outcome outcome = apns_outcome(answer(200, "", {{"apns-id", "6f96"}}), device_token, monday);
    CHECK(outcome.kind == OutcomeClass::accepted);
    CHECK(outcome.reason == Reason::queued);
    CHECK(outcome.provider_id == "6f96");
}

TEST_CASE("a dead token carries the moment since when it was dead") {
    const Outcome outcome =
        apns_outcome(answer(410, R"({"reason":"Unregistered","timestamp":1795391999123})"), device_token, monday);
    REQUIRE(outcome.invalid_since);
    CHECK(outcome.invalid_since->time_since_epoch() == std::chrono::milliseconds(1795391999123));
    CHECK_FALSE(reason(410, "Unregistered").invalid_since);
    CHECK_FALSE(apns_outcome(answer(410, R"({"reason":"Unregistered","timestamp":"soon"})"), device_token, monday)
                    .invalid_since);
}

TEST_CASE("an unlisted answer condemns nothing and keeps its words without the address") {
    for (const int status : {400, 403, 404, 410, 418, 301}) {
        const Outcome outcome = reason(status, "NewIn2031 " + device_token);
        CAPTURE(status);
        CHECK(outcome.kind == OutcomeClass::unknown);
        CHECK(outcome.reason == Reason::unmapped);
        CHECK(flags(outcome).empty());
        CHECK(outcome.text.find("NewIn2031") != std::string::npos);
        CHECK(outcome.text.find(device_token) == std::string::npos);
        CHECK(outcome.code.find(device_token) == std::string::npos);
        CHECK(outcome.text.size() <= 200);
    }
    CHECK(flags(apns_outcome(answer(410), device_token, monday)).empty());
}

TEST_CASE("bodies that are no JSON are judged by their status alone") {
    const std::string html = "<html><body>Bad gateway</body></html>" + std::string(5000, ' ') + "</html>";
    const Outcome gateway = apns_outcome(answer(502, html), device_token, monday);
    CHECK(gateway.kind == OutcomeClass::transient);
    CHECK(gateway.min_backoff == std::chrono::minutes(15));
    CHECK(gateway.text.find("Bad gateway") != std::string::npos);
    CHECK(apns_outcome(answer(200, html), device_token, monday).kind == OutcomeClass::unknown);
    CHECK(apns_outcome(answer(200), device_token, monday).kind == OutcomeClass::accepted);
    CHECK(apns_outcome(answer(429, html), device_token, monday).kind == OutcomeClass::throttled);
    CHECK(apns_outcome(answer(413, html), device_token, monday).reason == Reason::payload);
    for (const char* body : {"", "null", "[]", "{\"reason\":7}", "{\"reason\":null}", "{", "\"Unregistered\""}) {
        CHECK(apns_outcome(answer(410, body), device_token, monday).reason == Reason::unmapped);
    }
}

TEST_CASE("Retry-After is honoured where coming again makes sense") {
    CHECK(apns_outcome(answer(503, R"({"reason":"ServiceUnavailable"})", {{"retry-after", "7"}}), device_token, monday)
              .retry_after == std::chrono::seconds(7));
    CHECK_FALSE(apns_outcome(answer(400, R"({"reason":"BadTopic"})", {{"retry-after", "7"}}), device_token, monday)
                    .retry_after);
}

TEST_CASE("a request carries exactly Apple's headers, in lower case") {
    const Attempt attempt = sample_attempt();
    const net::HttpRequest request = protocol().request(attempt, "a.b.c");
    CHECK(request.method == "POST");
    CHECK(request.url == "https://api.push.apple.com/3/device/" + device_token);
    CHECK(header(request, "authorization") == "bearer a.b.c");
    CHECK(header(request, "apns-topic") == "com.bank.app");
    CHECK(header(request, "apns-push-type") == "alert");
    CHECK(header(request, "apns-priority") == "10");
    CHECK(header(request, "apns-id") == attempt.id);
    CHECK(header(request, "apns-expiration") == "1795406400");
    CHECK(header(request, "apns-collapse-id") == "benefit-2026-11");
    CHECK(header(protocol().request(attempt, ""), "authorization") == "(none)");

    Attempt plain = attempt;
    plain.expires.reset();
    plain.message.collapse.clear();
    CHECK(header(protocol().request(plain, "t"), "apns-expiration") == "(none)");
    CHECK(header(protocol().request(plain, "t"), "apns-collapse-id") == "(none)");
}

TEST_CASE("the payload is what a JSON library reads back") {
    const Attempt attempt = sample_attempt();
    CHECK(json::parse(protocol().payload(attempt)) ==
          json{{"aps", {{"alert", {{"title", attempt.message.title}, {"body", attempt.message.body}}}}},
               {"link", attempt.message.link},
               {"k", "v"},
               {"쿠폰", "A\\B"}});
    Attempt bare = attempt;
    bare.message = {};
    bare.message.body = "x";
    CHECK(protocol().payload(bare) == R"({"aps":{"alert":{"body":"x"}}})");
    const json silent = json::parse(protocol("background").payload(attempt));
    CHECK(silent["aps"] == json{{"content-available", 1}});
}

TEST_CASE("collapse ids fit 64 bytes and stay distinct") {
    CHECK(apns_collapse_id(std::string(64, 'x')) == std::string(64, 'x'));
    const std::string longer = apns_collapse_id(std::string(65, 'x'));
    CHECK(longer.size() == 64);
    CHECK(longer != apns_collapse_id(std::string(66, 'x')));
    CHECK(apns_collapse_id("혜택").size() == 64);    // no header holds it
    CHECK(apns_collapse_id("a\r\nb").size() == 64);  // nor may it start a second one
}

TEST_CASE("device tokens are hexadecimal, even, not empty, and of any sane length") {
    for (const std::string good : {"ab", "AB01", device_token.c_str()}) CHECK(valid_device_token(good));
    CHECK(valid_device_token(std::string(200, 'a')));
    for (const std::string bad : {"", "a", "xy", "ab/../..", "ab cd", "ab?c"}) CHECK_FALSE(valid_device_token(bad));
    CHECK_FALSE(valid_device_token(std::string(202, 'a')));
}

TEST_CASE("a payload of 4096 bytes passes and one of 4097 does not") {
    Attempt attempt = sample_attempt();
    attempt.message = {};
    const std::size_t frame = protocol().payload(attempt).size();
    attempt.message.body = std::string(4096 - frame, 'x');
    CHECK(protocol().check(attempt));
    attempt.message.body += 'x';
    const auto refused = protocol().check(attempt);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("4097") != std::string::npos);
    CHECK(refused.error().code == Errc::refused);  // the message's fault: it stops the campaign
}

TEST_CASE("a check never prints the address, and refuses data keys that would collide") {
    const auto refused = protocol().check(sample_attempt("not-a-device-token"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("not-a-device") == std::string::npos);
    CHECK(refused.error().code == Errc::invalid);  // this recipient's fault alone
    Attempt attempt = sample_attempt();
    attempt.message.data = {{"aps", "{}"}};
    CHECK_FALSE(protocol().check(attempt));
    attempt.message.data = {{"link", "x"}};
    CHECK_FALSE(protocol().check(attempt));
}
