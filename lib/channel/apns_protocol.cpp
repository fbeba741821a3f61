#include "channel/apns_protocol.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "channel/answer.hpp"
#include "channel/endpoint.hpp"
#include "net/crypto.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::channel {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t token_limit = 200;
constexpr std::size_t collapse_limit = 64;

enum Slot : std::size_t { slot_title, slot_body, slot_link, slot_count };

constexpr auto bad_recipient = OutcomeClass::invalid_recipient;
constexpr auto rejected = OutcomeClass::rejected;
constexpr auto throttled = OutcomeClass::throttled;
constexpr auto transient = OutcomeClass::transient;

// Apple allows a retry after a 5xx only after 15 minutes.
constexpr Duration server_wait = minutes(15);

constexpr auto table = std::to_array<AnswerRow>({
    {"Unregistered", bad_recipient, Reason::gone, Scope::recipient, consequence::drop},
    {"ExpiredToken", bad_recipient, Reason::gone, Scope::recipient, consequence::drop},
    {"BadDeviceToken", bad_recipient, Reason::malformed, Scope::recipient, consequence::quarantine},
    {"DeviceTokenNotForTopic", bad_recipient, Reason::wrong_app, Scope::recipient, consequence::quarantine},
    {"PayloadTooLarge", rejected, Reason::payload, Scope::message, consequence::abort},
    {"PayloadEmpty", rejected, Reason::payload, Scope::message, consequence::abort},
    {"BadCollapseId", rejected, Reason::payload, Scope::message, consequence::abort},
    {"BadExpirationDate", rejected, Reason::payload, Scope::message, consequence::abort},
    {"BadPriority", rejected, Reason::payload, Scope::message, consequence::abort},
    {"InvalidPushType", rejected, Reason::payload, Scope::message, consequence::abort},
    {"BadTopic", rejected, Reason::config, Scope::campaign, consequence::abort},
    {"MissingTopic", rejected, Reason::config, Scope::campaign, consequence::abort},
    {"TopicDisallowed", rejected, Reason::config, Scope::campaign, consequence::abort},
    {"BadMessageId", rejected, Reason::client_bug, Scope::campaign, consequence::abort},
    {"DuplicateHeaders", rejected, Reason::client_bug, Scope::campaign, consequence::abort},
    {"MissingDeviceToken", rejected, Reason::client_bug, Scope::campaign, consequence::abort},
    {"BadPath", rejected, Reason::client_bug, Scope::campaign, consequence::abort},
    {"MethodNotAllowed", rejected, Reason::client_bug, Scope::campaign, consequence::abort},
    {"Forbidden", rejected, Reason::config, Scope::recipient},
    {"InvalidProviderToken", rejected, Reason::credential, Scope::account, consequence::pause},
    {"MissingProviderToken", rejected, Reason::credential, Scope::account, consequence::pause},
    {"BadCertificate", rejected, Reason::credential, Scope::account, consequence::pause},
    {"BadCertificateEnvironment", rejected, Reason::credential, Scope::account, consequence::pause},
    // Apple's page spells the first, its servers have been seen to send the second.
    {"BadEnvironmentKeyIdInToken", rejected, Reason::credential, Scope::account, consequence::pause},
    {"BadEnvironmentKeyInToken", rejected, Reason::credential, Scope::account, consequence::pause},
    {"ExpiredProviderToken", transient, Reason::server, Scope::account, consequence::refresh | consequence::reconnect},
    {"UnrelatedKeyIdInToken", transient, Reason::network, Scope::connection, consequence::reconnect},
    {"TooManyRequests", throttled, Reason::device_rate, Scope::recipient, 0, seconds(60)},
    {"TooManyProviderTokenUpdates", throttled, Reason::token_minting, Scope::account, 0, seconds(60)},
    {"IdleTimeout", transient, Reason::shutdown, Scope::connection, consequence::reconnect, seconds(1)},
    {"Shutdown", transient, Reason::shutdown, Scope::connection, consequence::reconnect, server_wait},
    {"InternalServerError", transient, Reason::server, Scope::provider, 0, server_wait},
    {"ServiceUnavailable", transient, Reason::server, Scope::provider, 0, server_wait},
});

bool hexadecimal(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

JsonSkeleton layout(const std::string& push_type) {
    JsonSkeleton skeleton;
    if (push_type == "background") {
        // No alert may be in it; the app finds the texts beside `aps`.
        skeleton.text(R"({"aps":{"content-available":1})")
            .optional(R"(,"title":)", slot_title, "")
            .optional(R"(,"body":)", slot_body, "");
    } else {
        skeleton.text(R"({"aps":{"alert":{)")
            .optional(R"("title":)", slot_title, ",")
            .text(R"("body":)")
            .value(slot_body)
            .text("}}");
    }
    return skeleton.optional(R"(,"link":)", slot_link, "").pairs().text("}");
}

/// `refused` for the message, `invalid` for an address alone: the first stops a campaign, the second costs one
/// recipient.
Error fault(Errc code, std::string what, std::string hint) {
    return Error{code, std::move(what), {}, std::move(hint)};
}

}  // namespace

