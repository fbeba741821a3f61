#include "credentials.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace twin {

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void must(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("credentials: OpenSSL could not ") + what);
}

void write_file(const std::string& path, const std::string& text, mode_t mode) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    const bool good = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (!good) throw std::runtime_error("cannot write " + path + ": " + std::strerror(error));
}

template <class Write>
std::string pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
    must(memory && write(memory.get()) == 1, "write PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string private_pem(EVP_PKEY* key) {
    return pem(
        [key](BIO* out) { return PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

Key ec_key() {
    Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    must(key != nullptr, "make a P-256 key");
    return key;
}

void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, &context, id, value), X509_EXTENSION_free);
    must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "add a certificate extension");
}

/// A certificate for `key`, signed by `issuer` (itself when null).
Certificate certify(EVP_PKEY* key, const char* name, X509* issuer, EVP_PKEY* issuer_key) {
    Certificate certificate(X509_new(), X509_free);
    must(certificate != nullptr, "make a certificate");
    X509* made = certificate.get();
    must(X509_set_version(made, 2) == 1, "set the version");
    std::uint64_t serial = 0;
    must(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "draw a serial number");
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 365L * 24 * 3600);
    X509_set_pubkey(made, key);
    X509_NAME* subject = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509* signer = issuer != nullptr ? issuer : made;
    X509_set_issuer_name(made, X509_get_subject_name(signer));
    add_extension(made, signer, NID_subject_key_identifier, "hash");
    if (issuer == nullptr) {
        add_extension(made, signer, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(made, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        add_extension(made, signer, NID_basic_constraints, "CA:FALSE");
        add_extension(made, signer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
        add_extension(made, signer, NID_ext_key_usage, "serverAuth");
    }
    must(X509_sign(made, issuer_key, EVP_sha256()) > 0, "sign a certificate");
    return certificate;
}

std::string certificate_pem(X509* certificate) {
    return pem([certificate](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

}  // namespace

CredentialFiles credential_files(const std::string& folder) {
    const std::filesystem::path in(folder);
    return {in / "service-account.json", in / "AuthKey.p8", in / "ca.crt", in / "server.crt", in / "server.key"};
}

void write_credentials(const std::string& folder, const std::string& token_uri) {
    std::filesystem::create_directories(folder);
    const auto files = credential_files(folder);
    using std::filesystem::exists;
    if (!exists(files.ca) || !exists(files.server_certificate) || !exists(files.server_key)) {
        const Key ca_key = ec_key(), server_key = ec_key();
        const auto ca = certify(ca_key.get(), "tidegate twin practice CA", nullptr, ca_key.get());
        const auto server = certify(server_key.get(), "localhost", ca.get(), ca_key.get());
        // The authority's key is dropped: nobody can sign more with it.
        write_file(files.ca, certificate_pem(ca.get()), 0644);
        write_file(files.server_certificate, certificate_pem(server.get()), 0644);
        write_file(files.server_key, private_pem(server_key.get()), 0600);
    }
    if (!exists(files.apns_key)) write_file(files.apns_key, private_pem(ec_key().get()), 0600);

    nlohmann::json account;
    if (std::ifstream old(files.service_account); old) account = nlohmann::json::parse(old, nullptr, false);
    if (!account.is_object() || !account.contains("private_key")) {
        const Key rsa(EVP_RSA_gen(2048), EVP_PKEY_free);
        must(rsa != nullptr, "make an RSA key");
        account = {{"type", "service_account"},
                   {"project_id", "twin-bank"},
                   {"private_key_id", "0123456789abcdef0123456789abcdef01234567"},
                   {"private_key", private_pem(rsa.get())},
                   {"client_email", "push@twin-bank.iam.gserviceaccount.com"},
                   {"client_id", "100000000000000000001"},
                   {"token_uri", "https://oauth2.googleapis.com/token"}};
    } else if (token_uri.empty()) {
        return;
    }
    if (!token_uri.empty()) account["token_uri"] = token_uri;
    write_file(files.service_account, account.dump(2) + "\n", 0600);
}

}  // namespace twin
