#include "providers.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <exception>
#include <nlohmann/json.hpp>

namespace twin {

namespace {

using nlohmann::json;

HttpReply fcm_error(int code, std::string_view status, std::string_view message, std::string_view detail,
                    std::string_view field = {}) {
    json body{{"error", {{"code", code}, {"message", message}, {"status", status}}}};
    if (!detail.empty()) {
        body["error"]["details"].push_back(
            {{"@type", "type.googleapis.com/google.firebase.fcm.v1.FcmError"}, {"errorCode", detail}});
    }
    if (!field.empty()) {
        body["error"]["details"].push_back({{"@type", "type.googleapis.com/google.rpc.BadRequest"},
                                            {"fieldViolations", {{{"field", field}, {"description", message}}}}});
    }
    return {code, body.dump(), "application/json; charset=UTF-8", {}};
}

HttpReply bad_field(std::string_view field, std::string_view why) {
    return fcm_error(400, "INVALID_ARGUMENT", why, "INVALID_ARGUMENT", field);
}

bool only_known(const json& object, std::initializer_list<std::string_view> known) {
    return std::all_of(object.items().begin(), object.items().end(), [&](const auto& item) {
        return std::find(known.begin(), known.end(), item.key()) != known.end();
    });
}

bool strings_only(const json& object) {
    return object.is_object() && std::all_of(object.begin(), object.end(), [](const json& v) { return v.is_string(); });
}

/// "3600s" or "3.5s", up to four weeks.
bool good_ttl(const json& ttl) {
    if (!ttl.is_string()) return false;
    const auto& text = ttl.get_ref<const std::string&>();
    if (text.size() < 2 || text.back() != 's') return false;
    std::size_t used = 0;
    try {
        const double seconds = std::stod(text, &used);
        return used == text.size() - 1 && seconds >= 0 && seconds <= 2'419'200;
    } catch (const std::exception&) {
        return false;
    }
}

/// Empty when the Android part is well formed, otherwise the field at fault. `key` receives what merges repeats.
std::string check_android(const json& android, std::string& key) {
    if (!android.is_object() || !only_known(android, {"collapse_key", "priority", "ttl", "restricted_package_name",
                                                      "data", "notification", "fcm_options", "direct_boot_ok"})) {
        return "message.android";
    }
    if (android.contains("collapse_key")) {
        if (!android["collapse_key"].is_string()) return "message.android.collapse_key";
        key = android["collapse_key"].get<std::string>();
    }
    if (android.contains("priority")) {
        const auto& priority = android["priority"];
        if (priority != "HIGH" && priority != "NORMAL" && priority != "high" && priority != "normal") {
            return "message.android.priority";
        }
    }
    if (android.contains("ttl") && !good_ttl(android["ttl"])) return "message.android.ttl";
    if (android.contains("data") && !strings_only(android["data"])) return "message.android.data";
    if (android.contains("notification")) {
        const auto& shown = android["notification"];
        if (!shown.is_object()) return "message.android.notification";
        if (shown.contains("tag")) {
            if (!shown["tag"].is_string()) return "message.android.notification.tag";
            key = shown["tag"].get<std::string>();
        }
    }
    return {};
}

/// What an injected fault answers in place of the provider.
HttpReply broken_reply(ProviderFault fault, std::string_view channel) {
    const auto body = [channel](int code, const char* status, const char* reason) {
        return channel == "apns" ? json{{"reason", reason}}.dump()
                                 : json{{"error", {{"code", code}, {"status", status}}}}.dump();
    };
    switch (fault) {
        case ProviderFault::garbage:
            return {200, "<html><body>\xff\xfe maintenance", "text/html", {}};
        case ProviderFault::unavailable:
            return {503, body(503, "UNAVAILABLE", "ServiceUnavailable"), "application/json", "Retry-After: 2\r\n"};
        case ProviderFault::throttle:
            return {429, body(429, "RESOURCE_EXHAUSTED", "TooManyRequests"), "application/json", "Retry-After: 2\r\n"};
        default:
            return {500, body(500, "INTERNAL", "InternalServerError"), "application/json", {}};
    }
}

}  // namespace

std::optional<HttpReply> settle(Mailbox& mailbox, std::string_view channel, const Verdict& verdict) {
    const Message message{channel, verdict.address, verdict.id, verdict.key};
    const auto fault = mailbox.fault();
    if (!verdict.understood || verdict.reply.status != 200) {
        if (verdict.understood) mailbox.refuse(message, verdict.reply.status);
        return verdict.reply;
    }
    if (fault == ProviderFault::none) return mailbox.take(message, 200), verdict.reply;
    if (fault == ProviderFault::hang) return mailbox.take(message, 0), std::nullopt;
    auto reply = broken_reply(fault, channel);
    fault == ProviderFault::garbage ? mailbox.take(message, 200) : mailbox.refuse(message, reply.status);
    return reply;
}

Verdict judge_fcm(std::string_view project, std::string_view body, std::string_view id) {
    const auto refused = [](HttpReply reply) { return Verdict{std::move(reply), false, {}, {}, {}}; };
    const json document = json::parse(body, nullptr, false);
    if (!document.is_object()) return refused(bad_field("", "Invalid JSON payload received."));
    if (!only_known(document, {"message", "validate_only"})) return refused(bad_field("", "Unknown name at the top."));
    if (!document.contains("message") || !document["message"].is_object()) {
        return refused(bad_field("message", "A message is required."));
    }
    const auto& message = document["message"];
    if (!only_known(message, {"name", "token", "fid", "topic", "condition", "data", "notification", "android", "apns",
                              "webpush", "fcm_options"})) {
        return refused(bad_field("message", "Unknown name in the message."));
    }
    const char* target = nullptr;
    int targets = 0;
    for (const char* name : {"token", "fid", "topic", "condition"}) {
        if (!message.contains(name)) continue;
        ++targets;
        target = name;
    }
    if (targets != 1 || !message[target].is_string() || message[target].get_ref<const std::string&>().empty()) {
        return refused(bad_field("message.token", "Exactly one target is required."));
    }
    Verdict verdict;
    verdict.understood = true;
    verdict.address = message[target].get<std::string>();
    verdict.id = "projects/" + std::string(project) + "/messages/" + std::string(id);
    std::size_t size = 0;
    if (message.contains("data")) {
        if (!strings_only(message["data"])) {
            verdict.reply = bad_field("message.data", "Data values must be strings.");
            return verdict;
        }
        for (const auto& [name, value] : message["data"].items()) {
            if (name == "from" || name == "gcm" || name.rfind("google", 0) == 0) {
                verdict.reply = bad_field("message.data", "Reserved data key.");
                return verdict;
            }
            size += name.size() + value.get_ref<const std::string&>().size();
        }
    }
    if (message.contains("notification")) {
        const auto& shown = message["notification"];
        if (!strings_only(shown) || !only_known(shown, {"title", "body", "image"})) {
            verdict.reply = bad_field("message.notification", "Invalid notification.");
            return verdict;
        }
        for (const auto& value : shown) size += value.get_ref<const std::string&>().size();
    }
    if (message.contains("android")) {
        if (const auto field = check_android(message["android"], verdict.key); !field.empty()) {
            verdict.reply = bad_field(field, "Invalid value.");
            return verdict;
        }
    }
    if (size > 4096) {
        verdict.reply = bad_field("message", "Message is too big.");
    } else if (verdict.address.rfind("dead", 0) == 0) {
        verdict.reply = fcm_error(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED");
    } else {
        verdict.reply = {200, json{{"name", verdict.id}}.dump(), "application/json; charset=UTF-8", {}};
    }
    return verdict;
}

FcmEndpoint::FcmEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox)
    : mailbox_(mailbox),
      server_(loop, port, [this](HttpServer::Ticket ticket, const HttpRequest& request) { handle(ticket, request); }) {}

HttpReply FcmEndpoint::grant(const HttpRequest& request) {
    const auto assertion = form_value(request.body, "assertion");
    if (form_value(request.body, "grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" ||
        std::count(assertion.begin(), assertion.end(), '.') != 2) {
        return {400,
                R"({"error":"invalid_grant","error_description":"a signed assertion is required"})",
                "application/json",
                {}};
    }
    const std::string token =
        "twin." + std::to_string(tokens_.size() + 1) + "." + std::to_string(Loop::now().time_since_epoch().count());
    tokens_.insert(token);
    return {200,
            json{{"access_token", token}, {"expires_in", 3599}, {"token_type", "Bearer"}}.dump(),
            "application/json; charset=utf-8",
            {}};
}

void FcmEndpoint::handle(HttpServer::Ticket ticket, const HttpRequest& request) {
    constexpr std::string_view kPrefix = "/v1/projects/", kSuffix = "/messages:send";
    const auto path = request.path();
    const auto plain = [&](const HttpReply& reply) { server_.answer(ticket, reply); };
    if (request.method != "POST") return plain(fcm_error(405, "UNIMPLEMENTED", "POST only.", {}));
    if (path == "/token") return plain(grant(request));
    if (path.rfind(kPrefix, 0) != 0 || path.size() <= kPrefix.size() + kSuffix.size() || !path.ends_with(kSuffix)) {
        return plain({404, "<html>not here</html>", "text/html", {}});
    }
    const auto authorization = request.header("authorization");
    if (authorization.rfind("Bearer ", 0) != 0 || !tokens_.contains(std::string(authorization.substr(7)))) {
        return plain(fcm_error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", {}));
    }
    const auto project = path.substr(kPrefix.size(), path.size() - kPrefix.size() - kSuffix.size());
    const auto reply = settle(mailbox_, "fcm", judge_fcm(project, request.body, std::to_string(++count_)));
    if (reply) plain(*reply);
}

bool signed_by(std::string_view secret, std::string_view time, std::string_view signature, std::string_view body) {
    std::string signed_text(time);
    signed_text += '.';
    signed_text += body;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest.data(), &size);
    std::string expected = "v1=";
    for (unsigned int i = 0; i < size; ++i) {
        expected += "0123456789abcdef"[digest[i] >> 4];
        expected += "0123456789abcdef"[digest[i] & 15];
    }
    return !time.empty() && signature.size() == expected.size() &&
           CRYPTO_memcmp(signature.data(), expected.data(), expected.size()) == 0;
}

WebhookEndpoint::WebhookEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox, std::string secret)
    : mailbox_(mailbox),
      secret_(std::move(secret)),
      server_(loop, port, [this](HttpServer::Ticket ticket, const HttpRequest& request) { handle(ticket, request); }) {}

void WebhookEndpoint::handle(HttpServer::Ticket ticket, const HttpRequest& request) {
    Verdict verdict;
    const json body = json::parse(request.body, nullptr, false);
    if (request.method != "POST") {
        verdict.reply = {405, R"({"error":"POST only"})", "application/json", {}};
    } else if (!secret_.empty() && !signed_by(secret_, request.header("tidegate-timestamp"),
                                              request.header("tidegate-signature"), request.body)) {
        verdict.reply = {401, R"({"error":"bad signature"})", "application/json", {}};
    } else if (!body.is_object() || !body.contains("address") || !body["address"].is_string()) {
        verdict.reply = {400, R"({"error":"a JSON object with an address is required"})", "application/json", {}};
    } else {
        verdict.understood = true;
        verdict.address = body["address"].get<std::string>();
        verdict.key = std::string(request.header("idempotency-key"));
        verdict.id = "hook-" + std::to_string(++count_);
        if (verdict.address.rfind("dead", 0) == 0) {
            verdict.reply = {410, R"({"reason":"gone"})", "application/json", {}};
        } else {
            verdict.reply = {200, json{{"id", verdict.id}}.dump(), "application/json", {}};
        }
    }
    if (const auto reply = settle(mailbox_, "webhook", verdict)) server_.answer(ticket, *reply);
}

}  // namespace twin
