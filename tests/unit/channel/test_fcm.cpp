#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "channel/fcm_protocol.hpp"
#include "samples.hpp"

using namespace tidegate;
using namespace tidegate::channel;
using namespace tidegate::test;
using nlohmann::json;

namespace {

const std::string registration = "dGVzdA:APA91bHun4MxP5egoKMwt2KZFBaFUH";

FcmProtocol protocol() {
    return {FcmOptions{}, "bank-app", std::chrono::seconds(15)};
}

json error_body(const std::string& status, const std::string& code = {}, json extra = {}) {
    json error = {{"code", 1}, {"message", "no luck with " + registration}, {"status", status}};
    if (!code.empty()) {
        error["details"] = {{{"@type", "type.googleapis.com/google.firebase.fcm.v1.FcmError"}, {"errorCode", code}}};
    }
    if (!extra.is_null()) error["details"].push_back(extra);
    return {{"error", error}};
}

Outcome map(int status, const json& body, std::vector<std::pair<std::string, std::string>> headers = {}) {
    return fcm_outcome(answer(status, body.dump(), std::move(headers)), registration, monday);
}

json violation(const std::string& field) {
    return {{"@type", "type.googleapis.com/google.rpc.BadRequest"},
            {"fieldViolations", {{{"field", field}, {"description", "bad"}}}}};
}

json quota(const std::string& subject) {
    return {{"@type", "type.googleapis.com/google.rpc.QuotaFailure"}, {"violations", {{{"subject", subject}}}}};
}

}  // namespace

