#include <doctest/doctest.h>
#include <openssl/ecdsa.h>

#include <nlohmann/json.hpp>

#include "channel/access_token.hpp"
#include "channel/fcm_protocol.hpp"
#include "channel/lane.hpp"
#include "channel/provider_token.hpp"
#include "net/crypto.hpp"
#include "samples.hpp"

using namespace tidegate;
using namespace tidegate::channel;
using namespace tidegate::test;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

struct Jwt {
    nlohmann::json header, claims;
    std::string signed_part, signature;
};

Jwt read_jwt(const std::string& token) {
    const auto first = token.find('.'), second = token.rfind('.');
    REQUIRE(first != second);
    CHECK(token.find('=') == std::string::npos);
    Jwt jwt;
    jwt.header = nlohmann::json::parse(*net::base64_decode(token.substr(0, first)));
    jwt.claims = nlohmann::json::parse(*net::base64_decode(token.substr(first + 1, second - first - 1)));
    jwt.signed_part = token.substr(0, second);
    jwt.signature = *net::base64_decode(token.substr(second + 1));
    return jwt;
}

bool verifies(const std::string& private_pem, const std::string& text, const std::string& signature) {
    const std::string pem = public_key_pem(private_pem);
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                       &BIO_free);
    const tls::Key key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
    return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

// r||s as RFC 7518 wants it, in the DER that OpenSSL verifies.
std::string der(const std::string& raw) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(ECDSA_SIG_new(), &ECDSA_SIG_free);
    ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
    unsigned char* out = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &out);
    std::string text(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
    OPENSSL_free(out);
    return text;
}

struct Apple {
    std::string pem = ec_key_pem();
    ProviderToken token{"TEAM123456", "ABC123DEFG", *net::SigningKey::parse(Secret(pem), net::SigningKey::Kind::es256)};
    TimePoint start{seconds(5000)};

    std::string at(Duration elapsed) { return token.current(start + elapsed, wall(elapsed)); }
    bool renew(Duration elapsed) { return token.renew(start + elapsed, wall(elapsed)); }
    static WallTime wall(Duration elapsed) {
        return monday + std::chrono::duration_cast<std::chrono::milliseconds>(elapsed);
    }
    static std::int64_t iat(const std::string& token) { return read_jwt(token).claims["iat"].get<std::int64_t>(); }
};

}  // namespace

TEST_CASE("the provider token is a JWT that the public key verifies") {
    Apple apple;
    const Jwt jwt = read_jwt(apple.at(seconds(0)));
    CHECK(jwt.header == nlohmann::json{{"alg", "ES256"}, {"kid", "ABC123DEFG"}});
    CHECK(jwt.claims == nlohmann::json{{"iss", "TEAM123456"}, {"iat", 1795392000}});
    REQUIRE(jwt.signature.size() == 64);
    CHECK(verifies(apple.pem, jwt.signed_part, der(jwt.signature)));
    CHECK_FALSE(verifies(apple.pem, jwt.signed_part + "x", der(jwt.signature)));
}

TEST_CASE("whoever asks, a token lives 45 minutes and no two are minted within 20") {
    for (int offset = 0; offset < 30; ++offset) {  // wherever in the half hour it begins
        Apple apple;
        std::string last;
        Duration minted{0};
        for (int minute = offset; minute < offset + 600; ++minute) {
            const std::string token = apple.at(minutes(minute));
            const Duration age = Apple::wall(minutes(minute)).time_since_epoch() - seconds(Apple::iat(token));
            CHECK(age >= Duration{0});
            REQUIRE(age < minutes(55));
            if (token == last) continue;
            if (!last.empty()) REQUIRE(minutes(minute) - minted >= minutes(20));
            last = token;
            minted = minutes(minute);
        }
    }
}

TEST_CASE("several nodes that share a key name the same moment of issue") {
    Apple one, other;
    CHECK(Apple::iat(one.at(minutes(3))) == Apple::iat(other.at(minutes(28))));
}

TEST_CASE("a token Apple calls expired is replaced at once, but not within 20 minutes of the last") {
    Apple apple;
    const std::string first = apple.at(seconds(0));
    CHECK_FALSE(apple.renew(minutes(19)));
    CHECK(apple.at(minutes(19)) == first);
    CHECK(apple.renew(minutes(20)));
    const std::string second = apple.at(minutes(20));
    CHECK(second != first);
    CHECK(Apple::iat(second) == 1795392000 + 20 * 60);
    CHECK_FALSE(apple.renew(minutes(21)));
    CHECK(apple.at(minutes(21)) == second);
}

TEST_CASE("when Apple complains of too many tokens the current one is kept, but never until it is refused") {
    Apple apple;
    const std::string first = apple.at(seconds(0));
    apple.token.too_many_updates(apple.start + minutes(44));
    CHECK(apple.at(minutes(50)) == first);
    CHECK(apple.at(minutes(55)) != first);
}

