#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "apns.hpp"

namespace twin {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxPayload = 4096, kMaxCollapse = 64;

HttpReply reason(int status, const char* why) {
    json body{{"reason", why}};
    if (status == 410) body["timestamp"] = 1'700'000'000'000;
    return {status, body.dump(), "application/json", {}};
}

std::optional<std::string> base64url(std::string_view text) {
    std::string padded(text);
    for (char& c : padded) {
        if (c == '+' || c == '/' || c == '=') return std::nullopt;
        if (c == '-') c = '+';
        if (c == '_') c = '/';
    }
    const std::size_t missing = (4 - padded.size() % 4) % 4;
    if (missing == 3 || padded.empty()) return std::nullopt;
    padded.append(missing, '=');
    std::string out(padded.size(), '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(padded.data()), static_cast<int>(padded.size()));
    if (size < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(size) - missing);
    return out;
}

/// The reason the provider token is refused, or null.
const char* check_token(std::string_view authorization, double now) {
    if (authorization.rfind("bearer ", 0) != 0) return "MissingProviderToken";
    const auto token = authorization.substr(7);
    const auto first = token.find('.'), last = token.rfind('.');
    if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last) {
        return "InvalidProviderToken";
    }
    const auto header_text = base64url(token.substr(0, first));
    const auto claims_text = base64url(token.substr(first + 1, last - first - 1));
    const auto signature = base64url(token.substr(last + 1));
    // ES256 is r||s, 64 bytes; a DER signature has another length.
    if (!header_text || !claims_text || !signature || signature->size() != 64) return "InvalidProviderToken";
    const json header = json::parse(*header_text, nullptr, false), claims = json::parse(*claims_text, nullptr, false);
    const auto text = [](const json& object, const char* name) {
        return object.is_object() && object.contains(name) && object[name].is_string() ? object[name].get<std::string>()
                                                                                       : std::string();
    };
    if (text(header, "alg") != "ES256" || text(header, "kid").size() != 10 || text(claims, "iss").size() != 10 ||
        !claims.contains("iat") || !claims["iat"].is_number_integer()) {
        return "InvalidProviderToken";
    }
    return std::abs(claims["iat"].get<double>() - now) > 3600 ? "ExpiredProviderToken" : nullptr;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (dash ? text[i] != '-' : !hex) return false;
    }
    return true;
}

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
}

bool is_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

const char* check_headers(const ApnsHeaders& headers) {
    const auto get = [&headers](std::string_view name) {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string_view() : std::string_view(found->second);
    };
    if (get("apns-topic").empty()) return "MissingTopic";
    constexpr std::string_view kTypes[] = {"alert",        "background", "voip",         "complication",
                                           "fileprovider", "location",   "liveactivity", "pushtotalk",
                                           "controls",     "widgets",    "mdm"};
    const auto type = get("apns-push-type");
    if (!type.empty() && std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes)) {
        return "InvalidPushType";
    }
    const auto priority = get("apns-priority");
    if (!priority.empty() && priority != "10" && priority != "5" && priority != "1") return "BadPriority";
    if (type == "background" && priority != "5") return "BadPriority";
    const auto expiration = get("apns-expiration");
    if (!expiration.empty() && !is_number(expiration)) return "BadExpirationDate";
    if (get("apns-collapse-id").size() > kMaxCollapse) return "BadCollapseId";
    const auto id = get("apns-id");
    if (!id.empty() && !is_uuid(id)) return "BadMessageId";
    return nullptr;
}

}  // namespace

Verdict judge_apns(const ApnsHeaders& headers, std::string_view body, double now_epoch) {
    constexpr std::string_view kPath = "/3/device/";
    const auto get = [&headers](std::string_view name) {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    };
    Verdict verdict;
    const auto path = get(":path");
    if (get(":method") != "POST") return verdict.reply = reason(405, "MethodNotAllowed"), verdict;
    if (path.rfind(kPath, 0) != 0) return verdict.reply = reason(404, "BadPath"), verdict;
    const auto token = path.substr(kPath.size());
    if (token.empty()) return verdict.reply = reason(400, "MissingDeviceToken"), verdict;
    verdict.understood = true;
    verdict.address = token;
    verdict.id = get("apns-id");
    verdict.key = get("apns-collapse-id");
    if (const char* why = check_token(get("authorization"), now_epoch)) {
        verdict.reply = reason(403, why);
    } else if (const char* fault = check_headers(headers)) {
        verdict.reply = reason(400, fault);
    } else if (body.empty()) {
        verdict.reply = reason(400, "PayloadEmpty");
    } else if (body.size() > kMaxPayload) {
        verdict.reply = reason(413, "PayloadTooLarge");
    } else if (const json payload = json::parse(body, nullptr, false);
               !payload.is_object() || !payload.contains("aps") || !payload["aps"].is_object()) {
        verdict.reply = reason(400, "PayloadEmpty");
    } else if (token.size() % 2 != 0 || token.size() > 200 || !is_hex(token)) {
        verdict.reply = reason(400, "BadDeviceToken");
    } else if (token.rfind("dead", 0) == 0) {
        verdict.reply = reason(410, "Unregistered");
    } else {
        verdict.reply = {200, {}, {}, {}};
    }
    return verdict;
}

}  // namespace twin
