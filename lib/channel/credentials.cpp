#include "channel/credentials.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "channel/endpoint.hpp"

namespace tidegate::channel {
namespace {

Error fault(std::string what, std::string hint) {
    return Error{Errc::invalid, std::move(what), {}, std::move(hint)};
}

}  // namespace

Result<ServiceAccount, Faults> parse_service_account(const Secret& text) {
    static constexpr const char* hint = "download the service account's key file again as JSON";
    const auto json = nlohmann::json::parse(text.reveal(), nullptr, false);
    if (json.is_discarded() || !json.is_object()) {
        return Faults{fault("the service account is not a JSON object", hint)};
    }
    Faults faults;
    const auto field = [&](const char* name) {
        const auto found = json.find(name);
        if (found == json.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
            faults.push_back(fault(std::string("the service account has no text field \"") + name + "\"", hint));
            return std::string();
        }
        return found->get<std::string>();
    };
    ServiceAccount account;
    account.project_id = field("project_id");
    account.private_key_id = field("private_key_id");
    account.client_email = field("client_email");
    account.token_uri = field("token_uri");
    account.private_key_pem = Secret(field("private_key"));

    const auto in_path = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_' || c == ':';
    };
    if (!std::all_of(account.project_id.begin(), account.project_id.end(), in_path)) {
        faults.push_back(fault("the service account's \"project_id\" holds characters no project has", hint));
    }
    if (!account.token_uri.empty()) {
        if (const auto endpoint = parse_endpoint(account.token_uri); !endpoint) {
            faults.push_back(
                fault("the service account's \"token_uri\": " + endpoint.error().what, endpoint.error().hint));
        }
    }
    if (!account.private_key_pem.empty()) {
        if (const auto key = net::SigningKey::parse(account.private_key_pem, net::SigningKey::Kind::rs256); !key) {
            faults.push_back(fault("the service account's \"private_key\": " + key.error().what, key.error().hint));
        }
    }
    if (!faults.empty()) return faults;
    return account;
}

Result<void> check_client_certificate(const Secret& certificate, const Secret& key) {
    static constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----", end = "-----END CERTIFICATE-----";
    static constexpr const char* export_it = "export it from the keychain as PEM";
    const std::string_view text = certificate.reveal();
    const std::size_t start = text.find(begin);
    const std::size_t stop = text.find(end);
    if (start == std::string_view::npos || stop == std::string_view::npos || stop < start) {
        return fault("the certificate is not PEM", export_it);
    }
    std::string packed(text.substr(start + begin.size(), stop - start - begin.size()));
    std::erase_if(packed, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
    const auto der = net::base64_decode(packed);
    // Whatever X.509 holds, DER of it is one SEQUENCE.
    if (!der || der->empty() || der->front() != '\x30') return fault("the certificate is not readable PEM", export_it);
    if (!net::SigningKey::parse(key, net::SigningKey::Kind::rs256) &&
        !net::SigningKey::parse(key, net::SigningKey::Kind::es256)) {
        return fault("the private key is not a readable RSA or P-256 key", "export it without a passphrase as PEM");
    }
    return {};
}

}  // namespace tidegate::channel
