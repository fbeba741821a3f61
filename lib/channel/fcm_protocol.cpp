#include "channel/fcm_protocol.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "channel/answer.hpp"
#include "channel/apns_protocol.hpp"
#include "channel/endpoint.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::channel {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::string_view fid_prefix = "fid:";
constexpr std::int64_t longest_ttl = 2'419'200;  // 28 days
constexpr std::string_view fcm_error_type = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
constexpr std::string_view bad_request_type = "type.googleapis.com/google.rpc.BadRequest";
constexpr std::string_view quota_failure_type = "type.googleapis.com/google.rpc.QuotaFailure";

// `slot_target` is JSON already: `"token":"..."` or `"fid":"..."`.
enum Slot : std::size_t {
    slot_target,
    slot_title,
    slot_body,
    slot_link,
    slot_ttl,
    slot_collapse,
    slot_ios_collapse,
    slot_ios_tail,
    slot_count
};

constexpr auto bad_recipient = OutcomeClass::invalid_recipient;
constexpr auto rejected = OutcomeClass::rejected;
constexpr auto transient = OutcomeClass::transient;
constexpr Duration server_wait = seconds(10);
constexpr Duration quota_wait = seconds(60);

constexpr auto table = std::to_array<AnswerRow>({
    {"UNREGISTERED", bad_recipient, Reason::gone, Scope::recipient, consequence::drop},
    {"SENDER_ID_MISMATCH", bad_recipient, Reason::wrong_app, Scope::recipient, consequence::quarantine},
    {"INVALID_ARGUMENT", rejected, Reason::payload, Scope::message, consequence::abort},
    {"UNAUTHENTICATED", transient, Reason::server, Scope::account, consequence::refresh},
    {"THIRD_PARTY_AUTH_ERROR", rejected, Reason::credential, Scope::account, consequence::pause},
    {"APNS_AUTH_ERROR", rejected, Reason::credential, Scope::account, consequence::pause},
    {"PERMISSION_DENIED", rejected, Reason::credential, Scope::account, consequence::pause},
    {"NOT_FOUND", rejected, Reason::config, Scope::campaign, consequence::abort},
    {"QUOTA_EXCEEDED", OutcomeClass::throttled, Reason::quota, Scope::account, 0, quota_wait},
    {"RESOURCE_EXHAUSTED", OutcomeClass::throttled, Reason::rate, Scope::account, 0, quota_wait},
    {"INTERNAL", transient, Reason::server, Scope::provider, 0, server_wait},
    {"UNAVAILABLE", transient, Reason::server, Scope::provider, 0, server_wait},
    {"UNSPECIFIED_ERROR", OutcomeClass::unknown, Reason::unmapped, Scope::recipient},
    {"DEADLINE_EXCEEDED", transient, Reason::server, Scope::provider, 0, server_wait},
});

/// `refused` for the message, `invalid` for an address alone: the first stops a campaign, the second costs one
/// recipient.
Error fault(Errc code, std::string what, std::string hint) {
    return Error{code, std::move(what), {}, std::move(hint)};
}

