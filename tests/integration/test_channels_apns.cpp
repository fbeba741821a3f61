// Our APNs channel against a peer that forgives nothing: real TLS, HTTP/2 and signatures on loopback.
#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "support/certificate.hpp"
#include "support/channel_rig.hpp"
#include "support/free_port.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

using namespace tidegate;
using namespace tidegate::test;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string token(const std::string& prefix, int number) {
    std::string text = prefix + std::to_string(number);
    return std::string(prefix) + std::string(64 - text.size(), 'c') + std::to_string(number);
}

struct ApnsPeer {
    explicit ApnsPeer(std::vector<std::string> extra = {}, bool by_certificate = false) {
        const std::string public_key = dir.write("apns-public.pem", public_key_pem(key_pem));
        auto [process, at] = spawn_server(
            [&](std::uint16_t chosen) {
                std::vector<std::string> arguments = {python(), peer("apns_peer.py"),
                                                      "--port", std::to_string(chosen),
                                                      "--cert", certificates.certificate_file,
                                                      "--key",  certificates.key_file,
                                                      "--log",  log_file};
                if (by_certificate) {
                    arguments.insert(arguments.end(), {"--client-ca", certificates.ca_file});
                } else {
                    arguments.insert(arguments.end(), {"--public-key", public_key});
                }
                arguments.insert(arguments.end(), extra.begin(), extra.end());
                return arguments;
            },
            dir.file("apns-peer.err"));
        server = std::make_unique<Process>(std::move(process));
        port = at;
    }

    ChannelOptions options() const {
        ApnsOptions apns;
        apns.key = Secret(key_pem);
        apns.key_id = "ABC123DEFG";
        apns.team_id = "TEAM123456";
        apns.topic = "com.bank.app";
        apns.url = "https://localhost:" + std::to_string(port);
        ChannelOptions options;
        options.name = "ios";
        options.provider = apns;
        options.in_flight = 50;
        options.timeout = seconds(10);
        options.ca = certificates.ca_file;
        return options;
    }
    std::vector<json> log() const { return read_log(log_file); }