TEST_CASE("every answer FCM documents is mapped by the table") {
    using enum OutcomeClass;
    struct Row {
        int status;
        const char *state, *code;
        OutcomeClass kind;
        Reason reason;
        Scope scope;
    };
    const Row rows[] = {
        {404, "NOT_FOUND", "UNREGISTERED", invalid_recipient, Reason::gone, Scope::recipient},
        {403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", invalid_recipient, Reason::wrong_app, Scope::recipient},
        {400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", rejected, Reason::payload, Scope::message},
        {400, "INVALID_ARGUMENT", "", rejected, Reason::payload, Scope::message},
        {401, "UNAUTHENTICATED", "", transient, Reason::server, Scope::account},
        {401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", rejected, Reason::credential, Scope::account},
        {401, "UNAUTHENTICATED", "APNS_AUTH_ERROR", rejected, Reason::credential, Scope::account},
        {403, "PERMISSION_DENIED", "", rejected, Reason::credential, Scope::account},
        {404, "NOT_FOUND", "", rejected, Reason::config, Scope::campaign},
        {429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", throttled, Reason::quota, Scope::account},
        {429, "RESOURCE_EXHAUSTED", "", throttled, Reason::rate, Scope::account},
        {500, "INTERNAL", "INTERNAL", transient, Reason::server, Scope::provider},
        {503, "UNAVAILABLE", "UNAVAILABLE", transient, Reason::server, Scope::provider},
        {400, "UNKNOWN", "UNSPECIFIED_ERROR", unknown, Reason::unmapped, Scope::recipient},
        {400, "FAILED_PRECONDITION", "NEW_IN_2031", unknown, Reason::unmapped, Scope::recipient},
    };
    for (const Row& row : rows) {
        CAPTURE(row.state);
        CAPTURE(row.code);
        const Outcome outcome = map(row.status, error_body(row.state, row.code));
        CHECK(outcome.kind == row.kind);
        CHECK(outcome.reason == row.reason);
        CHECK(outcome.scope == row.scope);
        CHECK(outcome.code == (*row.code != 0 ? row.code : row.state));
        CHECK(outcome.drop_address == (row.reason == Reason::gone));
        CHECK(outcome.quarantine_address == (row.reason == Reason::wrong_app));
        CHECK(outcome.failover_ok == (row.kind == invalid_recipient));
        CHECK(outcome.pause_account == (row.reason == Reason::credential));
        CHECK(outcome.abort_campaign == (row.reason == Reason::payload || row.reason == Reason::config));
        CHECK(outcome.refresh_credential == (std::string_view(row.state) == "UNAUTHENTICATED" && *row.code == 0));
        CHECK(outcome.text.find(registration) == std::string::npos);
        if (row.reason == Reason::server && row.status >= 500) CHECK(outcome.min_backoff == std::chrono::seconds(10));
    }
}

TEST_CASE("an invalid argument condemns the address only when FCM points at it") {
    for (const char* field : {"message.token", "message.fid"}) {
        const Outcome outcome = map(400, error_body("INVALID_ARGUMENT", "INVALID_ARGUMENT", violation(field)));
        CHECK(outcome.reason == Reason::malformed);
        CHECK(outcome.quarantine_address);
        CHECK_FALSE(outcome.drop_address);
    }
    const Outcome other =
        map(400, error_body("INVALID_ARGUMENT", "INVALID_ARGUMENT", violation("message.android.ttl")));
    CHECK(other.reason == Reason::payload);
    CHECK_FALSE(other.quarantine_address);
}

TEST_CASE("answers that are no JSON go by their status, and a bare 404 is never the address's fault") {
    const auto bare = [](int status) { return fcm_outcome(answer(status, "<html>oops</html>"), registration, monday); };
    CHECK(bare(200).kind == OutcomeClass::unknown);
    CHECK(fcm_outcome(answer(200, ""), registration, monday).kind == OutcomeClass::accepted);
    CHECK(fcm_outcome(answer(200, "{\"name\": \"proj"), registration, monday).kind == OutcomeClass::accepted);
    CHECK(bare(404).reason == Reason::config);
    CHECK_FALSE(bare(404).drop_address);
    CHECK(bare(401).refresh_credential);
    CHECK(bare(502).reason == Reason::server);
    CHECK(bare(504).kind == OutcomeClass::transient);
    CHECK(bare(429).reason == Reason::rate);
    CHECK(bare(400).reason == Reason::unmapped);
    for (const char* body :
         {"", "[]", "{\"error\":5}", "{\"error\":{\"details\":{}}}", "{\"error\":{\"details\":[3]}}"}) {
        CHECK(fcm_outcome(answer(418, body), registration, monday).reason == Reason::unmapped);
    }
}

TEST_CASE("a quota waits as long as it is told, else a minute; a device's quota is that device's alone") {
    CHECK(map(429, error_body("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")).min_backoff == std::chrono::seconds(60));
    const Outcome told = map(429, error_body("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), {{"retry-after", "5"}});
    CHECK(told.retry_after == std::chrono::seconds(5));
    CHECK(told.min_backoff == Duration{0});
    const Outcome device = map(429, error_body("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", quota("device:x")));
    CHECK(device.reason == Reason::device_rate);
    CHECK(device.scope == Scope::recipient);
    CHECK(map(429, error_body("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", quota("project:bank"))).reason == Reason::quota);
}

TEST_CASE("an accepted message keeps its name") {
    const Outcome outcome = map(200, {{"name", "projects/bank-app/messages/0:15"}});
    CHECK(outcome.kind == OutcomeClass::accepted);
    CHECK(outcome.provider_id == "projects/bank-app/messages/0:15");
}

TEST_CASE("the body is what FCM's reference describes") {
    const Attempt attempt = sample_attempt(registration);
    const net::HttpRequest request = protocol().request(attempt, "ya29.x", monday);
    CHECK(request.url == "https://fcm.googleapis.com/v1/projects/bank-app/messages:send");
    CHECK(header(request, "authorization") == "Bearer ya29.x");
    const auto& m = attempt.message;
    CHECK(json::parse(request.body) ==
          json{{"message",
                {{"token", registration},
                 {"notification", {{"title", m.title}, {"body", m.body}}},
                 {"data", {{"link", m.link}, {"k", "v"}, {"쿠폰", "A\\B"}}},
                 {"android",
                  {{"priority", "HIGH"},
                   {"ttl", "14400s"},
                   {"collapse_key", m.collapse},
                   {"notification", {{"tag", m.collapse}}}}},
                 {"apns", {{"headers", {{"apns-collapse-id", m.collapse}, {"apns-expiration", "1795406400"}}}}}}}});
}

TEST_CASE("parts that are empty are left out and the rest stays valid") {
    for (int mask = 0; mask < 16; ++mask) {
        Attempt attempt = sample_attempt("fid:cXyz-1");
        if (mask & 1) attempt.expires.reset();
        if (mask & 2) attempt.message.collapse.clear();
        if (mask & 4) attempt.message.link.clear();
        if (mask & 8) attempt.message.data.clear();
        const json message = json::parse(protocol().body(attempt, monday)).at("message");
        CHECK(message["fid"] == "cXyz-1");
        CHECK_FALSE(message.contains("token"));
        CHECK(message["android"].contains("ttl") == attempt.expires.has_value());
        CHECK(message["android"].contains("collapse_key") == !attempt.message.collapse.empty());
        CHECK(message.contains("apns") == (attempt.expires || !attempt.message.collapse.empty()));
        CHECK(message["data"].contains("link") == !attempt.message.link.empty());
        for (const auto& [key, value] : message["data"].items()) CHECK(value.is_string());
    }
}

TEST_CASE("a time to live is never negative and never over 28 days") {
    Attempt attempt = sample_attempt(registration);
    attempt.expires = monday - std::chrono::hours(1);
    CHECK(json::parse(protocol().body(attempt, monday))["message"]["android"]["ttl"] == "0s");
    attempt.expires = monday + std::chrono::hours(24 * 60);
    CHECK(json::parse(protocol().body(attempt, monday))["message"]["android"]["ttl"] == "2419200s");
}

TEST_CASE("FCM's reserved data keys and a payload over 4096 bytes are refused before sending") {
    for (const char* key : {"from", "gcm", "gcm.x", "google.y", "google", "message_type", "link"}) {
        Attempt attempt = sample_attempt(registration);
        attempt.message.data = {{key, "v"}};
        CHECK_FALSE(protocol().check(attempt));
    }
    Attempt attempt = sample_attempt(registration);
    CHECK(protocol().check(attempt));
    attempt.message.body = std::string(4096, 'x');
    const auto too_long = protocol().check(attempt);
    REQUIRE_FALSE(too_long);
    CHECK(too_long.error().code == Errc::refused);  // the message's fault: it stops the campaign
    const auto no_address = protocol().check(sample_attempt(""));
    REQUIRE_FALSE(no_address);
    CHECK(no_address.error().code == Errc::invalid);  // this recipient's fault alone
    CHECK_FALSE(protocol().check(sample_attempt("fid:")));
    CHECK_FALSE(protocol().check(sample_attempt("with space")));
}

TEST_CASE("what the token endpoint says becomes a token or an outcome for everyone who waits") {
    const auto grant = [](int status, const std::string& body) {
        net::HttpResult result;
        result.transport = net::Transport::ok;
        result.response = answer(status, body);
        return fcm_grant(result, monday);
    };
    const FcmGrant good = grant(200, R"({"access_token":"ya29.abc","expires_in":3599,"token_type":"Bearer"})");
    CHECK(good.access_token == "ya29.abc");
    CHECK(good.lifetime == std::chrono::seconds(3599));
    CHECK(grant(200, R"({"access_token":"ya29.abc"})").lifetime == std::chrono::hours(1));

    const FcmGrant revoked = grant(400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})");
    CHECK(revoked.access_token.empty());
    CHECK(revoked.refusal.reason == Reason::credential);
    CHECK(revoked.refusal.pause_account);
    CHECK(revoked.refusal.code == "invalid_grant");
    CHECK(revoked.refusal.text.find("Invalid JWT Signature") != std::string::npos);

    CHECK(grant(503, "<html>").refusal.kind == OutcomeClass::transient);
    CHECK(grant(429, "").refusal.kind == OutcomeClass::throttled);
    for (const char* body : {"", "{}", R"({"access_token":7})", R"({"access_token":"a\r\nx: y"})"}) {
        CHECK(grant(200, body).access_token.empty());
        CHECK(grant(200, body).refusal.kind == OutcomeClass::transient);
    }
    net::HttpResult lost;
    lost.transport = net::Transport::ambiguous;
    // No message had left: whatever became of the token request, nobody is in doubt.
    CHECK(fcm_grant(lost, monday).refusal.kind == OutcomeClass::transient);
}
