#include "tidegate/channel/options.hpp"

#include <algorithm>
#include <fstream>

#include "channel/credentials.hpp"
#include "channel/endpoint.hpp"
#include "net/crypto.hpp"

namespace tidegate {
namespace {

using channel::parse_endpoint;

struct Report {
    const std::string prefix;
    Faults faults;

    void add(const std::string& key, std::string what, std::string hint) {
        faults.push_back({Errc::invalid, std::move(what), prefix + key, std::move(hint)});
    }
    void add(const std::string& key, Error error) { add(key, std::move(error.what), std::move(error.hint)); }
};

bool identifier(const std::string& text) {
    return text.size() == 10 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
           });
}

// The base address of a provider: the path is the protocol's business.
void check_base(Report& report, const std::string& url) {
    const auto endpoint = parse_endpoint(url);
    if (!endpoint) {
        report.add("url", endpoint.error());
    } else if (!endpoint->path.empty() && endpoint->path != "/") {
        report.add("url", "the URL has a path or a query", "end it after the host and port");
    }
}

void check_provider(Report& report, const ApnsOptions& apns) {
    check_base(report, apns.url);
    const bool by_certificate = !apns.certificate.empty() || !apns.private_key.empty();
    if (by_certificate && !apns.key.empty()) {
        report.add("key", "both a signing key and a certificate are given", "keep one of them");
    } else if (by_certificate) {
        if (apns.certificate.empty()) report.add("certificate", "the certificate is missing", "give it as PEM");
        if (apns.private_key.empty()) report.add("private_key", "the private key is missing", "give it as PEM");
        if (!apns.certificate.empty() && !apns.private_key.empty()) {
            const auto usable = channel::check_client_certificate(apns.certificate, apns.private_key);
            if (!usable) report.add("certificate", usable.error());
        }
    } else if (apns.key.empty()) {
        report.add("key", "neither a signing key nor a certificate is given",
                   "set key, key_id and team_id, or certificate and private_key");
    } else {
        const auto key = net::SigningKey::parse(apns.key, net::SigningKey::Kind::es256);
        if (!key) report.add("key", key.error());
        if (!identifier(apns.key_id)) report.add("key_id", "not ten letters and digits", "copy it from the key's page");
        if (!identifier(apns.team_id))
            report.add("team_id", "not ten letters and digits", "copy it from the membership page");
    }
    const bool clean = std::all_of(apns.topic.begin(), apns.topic.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    if (apns.topic.empty() || !clean) report.add("topic", "not a bundle id", "write it like \"com.bank.app\"");
    if (apns.push_type != "alert" && apns.push_type != "background") {
        report.add("push_type", "announcements are neither calls nor locations",
                   "use \"alert\", or \"background\" for messages nobody sees");
    }
    if (apns.apns_priority != 10 && apns.apns_priority != 5 && apns.apns_priority != 1) {
        report.add("apns_priority", "not a priority APNs knows", "use 10, 5 or 1");
    } else if (apns.push_type == "background" && apns.apns_priority != 5) {
        report.add("apns_priority", "APNs takes background messages with priority 5 only", "set apns_priority = 5");
    }
}

void check_provider(Report& report, const FcmOptions& fcm) {
    check_base(report, fcm.url);
    if (fcm.credentials.empty()) {
        report.add("credentials", "the service account is missing",
                   "give its JSON, e.g. \"file:service-account.json\"");
    } else if (const auto account = channel::parse_service_account(fcm.credentials); !account) {
        for (const Error& error : account.error()) report.add("credentials", error);
    }
    if (fcm.priority != "HIGH" && fcm.priority != "NORMAL") {
        report.add("priority", "not a priority FCM knows", "use \"HIGH\" or \"NORMAL\"");
    }
}

void check_provider(Report& report, const WebhookOptions& webhook) {
    if (const auto endpoint = parse_endpoint(webhook.url); !endpoint) report.add("url", endpoint.error());
}

bool plain(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool in_path(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
    });
}

