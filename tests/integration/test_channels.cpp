// FCM and webhook channels against peers that forgive nothing, on loopback; APNs is in test_channels_apns.cpp.
#include <doctest/doctest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "net/crypto.hpp"
#include "support/certificate.hpp"
#include "support/channel_rig.hpp"
#include "support/process.hpp"
#include "support/raw_server.hpp"
#include "support/temp_dir.hpp"

using namespace tidegate;
using namespace tidegate::test;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct FcmPeer {
    explicit FcmPeer(std::vector<std::string> extra = {}) {
        const std::string public_key = dir.write("fcm-public.pem", public_key_pem(key_pem));
        auto [process, at] = spawn_server(
            [&](std::uint16_t chosen) {
                std::vector<std::string> arguments = {
                    python(),       peer("fcm_peer.py"), "--port", std::to_string(chosen),
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
        fcm.credentials = Secret(json{
            {"project_id", "bank-app"},
            {"private_key_id", "k1"},
            {"private_key", key_pem},
            {"client_email", "push@bank-app.iam.gserviceaccount.com"},
            {"token_uri",
             url + "/token"}}.dump());
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