std::string text_of(const json& object, const char* name) {
    if (!object.is_object()) return {};
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The parts of Google's error document that decide.
struct FcmError {
    std::string code;    // FcmError.errorCode
    std::string status;  // error.status
    std::string message;
    bool address_at_fault = false;
    std::string quota_subject;
};

FcmError read_error(const std::string& body) {
    FcmError read;
    const json document = json::parse(body, nullptr, false);
    if (!document.is_object() || !document.contains("error") || !document["error"].is_object()) return read;
    const json& error = document["error"];
    read.status = text_of(error, "status");
    read.message = text_of(error, "message");
    const auto details = error.find("details");
    if (details == error.end() || !details->is_array()) return read;
    for (const json& detail : *details) {
        const std::string type = text_of(detail, "@type");
        if (type == fcm_error_type && read.code.empty()) read.code = text_of(detail, "errorCode");
        const bool fields = type == bad_request_type;
        if (!fields && type != quota_failure_type) continue;
        const auto violations = detail.find(fields ? "fieldViolations" : "violations");
        if (violations == detail.end() || !violations->is_array()) continue;
        for (const json& violation : *violations) {
            const std::string field = text_of(violation, "field");
            if (fields && (field == "message.token" || field == "message.fid")) read.address_at_fault = true;
            if (!fields) read.quota_subject += text_of(violation, "subject") + ' ' + text_of(violation, "description");
        }
    }
    return read;
}

std::string_view status_name(int status) {
    switch (status) {
        case 401:
            return "UNAUTHENTICATED";
        case 403:
            return "PERMISSION_DENIED";
        case 404:
            return "NOT_FOUND";
        case 429:
            return "RESOURCE_EXHAUSTED";
        case 500:
            return "INTERNAL";
        case 502:
        case 503:
        case 504:
            return "UNAVAILABLE";
        default:
            return {};
    }
}

// A quota can be one device's; then only that device has to wait.
void narrow_quota(Outcome& outcome, std::string subject) {
    std::transform(subject.begin(), subject.end(), subject.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (subject.find("device") == std::string::npos) return;
    outcome.reason = Reason::device_rate;
    outcome.scope = Scope::recipient;
}

void lay_out_payload(JsonSkeleton& skeleton) {
    skeleton.text(R"("notification":{)")
        .optional(R"("title":)", slot_title, ",")
        .text(R"("body":)")
        .value(slot_body)
        .text(R"(},"data":{)")
        .optional(R"("link":)", slot_link, "")
        .pairs()
        .text("}");
}

}  // namespace

FcmProtocol::FcmProtocol(const FcmOptions& options, const std::string& project_id, Duration timeout)
    : timeout_(timeout) {
    if (const auto endpoint = parse_endpoint(options.url)) {
        url_ = endpoint->base + "/v1/projects/" + project_id + "/messages:send";
    }
    lay_out_payload(payload_);
    skeleton_.text(R"({"message":{)").raw(slot_target).text(",");
    lay_out_payload(skeleton_);
    skeleton_.text(R"(,"android":{"priority":)");
    std::string priority;
    append_json_string(priority, options.priority);
    skeleton_.text(priority)
        .optional(R"(,"ttl":)", slot_ttl, "")
        .optional(R"(,"collapse_key":)", slot_collapse, "")
        .optional(R"(,"notification":{"tag":)", slot_collapse, "}")
        .text("}")
        .optional(R"(,"apns":{"headers":{"apns-collapse-id":)", slot_ios_collapse, "")
        .optional_raw("", slot_ios_tail, "")
        .text("}}");
}

std::string FcmProtocol::body(const Attempt& attempt, WallTime wall) const {
    const RenderedMessage& message = attempt.message;
    std::string target;
    const bool fid = attempt.address.starts_with(fid_prefix);
    target = fid ? R"("fid":)" : R"("token":)";
    append_json_string(target, std::string_view(attempt.address).substr(fid ? fid_prefix.size() : 0));

    std::string ttl, tail, ios_collapse;  // tail: the rest of the `apns` object, JSON already
    if (!message.collapse.empty()) ios_collapse = apns_collapse_id(message.collapse);
    if (attempt.expires) {
        const auto left = std::chrono::floor<seconds>(*attempt.expires - wall).count();
        ttl = std::to_string(std::clamp<std::int64_t>(left, 0, longest_ttl)) + "s";
        // The Android ttl does not reach an iPhone behind FCM: there the header of APNs does.
        const auto at = std::chrono::floor<seconds>(attempt.expires->time_since_epoch()).count();
        tail = ios_collapse.empty() ? R"(,"apns":{"headers":{)" : ",";
        tail += R"("apns-expiration":")" + std::to_string(at) + "\"";
    }
    if (!tail.empty() || !ios_collapse.empty()) tail += "}}";

    const std::string_view values[slot_count] = {target, message.title,    message.body, message.link,
                                                 ttl,    message.collapse, ios_collapse, tail};
    std::string out;
    out.reserve(512 + message.title.size() + message.body.size());
    skeleton_.render(out, values, message.data);
    return out;
}

bool FcmProtocol::valid_address(std::string_view address) {
    const auto unprintable = [](char c) { return c <= 0x20 || c == 0x7F; };  // c < 0: beyond ASCII, no token has it
    return !address.empty() && address != fid_prefix && std::none_of(address.begin(), address.end(), unprintable);
}

Result<void> FcmProtocol::check(const Attempt& attempt) const {
    if (!valid_address(attempt.address)) {
        return fault(Errc::invalid, "the address " + mask(attempt.address) + " is not an FCM registration",
                     "it is the registration token, or \"fid:\" and the installation id");
    }
    for (const auto& [key, value] : attempt.message.data) {
        if (key == "from" || key == "message_type" || key.starts_with("google") || key.starts_with("gcm")) {
            return fault(Errc::refused, "the data key \"" + key + "\" is reserved by FCM", "give it another name");
        }
        if (key == "link" && !attempt.message.link.empty()) {
            return fault(Errc::refused, "the data key \"link\" is taken by the message's own link",
                         "give it another name");
        }
    }
    const RenderedMessage& message = attempt.message;
    const std::string_view values[slot_count] = {"", message.title, message.body, message.link};
    std::string payload;
    payload_.render(payload, values, message.data);
    if (payload.size() > payload_limit) {
        return fault(Errc::refused, "the payload is " + std::to_string(payload.size()) + " bytes and FCM takes 4096",
                     "shorten the body or the data");
    }
    return {};
}

net::HttpRequest FcmProtocol::request(const Attempt& attempt, std::string_view access_token, WallTime wall) const {
    net::HttpRequest request;
    request.url = url_;
    request.timeout = timeout_;
    request.headers = {{"authorization", "Bearer " + std::string(access_token)},
                       {"content-type", "application/json; charset=UTF-8"}};
    request.body = body(attempt, wall);
    return request;
}

