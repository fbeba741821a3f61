#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <climits>

#include "net/crypto.hpp"
#include "net/openssl.hpp"

namespace tidegate::net {
namespace {

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;

/// OpenSSL would otherwise ask for a password on the terminal.
int no_password(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

bool on_p256(const EVP_PKEY* key) {
    char name[64] = {};
    return EVP_PKEY_get_group_name(key, name, sizeof name, nullptr) == 1 &&
           (std::string_view(name) == "prime256v1" || std::string_view(name) == "P-256");
}

/// r and s as 32 big-endian bytes each, out of the DER sequence that OpenSSL makes.
std::string raw_signature(const std::string& der) {
    const unsigned char* cursor = bytes_of(der);
    const Owned<ECDSA_SIG, ECDSA_SIG_free> parsed(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size())));
    must(parsed != nullptr);
    std::string raw(64, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(raw.data());
    must(BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), out, 32) == 32);
    must(BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), out + 32, 32) == 32);
    return raw;
}

}  // namespace

struct SigningKey::Impl {
    Key key;
};

Result<SigningKey> SigningKey::parse(const Secret& pem, Kind kind) {
    const std::string& text = pem.reveal();
    bool password_asked = false;
    Key key;
    if (text.size() <= INT_MAX) {
        const Owned<BIO, BIO_free> input(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
        must(input != nullptr);
        key.reset(PEM_read_bio_PrivateKey(input.get(), nullptr, no_password, &password_asked));
    }
    forget_openssl_errors();
    if (password_asked) {
        return Error{Errc::invalid, "the private key is locked with a password", "",
                     "store it without one, readable only by the user who runs this"};
    }
    if (!key) {
        return Error{Errc::invalid, "there is no private key in PEM form", "",
                     "use the file as downloaded, from the BEGIN line to the END line"};
    }
    if (kind == Kind::es256 && (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC || !on_p256(key.get()))) {
        forget_openssl_errors();
        return Error{Errc::invalid, "the private key is not an elliptic-curve key on P-256", "",
                     "ES256 needs a P-256 key, e.g. the .p8 file of the provider"};
    }
    if (kind == Kind::rs256 && EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
        return Error{Errc::invalid, "the private key is not an RSA key", "",
                     "RS256 needs the service account's RSA key"};
    }
    if (kind == Kind::rs256 && EVP_PKEY_get_bits(key.get()) < 2048) {
        return Error{Errc::invalid, "the RSA key is shorter than 2048 bits", "",
                     "make a longer one (RFC 7518 section 3.3)"};
    }
    SigningKey made;
    made.impl_ = std::make_shared<const Impl>(Impl{std::move(key)});
    made.kind_ = kind;
    return made;
}

std::string SigningKey::sign(std::string_view data) const {
    must(impl_ != nullptr);
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    must(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, impl_->key.get()) == 1);
    std::size_t size = 0;
    must(EVP_DigestSign(context.get(), nullptr, &size, bytes_of(data), data.size()) == 1);
    std::string signature(size, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(signature.data());
    must(EVP_DigestSign(context.get(), out, &size, bytes_of(data), data.size()) == 1);
    signature.resize(size);
    return kind_ == Kind::es256 ? raw_signature(signature) : signature;
}

std::string jws(std::string_view header_json, std::string_view claims_json, const SigningKey& key) {
    std::string token = base64url(header_json) + "." + base64url(claims_json);
    const std::string signature = key.sign(token);
    return token + "." + base64url(signature);
}

}  // namespace tidegate::net
