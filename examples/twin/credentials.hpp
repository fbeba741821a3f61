#pragma once

#include <string>

namespace twin {

/// Names of the files in a credentials folder.
struct CredentialFiles {
    std::string service_account, apns_key, ca, server_certificate, server_key;
};

CredentialFiles credential_files(const std::string& folder);

/// Writes what is missing of a set of made-up credentials, every private one with mode 0600: a service account with an
/// RSA key of its own, an APNs key (EC P-256, PKCS#8), a certificate authority and a certificate for localhost and
/// 127.0.0.1. The service account is always written anew when `token_uri` is given, with its old key.
/// Throws std::runtime_error.
void write_credentials(const std::string& folder, const std::string& token_uri);

}  // namespace twin