    TempDir dir;
    TestCertificates certificates{dir};
    std::string key_pem = ec_key_pem();
    std::string log_file = dir.file("apns.log");
    std::unique_ptr<Process> server;
    std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("APNs: hundreds of notifications over one connection, nothing a strict peer could object to") {
    ApnsPeer peer;
    ChannelRig rig(peer.options());
    CHECK(rig.channel->capacity() == 1);  // until the first success
    std::vector<Attempt> attempts;
    for (int i = 0; i < 300; ++i) {
        Attempt attempt = rig.attempt(token("ab", i));
        attempt.message.body = "민수님 \"혜택\" \\ \n #" + std::to_string(i);
        if (i % 3 == 0)
            attempt.message.collapse = "아주 긴 모음 값 " + std::string(static_cast<std::size_t>(i % 60), 'x');
        if (i % 2 == 0) attempt.expires.reset();
        attempts.push_back(attempt);
    }
    rig.send_all(attempts);
    for (const auto& [id, outcome] : rig.outcomes()) {
        CHECK(outcome.kind == OutcomeClass::accepted);
        CHECK(outcome.provider_id.size() == 36);
    }
    CHECK(rig.channel->capacity() == 50);
    const auto log = peer.log();
    CHECK(faults(log) == std::vector<std::string>{});
    CHECK(count(log, "request") == 300);
    CHECK(count(log, "connection") == 1);
    std::map<std::string, int> tokens;
    for (const json& entry : log) {
        if (entry["event"] == "request") ++tokens[entry["headers"]["authorization"].get<std::string>()];
    }
    CHECK(tokens.size() == 1);
}

TEST_CASE("APNs: what the peer says about one recipient becomes that recipient's outcome") {
    ApnsPeer peer;
    ChannelRig rig(peer.options());
    const Outcome good = rig.send_one(token("ab", 1));
    CHECK(good.kind == OutcomeClass::accepted);
    const Outcome dead = rig.send_one(token("d410", 1));
    CHECK(dead.reason == Reason::gone);
    REQUIRE(dead.invalid_since);
    CHECK(dead.invalid_since->time_since_epoch() == milliseconds(1700000000123));
    CHECK(rig.send_one(token("b400", 1)).reason == Reason::malformed);
    CHECK(rig.send_one(token("a429", 1)).reason == Reason::device_rate);
    CHECK(rig.send_one(token("5503", 1)).min_backoff == std::chrono::minutes(15));
    const Outcome page = rig.send_one(token("5502", 1));
    CHECK(page.kind == OutcomeClass::transient);
    CHECK(page.text.find("Bad gateway") != std::string::npos);
    const Outcome strange = rig.send_one(token("eeee", 1));
    CHECK(strange.reason == Reason::unmapped);
    CHECK(strange.code == "NewIn2031");
    CHECK(rig.send_one("../../evil").reason == Reason::malformed);
    CHECK(faults(peer.log()) == std::vector<std::string>{});
    CHECK(count(peer.log(), "request") == 7);  // the last one never left
}

TEST_CASE("APNs: a stream that ends without an answer is in doubt, a refused one is not") {
    ApnsPeer peer;
    ChannelRig rig(peer.options());
    REQUIRE(rig.send_one(token("ab", 1)).kind == OutcomeClass::accepted);
    CHECK(rig.send_one(token("5e5e", 1)).reason == Reason::ambiguous_submit);
    const Outcome refused = rig.send_one(token("5ef0", 1));
    const bool safe = refused.kind == OutcomeClass::accepted || refused.kind == OutcomeClass::transient;
    CHECK(safe);
    CHECK(rig.send_one(token("60a1", 1)).reason == Reason::ambiguous_submit);
    CHECK(rig.send_one(token("ab", 2)).kind == OutcomeClass::accepted);  // on a new connection
    CHECK(rig.send_one(token("60a0", 1)).kind != OutcomeClass::accepted);
    CHECK(rig.send_one(token("ab", 3)).kind == OutcomeClass::accepted);
    CHECK(faults(peer.log()) == std::vector<std::string>{});
}

TEST_CASE("APNs: silence ends with the time-out, in doubt") {
    ApnsPeer peer;
    ChannelOptions options = peer.options();
    options.timeout = seconds(2);
    ChannelRig rig(options);
    REQUIRE(rig.send_one(token("ab", 1)).kind == OutcomeClass::accepted);
    CHECK(rig.send_one(token("0000", 1)).reason == Reason::ambiguous_submit);
}

TEST_CASE("APNs: an expired provider token is answered with a new connection, then with the account's pause") {
    ApnsPeer peer;
    ChannelRig rig(peer.options());
    const Outcome first = rig.send_one(token("e401", 1));
    CHECK(first.kind == OutcomeClass::transient);
    CHECK(first.refresh_credential);
    CHECK(first.reconnect);
    CHECK_FALSE(first.pause_account);
    CHECK(rig.send_one(token("e401", 1)).kind == OutcomeClass::accepted);
    CHECK(count(peer.log(), "connection") == 2);

    CHECK(rig.send_one(token("e403", 1)).kind == OutcomeClass::transient);
    const Outcome again = rig.send_one(token("e403", 1));
    CHECK(again.reason == Reason::credential);
    CHECK(again.pause_account);
    CHECK(rig.channel->capacity() == 1);
    // The token was minted seconds ago: however often Apple complained, there was no second one.
    std::map<std::string, int> tokens;
    for (const json& entry : peer.log()) {
        if (entry["event"] == "request") ++tokens[entry["headers"]["authorization"].get<std::string>()];
    }
    CHECK(tokens.size() == 1);
}

TEST_CASE("APNs: two channels with one key use one provider token; a wrong topic is the configuration's fault") {
    ApnsPeer peer;
    ChannelRig one(peer.options());
    ChannelOptions options = peer.options();
    std::get<ApnsOptions>(options.provider).topic = "com.bank.other";
    ChannelRig two(options);
    CHECK(one.send_one(token("ab", 1)).kind == OutcomeClass::accepted);
    const Outcome outcome = two.send_one(token("ab", 2));
    CHECK(outcome.reason == Reason::config);
    CHECK(outcome.abort_campaign);
    const auto log = peer.log();
    std::map<std::string, int> tokens;
    for (const json& entry : log) {
        if (entry["event"] == "request") ++tokens[entry["headers"]["authorization"].get<std::string>()];
    }
    CHECK(tokens.size() == 1);
    CHECK(count(log, "connection") == 2);
}

TEST_CASE("APNs: a certificate stands in for the token") {
    ApnsPeer peer({}, true);
    ChannelOptions options = peer.options();
    auto& apns = std::get<ApnsOptions>(options.provider);
    apns.key = Secret();
    apns.key_id.clear();
    apns.team_id.clear();
    apns.certificate = Secret(peer.certificates.certificate_pem);
    apns.private_key = Secret(peer.certificates.key_pem);
    ChannelRig rig(options);
    CHECK(rig.send_one(token("ab", 1)).kind == OutcomeClass::accepted);
    CHECK(faults(peer.log()) == std::vector<std::string>{});
}

TEST_CASE("APNs: a peer nobody vouches for, or nobody at all, gets nothing") {
    ApnsPeer peer;
    ChannelOptions options = peer.options();
    options.ca.clear();
    {
        ChannelRig rig(options);
        const Outcome outcome = rig.send_one(token("ab", 1));
        CHECK(outcome.kind == OutcomeClass::transient);
        CHECK(outcome.reason == Reason::network);
        CHECK(outcome.min_backoff >= seconds(1));
    }
    CHECK(count(peer.log(), "request") == 0);
    std::get<ApnsOptions>(options.provider).url = "https://localhost:" + std::to_string(free_port());
    ChannelRig rig(options);
    CHECK(rig.send_one(token("ab", 1)).reason == Reason::network);
}

TEST_CASE("APNs: stopping completes every attempt exactly once and in time, answers or not") {
    ApnsPeer peer;
    ChannelRig rig(peer.options());
    REQUIRE(rig.send_one(token("ab", 1)).kind == OutcomeClass::accepted);
    std::vector<Attempt> attempts;
    for (int i = 0; i < 20; ++i) attempts.push_back(rig.attempt(token("0000", i)));
    for (int i = 0; i < 20; ++i) attempts.push_back(rig.attempt(token("ab", 100 + i)));
    rig.submit(attempts);
    const auto start = std::chrono::steady_clock::now();
    rig.channel->stop(system_clock().now() + milliseconds(800));
    CHECK(std::chrono::steady_clock::now() - start < milliseconds(1500));
    CHECK(rig.told() == 41);
    CHECK(rig.told_twice() == 0);
    CHECK(rig.channel->capacity() == 0);
    std::size_t in_doubt = 0;
    for (const auto& [id, outcome] : rig.outcomes()) in_doubt += outcome.reason == Reason::ambiguous_submit ? 1 : 0;
    CHECK(in_doubt == 20);
    CHECK(rig.send_one(token("ab", 999)).kind == OutcomeClass::transient);  // refused, and told so
}
