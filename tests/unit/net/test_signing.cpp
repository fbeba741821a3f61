#include <doctest/doctest.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "net/crypto.hpp"
#include "net/openssl.hpp"
#include "support/certificate.hpp"

using namespace tidegate;
using namespace tidegate::net;

namespace {

// The keys of RFC 7515 appendices A.2 and A.3, which are public.
const std::string rfc7515_rsa =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0\n"
    "l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pC\n"
    "gNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSX\n"
    "ndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD\n"
    "Zlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8\n"
    "q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35S\n"
    "bEUAVx8dYXUdZOlJcHtiWQ+dC6V8ljxAHj/PLyzTveyI5QO/xkObCyjIL303l2cf\n"
    "UhPu2MFaJdjVzqACXuOrLot/eSFvxjvqVidTtAZExqFRJ9mylUVAoLvhowVWmC1O\n"
    "n95fZCXxTUtxNEG1Xcc7m0rtzJKs45J+N/V9DP1edYH6USyPSWGp6wuA+KgHRnKK\n"
    "Vf9GRx80JQY7nVNkL17eHoTWEwga+lwi0FEoW9Y7lDtWXYmKBWhUE+U8PGxlJf8f\n"
    "40493HDw1WRQ/aSLoS4QTp3rn7gYgeHEvfJdkkf0UMhlknlo53M09EFPdadQ4TlU\n"
    "bjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH/5IB3jw3bcxGn6QLvnE\n"
    "tfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw/Py5PJdTJNPY8cQn7ouZ2KKDcmnPG\n"
    "BY5t7yLc1QlQ5xHdwW1VhvKn+nXqhJTBgIPgtldC+KDV5z+y2XDwGUcCgYEAuQPE\n"
    "fgmVtjL0Uyyx88GZFF1fOunH3+7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYs\n"
    "p1ZSe7zFYHj7C6ul7TjeLQeZD/YwD66t62wDmpe/HlB+TnBA+njbglfIsRLtXlnD\n"
    "zQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7\n"
    "DOX4IKjzdahm+ctDAJN4O/y7OW5FKebvUjdAIt2GuoTZ71iTG+7F0F+lP88jtjP4\n"
    "U4qe7VHoewl4MKOfXZKTe+YCS1XbNvfgwJ3Ltyl1OH9hWvu2yza7q+d5PCsDzqtm\n"
    "27kxuvULVeya+TEdAB1ijQKBgQCH/3r6YrVH/uCWGy6bzV1nGNOdjKc9tmkfOJmN\n"
    "54dxdixdpozCQ6U4OxZrsj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCC\n"
    "Mx3bD1yPPf/6TI2XECva/ggqEY2mYzmIiA5LVVmc5nrybr+lssFKneeyxN2Wq93S\n"
    "0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5XMclbrjPbEC3YI1Z\n"
    "NqMtuhdBJqUnBi6tjKMF+34Xf0CUN8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE\n"
    "6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5NvmUMFStCSkh7ixZLkN1\n"
    "-----END RSA PRIVATE KEY-----\n";
const std::string rfc7515_ec =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END EC PRIVATE KEY-----\n";
const std::string rfc7515_ec_public =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";
const std::string claims = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

SigningKey key_of(const std::string& pem, SigningKey::Kind kind) {
    auto key = SigningKey::parse(Secret(pem), kind);
    REQUIRE_MESSAGE(key, key.error().text());
    return *std::move(key);
}

/// What a provider does with an ES256 signature.
bool verifies(const std::string& public_pem, const std::string& data, const std::string& raw) {
    if (raw.size() != 64) return false;
    const auto* bytes = bytes_of(raw);
    const Owned<ECDSA_SIG, ECDSA_SIG_free> pair(ECDSA_SIG_new());
    ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(pair.get(), &der);
    const Owned<BIO, BIO_free> in(BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size())));
    const Owned<EVP_PKEY, EVP_PKEY_free> key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr));
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
    const bool good =
        EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(length), bytes_of(data), data.size()) == 1;
    OPENSSL_free(der);
    ERR_clear_error();
    return good;
}

}  // namespace

