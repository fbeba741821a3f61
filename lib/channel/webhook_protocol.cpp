#include "channel/webhook_protocol.hpp"

#include <nlohmann/json.hpp>

#include "channel/answer.hpp"
#include "net/crypto.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::channel {
namespace {

using nlohmann::json;
using std::chrono::seconds;

enum Slot : std::size_t {
    slot_id,
    slot_campaign,
    slot_key,
    slot_address,
    slot_title,
    slot_body,
    slot_link,
    slot_attempt,
    slot_expires,
    slot_count
};

AnswerRow row_of(int status, bool gone) {
    constexpr auto rejected = OutcomeClass::rejected;
    constexpr auto transient = OutcomeClass::transient;
    switch (status) {
        case 404:
        case 410:
            if (gone) return {"", OutcomeClass::invalid_recipient, Reason::gone, Scope::recipient, consequence::drop};
            return {"", rejected, Reason::config, Scope::campaign, consequence::abort};
        case 301:
        case 302:
        case 303:
        case 307:
        case 308:
        case 405:
            return {"", rejected, Reason::config, Scope::campaign, consequence::abort};
        case 400:
        case 413:
        case 415:
        case 422:
            return {"", rejected, Reason::payload, Scope::message, consequence::abort};
        case 401:
        case 403:
            return {"", rejected, Reason::credential, Scope::account, consequence::pause};
        case 408:
        case 425:
            return {"", transient, Reason::server, Scope::provider, 0, seconds(1)};
        case 429:
            return {"", OutcomeClass::throttled, Reason::rate, Scope::account, 0, seconds(1)};
        default:
            break;
    }
    if (status >= 500 && status <= 599) {
        return {"", transient, Reason::server, Scope::provider, 0, seconds(1)};
    }
    return {"", OutcomeClass::unknown, Reason::unmapped, Scope::recipient};
}

std::string text_of(const json& object, const char* name) {
    if (!object.is_object()) return {};
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

WebhookProtocol::WebhookProtocol(const WebhookOptions& options, Duration timeout)
    : url_(options.url), secret_(options.secret), timeout_(timeout) {
    skeleton_.text(R"({"id":)").value(slot_id);
    skeleton_.text(R"(,"campaign":)").value(slot_campaign);
    skeleton_.text(R"(,"key":)").value(slot_key);
    skeleton_.text(R"(,"address":)").value(slot_address);
    skeleton_.text(R"(,"title":)").value(slot_title);
    skeleton_.text(R"(,"body":)").value(slot_body);
    skeleton_.text(R"(,"link":)").value(slot_link);
    skeleton_.text(R"(,"data":{)").pairs().text("}");
    skeleton_.text(R"(,"attempt":)").raw(slot_attempt);
    skeleton_.text(R"(,"expires":)").raw(slot_expires).text("}");
}

std::string WebhookProtocol::body(const Attempt& attempt) const {
    const RenderedMessage& message = attempt.message;
    const std::string number = std::to_string(attempt.number);
    std::string expires = "null";
    if (attempt.expires) expires = '"' + format_wall_time(*attempt.expires) + '"';
    const std::string_view values[slot_count] = {attempt.id,      attempt.campaign, attempt.key,
                                                 attempt.address, message.title,    message.body,
                                                 message.link,    number,           expires};
    std::string out;
    out.reserve(256 + message.title.size() + message.body.size());
    skeleton_.render(out, values, message.data);
    return out;
}

Result<void> WebhookProtocol::check(const Attempt& attempt) const {
    if (attempt.address.empty()) {
        return Error{Errc::invalid, "the address is empty", {}, "give the recipient a key or a webhook address"};
    }
    return {};
}

std::string idempotency_key(const Attempt& attempt) {
    return net::uuid_of("tidegate webhook\n" + attempt.campaign + '\n' + std::to_string(attempt.delivery));
}

std::string webhook_signature(const Secret& secret, std::string_view timestamp, std::string_view body) {
    std::string text(timestamp);
    text += '.';
    text += body;
    const auto mac = net::hmac_sha256(secret.reveal(), text);
    return "v1=" + net::hex({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

net::HttpRequest WebhookProtocol::request(const Attempt& attempt, WallTime wall) const {
    net::HttpRequest request;
    request.url = url_;
    request.timeout = timeout_;
    request.body = body(attempt);
    const std::string stamp = std::to_string(std::chrono::floor<seconds>(wall.time_since_epoch()).count());
    request.headers = {{"Content-Type", "application/json"},
                       {"Idempotency-Key", idempotency_key(attempt)},
                       {"Tidegate-Timestamp", stamp}};
    if (!secret_.empty()) {
        request.headers.emplace_back("Tidegate-Signature", webhook_signature(secret_, stamp, request.body));
    }
    return request;
}

Outcome webhook_outcome(const net::HttpResponse& response, std::span<const std::string_view> addresses, WallTime now) {
    const json document = json::parse(response.body, nullptr, false);
    if (response.status >= 200 && response.status <= 299) {
        Outcome outcome = accepted(scrub(text_of(document, "id"), addresses));
        outcome.http_status = response.status;
        return outcome;
    }
    const std::string reason = text_of(document, "reason");
    Outcome outcome = outcome_of(row_of(response.status, reason == "gone"));
    describe(outcome, response, reason, response.body, addresses, now);
    return outcome;
}

}  // namespace tidegate::channel
