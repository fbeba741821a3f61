#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "support/temp_dir.hpp"

namespace tidegate::test {

namespace tls {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Cert = std::unique_ptr<X509, decltype(&X509_free)>;

inline void must(bool worked) {
    if (!worked) throw std::runtime_error("OpenSSL refused to make a test certificate");
}

template <class Write>
std::string to_pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
    must(memory && write(memory.get()) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

inline std::string key_pem(EVP_PKEY* key) {
    return to_pem(
        [key](BIO* out) { return PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

inline std::string certificate_pem(X509* certificate) {
    return to_pem([certificate](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

inline Key ec_key(const char* curve = "P-256") {
    Key key(EVP_EC_gen(curve), &EVP_PKEY_free);
    must(key != nullptr);
    return key;
}

inline void extend(X509* certificate, X509* issuer, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/// A certificate for `key`, signed by `issuer_key`; self-signed when `issuer` is null.
inline Cert certify(EVP_PKEY* key, const std::string& name, X509* issuer, EVP_PKEY* issuer_key, long serial) {
    Cert made(X509_new(), &X509_free);
    X509* const certificate = made.get();
    must(certificate != nullptr);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer != nullptr ? issuer : certificate));
    if (issuer == nullptr) {
        extend(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
        extend(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        extend(certificate, issuer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    }
    must(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
    return made;
}

}  // namespace tls

/// A P-256 private key, PKCS#8 PEM: what an APNs .p8 file holds. Another `curve` is for negative tests.
inline std::string ec_key_pem(const char* curve = "P-256") {
    return tls::key_pem(tls::ec_key(curve).get());
}

/// An RSA private key, PKCS#8 PEM: what a service account holds.
inline std::string rsa_key_pem(unsigned bits = 2048) {
    const tls::Key key(EVP_RSA_gen(bits), &EVP_PKEY_free);
    tls::must(key != nullptr);
    return tls::key_pem(key.get());
}

/// The public half of a private key in PEM, as PEM.
inline std::string public_key_pem(const std::string& private_pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(
        BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size())), &BIO_free);
    const tls::Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    tls::must(key != nullptr);
    return tls::to_pem([&key](BIO* out) { return PEM_write_bio_PUBKEY(out, key.get()); });
}

/// A certificate authority made for one test, and a certificate it gave to localhost and 127.0.0.1 (server or client).
/// Everything lies as PEM files in `dir`; the names tell instances in one directory apart.
struct TestCertificates {
    explicit TestCertificates(const TempDir& dir, const std::string& prefix = "tls") {
        const tls::Key ca_key = tls::ec_key(), leaf_key = tls::ec_key();
        const tls::Cert ca = tls::certify(ca_key.get(), "tidegate test CA " + prefix, nullptr, ca_key.get(), 1);
        const tls::Cert leaf = tls::certify(leaf_key.get(), "localhost", ca.get(), ca_key.get(), 2);
        ca_pem = tls::certificate_pem(ca.get());
        certificate_pem = tls::certificate_pem(leaf.get());
        key_pem = tls::key_pem(leaf_key.get());
        ca_file = dir.write(prefix + "-ca.pem", ca_pem);
        certificate_file = dir.write(prefix + "-cert.pem", certificate_pem);
        key_file = dir.write(prefix + "-key.pem", key_pem);
    }

    std::string ca_pem, certificate_pem, key_pem;     ///< the texts
    std::string ca_file, certificate_file, key_file;  ///< the files that hold them
};

}  // namespace tidegate::test
