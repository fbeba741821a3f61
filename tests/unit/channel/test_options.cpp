#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "channel/endpoint.hpp"
#include "samples.hpp"
#include "tidegate/channel/options.hpp"

using namespace tidegate;
using namespace tidegate::test;

namespace {

ChannelOptions apns() {
    ApnsOptions provider;
    provider.key = Secret(ec_key_pem());
    provider.key_id = "ABC123DEFG";
    provider.team_id = "TEAM123456";
    provider.topic = "com.bank.app";
    ChannelOptions options;
    options.name = "ios";
    options.provider = provider;
    return options;
}

nlohmann::json account() {
    static const std::string key = rsa_key_pem();
    return {{"type", "service_account"}, {"project_id", "bank-app"},
            {"private_key_id", "k1"},    {"private_key", key},
            {"client_email", "a@b.iam"}, {"token_uri", "https://oauth2.googleapis.com/token"}};
}

ChannelOptions fcm(const nlohmann::json& json) {
    FcmOptions provider;
    provider.credentials = Secret(json.dump());
    ChannelOptions options;
    options.name = "android";
    options.provider = provider;
    return options;
}

ChannelOptions webhook(const std::string& url) {
    WebhookOptions provider;
    provider.url = url;
    ChannelOptions options;
    options.name = "hook";
    options.provider = provider;
    return options;
}

bool mentions(const Faults& faults, const std::string& where) {
    for (const Error& error : faults) {
        if (error.where == where) return true;
    }
    return false;
}

template <class Change>
Faults apns_with(Change change) {
    ChannelOptions options = apns();
    change(std::get<ApnsOptions>(options.provider));
    return options.validate();
}

}  // namespace

TEST_CASE("good options of every kind have no faults") {
    CHECK(apns().validate().empty());
    CHECK(apns().kind() == "apns");
    CHECK(fcm(account()).validate().empty());
    CHECK(fcm(account()).kind() == "fcm");
    CHECK(webhook("http://127.0.0.1:8080/hook").validate().empty());
    CHECK(webhook("https://push.example/hook").kind() == "webhook");
    CHECK(ChannelOptions{}.validate().empty());
    CHECK(ChannelOptions{}.kind() == "custom");
}

TEST_CASE("every fault of an APNs account is named at once, and no secret is printed") {
    const Faults faults = apns_with([](ApnsOptions& o) {
        o.key = Secret("-----BEGIN PRIVATE KEY-----\nc2VjcmV0LXN0dWZm\n-----END PRIVATE KEY-----\n");
        o.key_id = "short";
        o.team_id = "has a blank";
        o.topic = "com.bank app";
        o.push_type = "voip";
        o.apns_priority = 7;
        o.url = "http://api.push.apple.com";
    });
    for (const char* key : {"key", "key_id", "team_id", "topic", "push_type", "apns_priority", "url"}) {
        CAPTURE(key);
        CHECK(mentions(faults, std::string("channel.ios.") + key));
    }
    for (const Error& fault : faults) {
        CHECK(fault.text().find("c2VjcmV0") == std::string::npos);
        CHECK_FALSE(fault.hint.empty());
    }
}

TEST_CASE("an APNs key must be EC P-256") {
    CHECK(mentions(apns_with([](ApnsOptions& o) { o.key = Secret(rsa_key_pem()); }), "channel.ios.key"));
    CHECK(mentions(apns_with([](ApnsOptions& o) { o.key = Secret(ec_key_pem("P-384")); }), "channel.ios.key"));
    CHECK(mentions(apns_with([](ApnsOptions& o) { o.key = Secret(); }), "channel.ios.key"));
}

TEST_CASE("a certificate and its private key replace the signing key") {
    const TempDir dir;
    const TestCertificates mine(dir);
    const auto with = [](const std::string& certificate, const std::string& key) {
        return apns_with([&](ApnsOptions& o) {
            o.key = Secret();
            o.key_id.clear();
            o.team_id.clear();
            o.certificate = Secret(certificate);
            o.private_key = Secret(key);
        });
    };
    CHECK(with(mine.certificate_pem, mine.key_pem).empty());
    CHECK(mentions(with(mine.certificate_pem, "nonsense"), "channel.ios.certificate"));
    CHECK(mentions(with("nonsense", mine.key_pem), "channel.ios.certificate"));
    CHECK(mentions(with(mine.certificate_pem, ""), "channel.ios.private_key"));
    CHECK(
        mentions(apns_with([&](ApnsOptions& o) { o.certificate = Secret(mine.certificate_pem); }), "channel.ios.key"));
}

TEST_CASE("background pushes go with priority 5 only") {
    CHECK(mentions(apns_with([](ApnsOptions& o) { o.push_type = "background"; }), "channel.ios.apns_priority"));
    CHECK(apns_with([](ApnsOptions& o) {
              o.push_type = "background";
              o.apns_priority = 5;
          }).empty());
}

TEST_CASE("every missing field of a service account is named") {
    for (const char* field : {"project_id", "private_key_id", "private_key", "client_email", "token_uri"}) {
        auto json = account();
        json.erase(field);
        const Faults faults = fcm(json).validate();
        REQUIRE(faults.size() == 1);
        CHECK(faults[0].where == "channel.android.credentials");
        CHECK(faults[0].what.find(field) != std::string::npos);
    }
    CHECK(fcm(nlohmann::json::array()).validate().size() == 1);
    auto json = account();
    json["project_id"] = "../evil";
    CHECK_FALSE(fcm(json).validate().empty());
    json = account();
    json["private_key"] = ec_key_pem();
    CHECK_FALSE(fcm(json).validate().empty());
    json = account();
    json["token_uri"] = "http://oauth2.googleapis.com/token";
    CHECK_FALSE(fcm(json).validate().empty());
    json["token_uri"] = "http://127.0.0.1:9/token";
    CHECK(fcm(json).validate().empty());
}

TEST_CASE("plain http is for loopback hosts only") {
    using channel::parse_endpoint;
    for (const char* good : {"https://a.example", "https://a.example:2197/x?y", "http://localhost:80",
                             "http://127.1.2.3", "http://[::1]:8080/p", "HTTPS"}) {
        if (std::string_view(good) == "HTTPS") continue;
        CHECK(parse_endpoint(good));
    }
    for (const char* bad : {"", "a.example", "ftp://a", "http://a.example", "http://127.0.0.1.evil.example",
                            "http://localhost.evil.example", "https://", "https://user:pw@a.example", "https://a:0",
                            "https://a:99999", "https://a:8x", "https://a/ b", "https://a/#f", "http://[::2]",
                            "http://127.0.0.1@evil.example", "https://[::1", "http://10.0.0.1"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_endpoint(bad));
    }
    CHECK(parse_endpoint("https://A.example:2197/x?y")->host == "a.example");
    CHECK(parse_endpoint("https://A.example:2197/x?y")->base == "https://A.example:2197");
    CHECK(parse_endpoint("https://a.example:2197/x?y")->path == "/x?y");
    CHECK(webhook("https://user:hunter2@a.example/").validate().at(0).text().find("hunter2") == std::string::npos);
}

TEST_CASE("limits that would send nothing are refused") {
    ChannelOptions options = webhook("https://a.example/");
    options.in_flight = 0;
    options.per_second = Rate{0.0};
    options.timeout = Duration{0};
    options.ca = "/nonexistent.pem";
    const Faults faults = options.validate();
    for (const char* key : {"in_flight", "per_second", "timeout", "ca"}) {
        CHECK(mentions(faults, std::string("channel.hook.") + key));
    }
}
