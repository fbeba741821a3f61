// Our channels against peers that forgive nothing: real TLS, HTTP/2 and signatures on loopback.
#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "channel/factory.hpp"
#include "net/crypto.hpp"
#include "support/certificate.hpp"
#include "support/channel_rig.hpp"
#include "support/free_port.hpp"
#include "support/process.hpp"
#include "support/raw_server.hpp"
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

std::vector<json> read_log(const std::string& path) {
    std::vector<json> entries;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) entries.push_back(json::parse(line));
    return entries;
}

std::size_t count(const std::vector<json>& log, const std::string& event) {
    return static_cast<std::size_t>(
        std::count_if(log.begin(), log.end(), [&](const json& e) { return e.at("event") == event; }));
}

std::vector<std::string> faults(const std::vector<json>& log) {
    std::vector<std::string> found;
    for (const json& entry : log) {
        if (entry.contains("fault")) found.push_back(entry["fault"].get<std::string>());
    }
    return found;
}

struct ApnsPeer {
    explicit ApnsPeer(std::vector<std::string> extra = {}, bool by_certificate = false) {
        const std::string public_key = dir.write("apns-public.pem", public_key_pem(key_pem));
        auto [process, at] = spawn_server(
            [&](std::uint16_t chosen) {
                std::vector<std::string> arguments = {python(),  peer("apns_peer.py"),       "--port", std::to_string(chosen),
                                                      "--cert",  certificates.certificate_file, "--key",  certificates.key_file,
                                                      "--log",   log_file};
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

struct FcmPeer {
    explicit FcmPeer(std::vector<std::string> extra = {}) {
        const std::string public_key = dir.write("fcm-public.pem", public_key_pem(key_pem));
        auto [process, at] = spawn_server(
            [&](std::uint16_t chosen) {
                std::vector<std::string> arguments = {python(),       peer("fcm_peer.py"), "--port", std::to_string(chosen),
                                                      "--public-key", public_key,          "--log",  log_file};
                arguments.insert(arguments.end(), extra.begin(), extra.end());
                return arguments;
            },
            dir.file("fcm-peer.err"));
        server = std::make_unique<Process>(std::move(process));
        port = at;
    }

    ChannelOptions options() const {
        const std::string url = "http://127.0.0.1:" + std::to_string(port);
        FcmOptions fcm;
        fcm.credentials = Secret(json{{"project_id", "bank-app"},
                                      {"private_key_id", "k1"},
                                      {"private_key", key_pem},
                                      {"client_email", "push@bank-app.iam.gserviceaccount.com"},
                                      {"token_uri", url + "/token"}}
                                     .dump());
        fcm.url = url;
        ChannelOptions options;
        options.name = "android";
        options.provider = fcm;
        options.in_flight = 20;
        return options;
    }
    std::vector<json> log() const { return read_log(log_file); }

    TempDir dir;
    std::string key_pem = rsa_key_pem();
    std::string log_file = dir.file("fcm.log");
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
        if (i % 3 == 0) attempt.message.collapse = "아주 긴 모음 값 " + std::string(static_cast<std::size_t>(i % 60), 'x');
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
    options.timeout = milliseconds(400);
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

TEST_CASE("FCM: the token comes first, then messages nothing can be said against") {
    FcmPeer peer;
    ChannelRig rig(peer.options());
    CHECK(rig.wait_for_capacity(1));
    std::vector<Attempt> attempts;
    for (int i = 0; i < 100; ++i) {
        Attempt attempt = rig.attempt((i % 2 == 0 ? "tok_" : "fid:f_") + std::to_string(i));
        if (i % 3 == 0) attempt.message.collapse.clear();
        if (i % 4 == 0) attempt.expires.reset();
        attempts.push_back(attempt);
    }
    rig.send_all(attempts);
    for (const auto& [id, outcome] : rig.outcomes()) {
        CHECK(outcome.kind == OutcomeClass::accepted);
        CHECK(outcome.provider_id.find("projects/bank-app/messages/0:") == 0);
    }
    const auto log = peer.log();
    CHECK(faults(log) == std::vector<std::string>{});
    CHECK(count(log, "token") == 1);
    CHECK(count(log, "send") == 100);
}

TEST_CASE("FCM: attempts that come before the token wait for it") {
    FcmPeer peer;
    ChannelRig rig(peer.options());
    std::vector<Attempt> attempts;
    for (int i = 0; i < 10; ++i) attempts.push_back(rig.attempt("tok_" + std::to_string(i)));
    rig.submit(attempts);  // nobody asked for capacity
    REQUIRE(rig.wait_told(10));
    for (const auto& [id, outcome] : rig.outcomes()) CHECK(outcome.kind == OutcomeClass::accepted);
    CHECK(count(peer.log(), "token") == 1);
}

TEST_CASE("FCM: what the peer says about one recipient becomes that recipient's outcome") {
    FcmPeer peer;
    ChannelOptions options = peer.options();
    options.timeout = seconds(2);
    ChannelRig rig(options);
    CHECK(rig.send_one("dead-1").reason == Reason::gone);
    CHECK(rig.send_one("dead-1").text.find("dead-1") == std::string::npos);
    CHECK(rig.send_one("sender-1").reason == Reason::wrong_app);
    CHECK(rig.send_one("field-1").reason == Reason::malformed);
    const Outcome quota = rig.send_one("quota-1");
    CHECK(quota.reason == Reason::quota);
    CHECK(quota.retry_after == seconds(7));
    CHECK(rig.send_one("500-1").min_backoff == seconds(10));
    CHECK(rig.send_one("503-1").reason == Reason::server);
    CHECK(rig.send_one("html-1").reason == Reason::server);
    CHECK(rig.send_one("noproject-1").reason == Reason::config);
    const Outcome ios = rig.send_one("apnsauth-1");
    CHECK(ios.reason == Reason::credential);
    CHECK_FALSE(ios.refresh_credential);
    CHECK(rig.send_one("silent-1").reason == Reason::ambiguous_submit);
    CHECK(faults(peer.log()) == std::vector<std::string>{});
    CHECK(count(peer.log(), "token") == 1);
}

TEST_CASE("FCM: a refused access token is replaced once; refused again, the account pauses") {
    FcmPeer peer({"--token-script", "dud,ok"});
    ChannelRig rig(peer.options());
    const Outcome first = rig.send_one("tok_1");
    CHECK(first.kind == OutcomeClass::transient);
    CHECK(first.refresh_credential);
    CHECK(rig.wait_for_capacity(1));
    CHECK(rig.send_one("tok_1").kind == OutcomeClass::accepted);

    FcmPeer stubborn({"--token-script", "dud,dud,dud"});
    ChannelRig other(stubborn.options());
    CHECK(other.send_one("tok_1").kind == OutcomeClass::transient);
    const Outcome second = other.send_one("tok_1");
    CHECK(second.reason == Reason::credential);
    CHECK(second.pause_account);
}

TEST_CASE("FCM: a revoked key is told at once and asked for again only later; a short failure is waited out") {
    FcmPeer revoked({"--token-script", "400,400,400"});
    ChannelRig rig(revoked.options());
    for (int i = 0; i < 3; ++i) {
        const Outcome outcome = rig.send_one("tok_" + std::to_string(i));
        CHECK(outcome.reason == Reason::credential);
        CHECK(outcome.pause_account);
        CHECK(outcome.code == "invalid_grant");
    }
    CHECK(rig.channel->capacity() == 1);  // so that the reason reaches somebody
    CHECK(count(revoked.log(), "token") == 1);

    FcmPeer busy({"--token-script", "503"});
    ChannelRig patient(busy.options());
    CHECK(patient.channel->capacity() == 0);
    CHECK(patient.wait_for_capacity(20));
    CHECK(patient.send_one("tok_1").kind == OutcomeClass::accepted);
}

TEST_CASE("FCM: tokens are renewed before they expire and no message notices") {
    FcmPeer peer({"--expires-in", "2"});
    ChannelRig rig(peer.options());
    const auto end = std::chrono::steady_clock::now() + seconds(5);
    int number = 0;
    while (std::chrono::steady_clock::now() < end) {
        REQUIRE(rig.wait_for_capacity(1));
        CHECK(rig.send_one("tok_" + std::to_string(number++)).kind == OutcomeClass::accepted);
        std::this_thread::sleep_for(milliseconds(20));
    }
    CHECK(count(peer.log(), "token") >= 3);
    CHECK(count(peer.log(), "token") <= 7);
    CHECK(faults(peer.log()) == std::vector<std::string>{});
}

TEST_CASE("FCM: stopping while attempts wait for a token tells everyone that nothing was sent") {
    const RawServer silent([](int connection) { (void)read_request(connection), (void)read_request(connection); });
    FcmPeer peer;
    ChannelOptions options = peer.options();
    auto& fcm = std::get<FcmOptions>(options.provider);
    json account = json::parse(fcm.credentials.reveal());
    account["token_uri"] = silent.url("/token");
    fcm.credentials = Secret(account.dump());
    ChannelRig rig(options);
    std::vector<Attempt> attempts;
    for (int i = 0; i < 5; ++i) attempts.push_back(rig.attempt("tok_" + std::to_string(i)));
    rig.submit(attempts);
    rig.channel->stop(system_clock().now() + milliseconds(500));
    CHECK(rig.told() == 5);
    CHECK(rig.told_twice() == 0);
    for (const auto& [id, outcome] : rig.outcomes()) CHECK(outcome.kind == OutcomeClass::transient);
    CHECK(count(peer.log(), "send") == 0);
}

TEST_CASE("webhook: the receiver can verify what it gets and its words are understood") {
    std::mutex mutex;
    std::vector<std::string> seen;
    RawServer server([&](int connection) {
        std::string pending;
        for (;;) {
            const std::string request = read_request(connection, pending);
            if (request.empty()) return;
            {
                const std::lock_guard lock(mutex);
                seen.push_back(request);
            }
            const std::string body = request.substr(request.find("\r\n\r\n") + 4);
            const std::string address = json::parse(body)["address"];
            const std::string answer = address == "moved" ? R"({"reason":"gone"})" : R"({"id":"w-1"})";
            const std::string status = address == "moved" ? "410 Gone" : "200 OK";
            if (address == "cut") return;
            send_all(connection, "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(answer.size()) +
                                     "\r\n\r\n" + answer);
        }
    });
    ChannelOptions options;
    options.name = "hook";
    WebhookOptions webhook;
    webhook.url = server.url("/hook?x=1");
    webhook.secret = Secret("s3cret");
    webhook.idempotent = true;
    options.provider = webhook;
    options.timeout = seconds(5);
    ChannelRig rig(options);
    CHECK(rig.channel->traits().collapsible);
    CHECK(rig.channel->traits().address_may_be_key);

    Attempt attempt = rig.attempt("member-1");
    CHECK(rig.send(attempt).provider_id == "w-1");
    attempt.number = 2;
    CHECK(rig.send(attempt).kind == OutcomeClass::accepted);
    CHECK(rig.send_one("moved").reason == Reason::gone);
    CHECK(rig.send_one("cut").reason == Reason::ambiguous_submit);

    const auto field = [](const std::string& request, const std::string& name) {
        const auto at = request.find("\r\n" + name + ": ");
        REQUIRE(at != std::string::npos);
        const auto start = at + name.size() + 4;
        return request.substr(start, request.find("\r\n", start) - start);
    };
    const std::lock_guard lock(mutex);
    REQUIRE(seen.size() == 4);
    for (const std::string& request : seen) {
        CHECK(request.starts_with("POST /hook?x=1 HTTP/1.1\r\n"));
        CHECK(field(request, "Content-Type") == "application/json");
        const std::string body = request.substr(request.find("\r\n\r\n") + 4);
        const auto mac = net::hmac_sha256("s3cret", field(request, "Tidegate-Timestamp") + "." + body);
        CHECK(field(request, "Tidegate-Signature") ==
              "v1=" + net::hex({reinterpret_cast<const char*>(mac.data()), mac.size()}));
    }
    CHECK(field(seen[0], "Idempotency-Key") == field(seen[1], "Idempotency-Key"));
    CHECK(field(seen[0], "Idempotency-Key") != field(seen[2], "Idempotency-Key"));
}

TEST_CASE("a custom channel cannot be made here") {
    net::HttpLoop loop;
    ChannelOptions options;
    options.name = "own";
    const auto made = make_channel(options, loop, system_clock());
    REQUIRE_FALSE(made);
    CHECK(made.error().where == "channel.own");
}