TEST_CASE("RS256 gives the token of RFC 7515 appendix A.2") {
    const SigningKey key = key_of(rfc7515_rsa, SigningKey::Kind::rs256);
    CHECK(jws("{\"alg\":\"RS256\"}", claims, key) ==
          "eyJhbGciOiJSUzI1NiJ9."
          "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
          "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb"
          "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383"
          "LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy"
          "wlVmtVrBp0igcN_IoypGlUPQGe77Rw");
}

TEST_CASE("ES256 signs as in RFC 7515 appendix A.3: 64 raw bytes that the published key verifies") {
    const std::string input =
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const auto published =
        base64_decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
    REQUIRE(verifies(rfc7515_ec_public, input, *published));  // the yardstick itself

    const SigningKey key = key_of(rfc7515_ec, SigningKey::Kind::es256);
    const std::string token = jws("{\"alg\":\"ES256\"}", claims, key);
    REQUIRE(token.starts_with(input + "."));
    CHECK(verifies(rfc7515_ec_public, input, *base64_decode(token.substr(input.size() + 1))));
    CHECK_FALSE(verifies(rfc7515_ec_public, input + "x", *base64_decode(token.substr(input.size() + 1))));
    // Every 128th r or s starts with a zero byte, which DER leaves out and the raw form must not.
    for (int i = 0; i < 600; ++i) REQUIRE(verifies(rfc7515_ec_public, "data", key.sign("data")));
}

TEST_CASE("keys are accepted in the forms providers and OpenSSL write") {
    CHECK(SigningKey::parse(Secret(test::ec_key_pem()), SigningKey::Kind::es256));
    CHECK(SigningKey::parse(Secret(test::rsa_key_pem()), SigningKey::Kind::rs256));
    // `openssl ecparam -genkey` writes the curve's name first.
    const std::string parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    CHECK(SigningKey::parse(Secret(parameters + rfc7515_ec), SigningKey::Kind::es256));
}

TEST_CASE("a key that does not fit is refused without a word of it") {
    struct Wrong {
        std::string pem;
        SigningKey::Kind kind;
    };
    const std::string locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAAA\n"
        "-----END ENCRYPTED PRIVATE KEY-----\n";
    const std::string damaged = [] {
        std::string text = rfc7515_ec;
        text[60] = '*';
        return text;
    }();
    const Wrong wrong[] = {{"", SigningKey::Kind::es256},
                           {"MHcCAQEEII6bEJ5xkJi", SigningKey::Kind::es256},
                           {damaged, SigningKey::Kind::es256},
                           {rfc7515_ec_public, SigningKey::Kind::es256},
                           {rfc7515_ec, SigningKey::Kind::rs256},
                           {rfc7515_rsa, SigningKey::Kind::es256},
                           {test::ec_key_pem("P-384"), SigningKey::Kind::es256},
                           {test::ec_key_pem("secp256k1"), SigningKey::Kind::es256},
                           {test::rsa_key_pem(1024), SigningKey::Kind::rs256},
                           {locked, SigningKey::Kind::es256}};
    for (const auto& [pem, kind] : wrong) {
        CAPTURE(pem);
        const auto key = SigningKey::parse(Secret(pem), kind);
        REQUIRE_FALSE(key);
        CHECK(key.error().code == Errc::invalid);
        CHECK_FALSE(key.error().hint.empty());
        const std::string text = key.error().text();
        for (std::size_t i = 0; i + 12 <= pem.size(); ++i) {
            if (pem.compare(i, 5, "-----") == 0) i = pem.find('\n', i);
            if (i == std::string::npos) break;
            CHECK(text.find(pem.substr(i, 12)) == std::string::npos);
        }
        CHECK(ERR_peek_error() == 0);  // nothing is left for the next TLS connection to stumble over
    }
}