bool valid_device_token(std::string_view token) {
    return !token.empty() && token.size() <= token_limit && token.size() % 2 == 0 &&
           std::all_of(token.begin(), token.end(), hexadecimal);
}

std::string apns_collapse_id(std::string_view collapse) {
    const auto visible = [](char c) { return c > 0x20 && c < 0x7F; };
    if (collapse.size() <= collapse_limit && std::all_of(collapse.begin(), collapse.end(), visible)) {
        return std::string(collapse);
    }
    return net::sha256_hex(collapse).substr(0, collapse_limit);
}

ApnsProtocol::ApnsProtocol(const ApnsOptions& options, Duration timeout)
    : skeleton_(layout(options.push_type)),
      topic_(options.topic),
      push_type_(options.push_type),
      priority_(std::to_string(options.apns_priority)),
      timeout_(timeout) {
    if (const auto endpoint = parse_endpoint(options.url)) url_ = endpoint->base + "/3/device/";
}

std::string ApnsProtocol::payload(const Attempt& attempt) const {
    const RenderedMessage& message = attempt.message;
    const std::string_view values[slot_count] = {message.title, message.body, message.link};
    std::string out;
    out.reserve(128 + message.title.size() + message.body.size() + message.link.size());
    skeleton_.render(out, values, message.data);
    return out;
}

Result<void> ApnsProtocol::check(const Attempt& attempt) const {
    if (!valid_device_token(attempt.address)) {
        return fault(Errc::invalid, "the address " + mask(attempt.address) + " is not an APNs device token",
                     "device tokens are hexadecimal, of even length, at most 200 characters");
    }
    // Beside `aps` the keys below are written by us: a second one would make the document ambiguous.
    const bool background = push_type_ == "background";
    for (const auto& [key, value] : attempt.message.data) {
        const bool ours = key == "aps" || (key == "link" && !attempt.message.link.empty()) ||
                          (background && (key == "title" || key == "body"));
        if (ours) return fault(Errc::refused, "the data key \"" + key + "\" is taken on APNs", "give it another name");
    }
    if (const std::size_t size = payload(attempt).size(); size > payload_limit) {
        return fault(Errc::refused, "the payload is " + std::to_string(size) + " bytes and APNs takes 4096",
                     "shorten the body or the data");
    }
    return {};
}

net::HttpRequest ApnsProtocol::request(const Attempt& attempt, std::string_view bearer) const {
    net::HttpRequest request;
    request.url = url_ + attempt.address;
    request.timeout = timeout_;
    request.headers.reserve(8);
    if (!bearer.empty()) request.headers.emplace_back("authorization", "bearer " + std::string(bearer));
    request.headers.emplace_back("apns-topic", topic_);
    request.headers.emplace_back("apns-push-type", push_type_);
    request.headers.emplace_back("apns-priority", priority_);
    if (!attempt.id.empty()) request.headers.emplace_back("apns-id", attempt.id);
    if (attempt.expires) {
        const auto at = std::chrono::floor<seconds>(attempt.expires->time_since_epoch()).count();
        request.headers.emplace_back("apns-expiration", std::to_string(at));
    }
    if (!attempt.message.collapse.empty()) {
        request.headers.emplace_back("apns-collapse-id", apns_collapse_id(attempt.message.collapse));
    }
    request.headers.emplace_back("content-type", "application/json");
    request.body = payload(attempt);
    return request;
}

Outcome apns_outcome(const net::HttpResponse& response, std::string_view address, WallTime now) {
    const std::string_view addresses[] = {address};
    if (response.status == 200) {
        Outcome outcome = foreign(response.body)
                              ? ambiguous("200 without APNs' answer: " + scrub(response.body, addresses, 100))
                              : accepted(scrub(response.header("apns-id"), addresses, 64));
        outcome.http_status = response.status;
        return outcome;
    }
    const auto json = nlohmann::json::parse(response.body, nullptr, false);
    std::string reason;
    std::optional<WallTime> since;
    if (json.is_object()) {
        if (const auto found = json.find("reason"); found != json.end() && found->is_string()) {
            reason = found->get<std::string>();
        }
        const auto found = json.find("timestamp");
        if (response.status == 410 && found != json.end() && found->is_number_integer()) {
            const auto at = found->get<std::int64_t>();
            if (at > 0) since = WallTime(std::chrono::milliseconds(at));
        }
    }
    Outcome outcome;
    std::string_view text = response.body;
    if (const AnswerRow* row = find_row(table, reason)) {
        text = reason;
        outcome = outcome_of(*row);
        if (outcome.reason == Reason::gone) outcome.invalid_since = since;
    } else if (reason.empty() && response.status == 413) {
        outcome = outcome_of(*find_row(table, "PayloadTooLarge"));
    } else {
        outcome = outcome_of_status(response.status);
        if (outcome.kind == transient) outcome.min_backoff = server_wait;
        if (outcome.kind == throttled) outcome.min_backoff = seconds(60);
    }
    describe(outcome, response, reason, text, addresses, now);
    return outcome;
}

}  // namespace tidegate::channel
