#include <doctest/doctest.h>
#include <openssl/err.h>

#include <set>

#include "net/crypto.hpp"

using namespace tidegate;
using namespace tidegate::net;

namespace {

std::string unhex(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    }
    return out;
}

std::string hmac_hex(std::string_view key, std::string_view data) {
    const auto mac = hmac_sha256(key, data);
    return hex({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

Sealer sealer_of(std::string key) {
    auto sealer = Sealer::make(Secret(std::move(key)));
    REQUIRE(sealer);
    return *std::move(sealer);
}

}  // namespace

TEST_CASE("SHA-256 gives the digests of FIPS 180-4's examples, whole or in pieces") {
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const std::string_view long_text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    CHECK(sha256_hex(long_text) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    Sha256 pieces;
    for (const char c : long_text) pieces.update({&c, 1});
    CHECK(pieces.finish() == sha256(long_text));
    pieces.update("abc");  // ready for the next one
    Sha256 moved(std::move(pieces));
    CHECK(moved.finish() == sha256("abc"));
}

TEST_CASE("HMAC-SHA-256 gives the codes of RFC 4231") {
    CHECK(hmac_hex(std::string(20, '\x0b'), "Hi There") ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hmac_hex("Jefe", "what do ya want for nothing?") ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hmac_hex(std::string(20, '\xaa'), std::string(50, '\xdd')) ==
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    CHECK(hmac_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hmac_hex("", "") == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("HMAC-SHA-256 signs as in RFC 7515 appendix A.1") {
    const auto key =
        base64_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    const auto mac =
        hmac_sha256(*key,
                    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
    CHECK(base64url({reinterpret_cast<const char*>(mac.data()), mac.size()}) ==
          "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

TEST_CASE("base64 has the values of RFC 4648 section 10") {
    CHECK(base64url("") == "");
    CHECK(base64url("f") == "Zg");
    CHECK(base64url("fo") == "Zm8");
    CHECK(base64url("foo") == "Zm9v");
    CHECK(base64url("foobar") == "Zm9vYmFy");
    CHECK(base64url("\xfb\xff\xfe") == "-__-");
    for (const auto* text : {"Zm9vYg==", "Zm9vYg"}) CHECK(*base64_decode(text) == "foob");
    CHECK(*base64_decode("-__-") == *base64_decode("+//+"));
    CHECK(base64_decode("")->empty());
    for (const auto* bad : {"Z", "Zg=", "Zg===", "Zm9v=", "=", "Z=g=", "Zm9 v", "Zm9v\n", "Zh",
                            "Zm9"
                            "\xff"}) {
        CAPTURE(bad);
        CHECK_FALSE(base64_decode(bad));
    }
    for (std::size_t length = 0; length < 70; ++length) {
        const std::string bytes = random_bytes(length);
        CHECK(*base64_decode(base64url(bytes)) == bytes);
    }
}

TEST_CASE("random bytes differ, constant-time comparison compares") {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) seen.insert(random_bytes(16));
    CHECK(seen.size() == 100);
    CHECK(equal_constant_time("", ""));
    CHECK(equal_constant_time("abc", "abc"));
    CHECK_FALSE(equal_constant_time("abc", "abd"));
    CHECK_FALSE(equal_constant_time("abc", "ab"));
}

TEST_CASE("a UUID made of a name is a version 8 UUID and a function of the name alone") {
    // First 16 bytes of SHA-256("abc") with version and variant put in.
    CHECK(uuid_of("abc") == "ba7816bf-8f01-8fea-8141-40de5dae2223");
    CHECK(uuid_of("abd") != uuid_of("abc"));
}

TEST_CASE("sealed data is AES-256-GCM: the cases of the GCM specification open") {
    // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13, 14 and 16.
    const Sealer zero = sealer_of(std::string(32, '\0'));
    CHECK(zero.open(std::string(12, '\0') + unhex("530f8afbc74536b9a963b4f1c4cb738b"), "")->empty());
    CHECK(*zero.open(std::string(12, '\0') + unhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
                     "") == std::string(16, '\0'));
    const Sealer other = sealer_of("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const std::string sealed = unhex(
        "cafebabefacedbaddecaf888"
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a"
        "0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b");
    const auto plain = other.open(sealed, unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
    REQUIRE(plain);
    CHECK(hex(*plain) ==
          "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0d"
          "e657ba637b39");
}

TEST_CASE("sealed data that was altered, cut or moved does not open") {
    const Sealer sealer = sealer_of(random_bytes(32));
    const std::string sealed = sealer.seal("phone=01012345678", "row 7");
    CHECK(*sealer.open(sealed, "row 7") == "phone=01012345678");
    CHECK_FALSE(sealer.open(sealed, "row 8"));
    CHECK_FALSE(sealer.open(sealed, ""));
    CHECK_FALSE(sealer_of(random_bytes(32)).open(sealed, "row 7"));
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string altered = sealed;
        altered[i] = static_cast<char>(altered[i] ^ 1);
        CHECK_FALSE(sealer.open(altered, "row 7"));
        CHECK_FALSE(sealer.open(std::string_view(sealed).substr(0, i), "row 7"));
    }
    CHECK(sealer.open(sealed + "x", "row 7").error().code == Errc::refused);
    CHECK(sealer.open(sealer.seal("", ""), "")->empty());
    CHECK(ERR_peek_error() == 0);
}

TEST_CASE("no two seals share a nonce") {
    const Sealer sealer = sealer_of(random_bytes(32));
    std::set<std::string> nonces;
    for (int i = 0; i < 1000; ++i) nonces.insert(sealer.seal("same", "same").substr(0, 12));
    CHECK(nonces.size() == 1000);
}

TEST_CASE("a sealing key is 32 bytes: raw, hexadecimal or base64") {
    const std::string raw = random_bytes(32);
    const std::string sealed = sealer_of(raw).seal("x", "");
    CHECK(sealer_of(hex(raw)).open(sealed, ""));
    CHECK(sealer_of(base64url(raw)).open(sealed, ""));
    CHECK(sealer_of(base64url(raw) + "=").open(sealed, ""));
    for (const std::string& bad : {std::string(), std::string("hunter2"), raw.substr(1), raw + "x",
                                   base64url(raw + "x"), std::string(64, 'g')}) {
        const auto sealer = Sealer::make(Secret(bad));
        REQUIRE_FALSE(sealer);
        CHECK((bad.empty() || sealer.error().text().find(bad) == std::string::npos));
    }
}