TEST_CASE("a wall clock that was set does not leave a token Apple would refuse") {
    Apple apple;
    const std::string first = apple.at(seconds(0));
    const WallTime later = monday + std::chrono::hours(3);
    CHECK(apple.token.current(apple.start + minutes(5), later) == first);  // the floor holds
    const std::string second = apple.token.current(apple.start + minutes(20), later);
    CHECK(Apple::iat(second) == 1795392000 + 3 * 3600);
}

TEST_CASE("a process has one provider token for a key, however many channels ask") {
    const Secret pem(ec_key_pem());
    const auto one = shared_provider_token("TEAM123456", "KEY1234567", pem);
    const auto two = shared_provider_token("TEAM123456", "KEY1234567", pem);
    const auto other_team = shared_provider_token("TEAM654321", "KEY1234567", pem);
    REQUIRE(one);
    CHECK(*one == *two);
    CHECK(*one != *other_team);
    CHECK_FALSE(shared_provider_token("TEAM123456", "KEY1234567", Secret(rsa_key_pem())));
}

TEST_CASE("the OAuth assertion is a JWT that the public key verifies, valid for an hour") {
    const std::string pem = rsa_key_pem();
    ServiceAccount account;
    account.client_email = "push@bank.iam.gserviceaccount.com";
    account.private_key_id = "k1";
    account.token_uri = "https://oauth2.googleapis.com/token";
    const auto key = net::SigningKey::parse(Secret(pem), net::SigningKey::Kind::rs256);
    const std::string assertion = fcm_assertion(account, *key, monday);
    const Jwt jwt = read_jwt(assertion);
    CHECK(jwt.header == nlohmann::json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "k1"}});
    CHECK(jwt.claims == nlohmann::json{{"iss", account.client_email},
                                       {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
                                       {"aud", account.token_uri},
                                       {"iat", 1795392000},
                                       {"exp", 1795395600}});
    CHECK(verifies(pem, jwt.signed_part, jwt.signature));
    const auto request = fcm_token_request(account, assertion, seconds(10));
    CHECK(request.url == account.token_uri);
    CHECK(request.body == "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + assertion);
}

TEST_CASE("an access token is fetched once at a time and renewed five minutes early, the old one used meanwhile") {
    const TimePoint t{seconds(100)};
    AccessToken token;
    CHECK(token.start_fetch(t));
    CHECK_FALSE(token.start_fetch(t));  // single flight
    CHECK_FALSE(token.use(t));
    token.granted("one", seconds(3600), t);
    CHECK(token.use(t)->token == "one");
    CHECK_FALSE(token.start_fetch(t + minutes(54)));
    CHECK(token.start_fetch(t + minutes(55)));
    CHECK(token.use(t + minutes(56))->token == "one");
    token.refused(not_sent("down"), t + minutes(56));
    CHECK(token.use(t + minutes(57))->token == "one");
    CHECK_FALSE(token.use(t + minutes(60)));
}

TEST_CASE("a failed fetch rests before the next and says why meanwhile") {
    const TimePoint t{seconds(100)};
    AccessToken token;
    REQUIRE(token.start_fetch(t));
    token.refused(not_sent("down"), t);
    CHECK_FALSE(token.start_fetch(t + std::chrono::milliseconds(999)));
    REQUIRE(token.refusal(t));
    CHECK(token.refusal(t)->kind == OutcomeClass::transient);
    CHECK(token.start_fetch(t + seconds(1)));
    token.refused(not_sent("down"), t + seconds(1));
    CHECK_FALSE(token.start_fetch(t + seconds(2)));
    CHECK(token.start_fetch(t + seconds(3)));

    Outcome revoked;
    revoked.kind = OutcomeClass::rejected;
    revoked.reason = Reason::credential;
    token.refused(revoked, t + seconds(3));
    CHECK_FALSE(token.start_fetch(t + seconds(62)));
    CHECK(token.start_fetch(t + seconds(63)));
}

TEST_CASE("a token the provider refuses is used no more; an answer about an older one changes nothing") {
    const TimePoint t{seconds(100)};
    AccessToken token;
    REQUIRE(token.start_fetch(t));
    token.granted("one", seconds(3600), t);
    const auto first = token.use(t)->generation;
    token.distrust(first);
    CHECK_FALSE(token.use(t));
    REQUIRE(token.start_fetch(t));
    token.granted("two", seconds(3600), t);
    token.distrust(first);
    CHECK(token.use(t)->token == "two");
}

TEST_CASE("a remedy is applied once for a crowd of refusals, and given up when it did not help") {
    Remedy remedy;
    const auto before = remedy.epoch();
    CHECK(remedy.refused(before, true) == Remedy::Step::apply);
    for (int i = 0; i < 100; ++i) CHECK(remedy.refused(before, true) == Remedy::Step::again);
    const auto after = remedy.epoch();
    CHECK(remedy.refused(after, true) == Remedy::Step::give_up);
    remedy.succeeded(after);
    CHECK(remedy.refused(after, true) == Remedy::Step::apply);
    // A connection that idles out may be replaced any number of times.
    CHECK(remedy.refused(remedy.epoch(), false) == Remedy::Step::apply);
    CHECK(remedy.refused(remedy.epoch(), false) == Remedy::Step::apply);
}
