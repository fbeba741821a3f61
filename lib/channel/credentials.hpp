#pragma once

#include <string>

#include "net/crypto.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::channel {

/// What we use of a Google service account's JSON.
struct ServiceAccount {
    std::string project_id;
    std::string private_key_id;
    std::string client_email;
    std::string token_uri;
    Secret private_key_pem;
};

/// Errors: every missing or unusable field at once, the RSA key parsed; `where` is left for the caller. Quotes nothing.
Result<ServiceAccount, Faults> parse_service_account(const Secret& json);

/// Whether both are readable PEM. Whether they belong together and are still valid is OpenSSL's to say at the first
/// connection. Errors quote nothing.
Result<void> check_client_certificate(const Secret& certificate, const Secret& key);

}  // namespace tidegate::channel