void check_vendor(Report& report, const SolapiAccount& account) {
    check_base(report, account.url);
    const bool one_word = account.api_key.find_first_of(",=\"") == std::string::npos;
    if (!plain(account.api_key) || !one_word) {
        report.add("api_key", "not an API key", "copy it from the console; it begins with NCS");
    }
    if (account.api_secret.empty()) {
        report.add("api_secret", "the API secret is missing", "e.g. api_secret = \"env:SOLAPI_SECRET\"");
    }
}

void check_vendor(Report& report, const NhnAccount& account) {
    if (!account.url.empty()) check_base(report, account.url);
    if (!in_path(account.app_key)) report.add("app_key", "not an appkey", "copy it from the product's console");
    if (account.secret_key.empty()) {
        report.add("secret_key", "the secret key is missing", "e.g. secret_key = \"env:NHN_SECRET\"");
    }
}

void check_provider(Report& report, const AlimtalkOptions& alimtalk) {
    std::visit([&](const auto& account) { check_vendor(report, account); }, alimtalk.vendor);
    if (std::holds_alternative<NhnAccount>(alimtalk.vendor)) {
        if (!in_path(alimtalk.sender) || alimtalk.sender.size() != 40) {
            report.add("sender", "not a sender key of 40 letters and digits", "copy it from the sender profile's page");
        }
    } else if (!in_path(alimtalk.sender)) {
        report.add("sender", "not a Kakao channel's pfId", "copy it from the console; it begins with KA01PF");
    }
}

/// Source: Telecommunications Business Act art. 84-2 and the vendors' forms: 8 to 11 digits, 12 for 030 numbers, 15xx
/// and 16xx with exactly 8.
bool sender_number(const std::string& digits) {
    if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
    if (digits.starts_with("15") || digits.starts_with("16") || digits.starts_with("18")) return digits.size() == 8;
    if (digits.starts_with("030")) return digits.size() == 12;
    return digits.starts_with("0") && !digits.starts_with("050") && digits.size() >= 9 && digits.size() <= 11;
}

void check_provider(Report& report, const SmsOptions& sms) {
    std::visit([&](const auto& account) { check_vendor(report, account); }, sms.vendor);
    if (!sender_number(sms.sender)) {
        report.add("sender", "not a sender number",
                   "write the registered number with its area code, digits only, e.g. \"0212345678\" or \"15881234\"");
    }
}

void check_provider(Report&, const CustomOptions&) {}

void check_ca(Report& report, const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string line;
    while (std::getline(file, line)) {
        if (line.starts_with("-----BEGIN CERTIFICATE-----") || line.starts_with("-----BEGIN TRUSTED")) return;
    }
    report.add("ca", "no certificate can be read from " + path, "give the path of a PEM file");
}

}  // namespace

std::string ChannelOptions::kind() const {
    static constexpr const char* names[] = {"apns", "fcm", "webhook", "alimtalk", "sms", "custom"};
    static_assert(std::variant_size_v<decltype(ChannelOptions::provider)> == std::size(names));
    return names[provider.index()];
}

Faults ChannelOptions::validate() const {
    Report report{"channel." + (name.empty() ? kind() : name) + ".", {}};
    std::visit([&](const auto& options) { check_provider(report, options); }, provider);
    if (!(per_second.per_second > 0.0)) report.add("per_second", "nothing could ever be sent", "give a rate above 0");
    if (in_flight == 0) report.add("in_flight", "nothing could ever be sent", "give a number of at least 1");
    if (in_flight > 10000) report.add("in_flight", "more than 10000 requests at once", "lower it; 500 is plenty");
    if (timeout < std::chrono::milliseconds(100) || timeout > std::chrono::minutes(5)) {
        report.add("timeout", "outside 100ms to 5m", "APNs and FCM want at least 10s");
    }
    if (!ca.empty()) check_ca(report, ca);
    return std::move(report.faults);
}

}  // namespace tidegate