Outcome fcm_outcome(const net::HttpResponse& response, std::string_view address, WallTime now) {
    const std::string_view bare = address.starts_with(fid_prefix) ? address.substr(fid_prefix.size()) : address;
    const std::string_view addresses[] = {bare};
    if (response.status == 200) {
        const json document = json::parse(response.body, nullptr, false);
        Outcome outcome = foreign(response.body)
                              ? ambiguous("200 without FCM's answer: " + scrub(response.body, addresses, 100))
                              : accepted(scrub(text_of(document, "name"), addresses));
        outcome.http_status = response.status;
        return outcome;
    }
    const FcmError error = read_error(response.body);
    std::string code = error.code;
    if (code.empty()) code = error.status;
    if (code.empty()) code = status_name(response.status);

    Outcome outcome;
    if (code == "INVALID_ARGUMENT" && error.address_at_fault) {
        outcome = outcome_of({code, bad_recipient, Reason::malformed, Scope::recipient, consequence::quarantine});
    } else if (const AnswerRow* row = find_row(table, code)) {
        outcome = outcome_of(*row);
    } else {
        outcome = outcome_of_status(response.status);
        if (outcome.kind == transient) outcome.min_backoff = server_wait;
        if (outcome.kind == OutcomeClass::throttled) outcome.min_backoff = quota_wait;
    }
    if (outcome.kind == OutcomeClass::throttled) narrow_quota(outcome, error.quota_subject);
    describe(outcome, response, error.code.empty() ? error.status : error.code,
             error.message.empty() ? response.body : error.message, addresses, now);
    // The minute is what Google asks for when it names no time itself.
    if (outcome.kind == OutcomeClass::throttled && outcome.retry_after) outcome.min_backoff = Duration{0};
    return outcome;
}

std::string fcm_assertion(const ServiceAccount& account, const net::SigningKey& key, WallTime wall) {
    const auto now = std::chrono::floor<seconds>(wall.time_since_epoch()).count();
    std::string header = R"({"alg":"RS256","typ":"JWT","kid":)";
    append_json_string(header, account.private_key_id);
    header += '}';
    std::string claims = R"({"iss":)";
    append_json_string(claims, account.client_email);
    claims += R"(,"scope":"https://www.googleapis.com/auth/firebase.messaging","aud":)";
    append_json_string(claims, account.token_uri);
    claims += ",\"iat\":" + std::to_string(now) + ",\"exp\":" + std::to_string(now + 3600) + "}";
    return net::jws(header, claims, key);
}

net::HttpRequest fcm_token_request(const ServiceAccount& account, std::string_view assertion, Duration timeout) {
    net::HttpRequest request;
    request.url = account.token_uri;
    request.timeout = timeout;
    request.headers = {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "application/json"}};
    // An assertion holds base64url and dots only: nothing in it needs escaping.
    request.body =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + std::string(assertion);
    return request;
}

FcmGrant fcm_grant(const net::HttpResult& result, WallTime now) {
    FcmGrant grant;
    Outcome& refusal = grant.refusal;
    if (result.transport != net::Transport::ok) {
        // Whatever became of the token request, no message has left: sending again is safe.
        refusal = not_sent("no access token: " + scrub(result.error, {}, 160));
        refusal.min_backoff = seconds(1);
        return grant;
    }
    const net::HttpResponse& response = result.response;
    const json document = json::parse(response.body, nullptr, false);
    if (response.status == 200) {
        grant.access_token = text_of(document, "access_token");
        const bool visible = std::all_of(grant.access_token.begin(), grant.access_token.end(),
                                         [](char c) { return c > 0x20 && c < 0x7F; });
        if (!grant.access_token.empty() && visible) {
            const auto found = document.find("expires_in");
            double lifetime = 3600.0;
            if (found != document.end() && found->is_number()) lifetime = found->get<double>();
            lifetime = std::isfinite(lifetime) ? std::clamp(lifetime, 1.0, 86400.0) : 3600.0;
            grant.lifetime = std::chrono::duration_cast<Duration>(Seconds(lifetime));
            return grant;
        }
        grant.access_token.clear();
    }
    const std::string code = text_of(document, "error");
    refusal = outcome_of_status(response.status);
    if (response.status == 408) refusal = outcome_of_status(503);
    if (refusal.kind == transient) refusal.min_backoff = server_wait;
    if (response.status >= 400 && response.status < 500 && refusal.kind == OutcomeClass::unknown) {
        refusal = as_credential_fault(refusal);
    } else if (refusal.kind == OutcomeClass::unknown) {
        // A 200 without a token, a redirect: nothing was sent, so nothing is in doubt.
        refusal = not_sent({});
        refusal.min_backoff = server_wait;
    }
    const std::string said = text_of(document, "error_description");
    // The body of a strange 200 could hold a token: never quoted.
    const std::string detail = response.status == 200 ? std::string("an answer without a usable token") : said;
    describe(refusal, response, code, "no access token: " + (detail.empty() ? code : detail), {}, now);
    return grant;
}

}  // namespace tidegate::channel
