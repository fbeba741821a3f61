// What HTTP/2 can do to a request, through the real APNs and FCM channels: each fault has one outcome, and what the
// server counted says whether anybody was lost or doubled. The transport's own view of the same is in test_http2.cpp.

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "support/certificate.hpp"
#include "support/channel_rig.hpp"
#include "support/live_backend.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

enum class Dialect : std::uint8_t { apns, fcm };

/// tests/support/h2_peer.py, and channels to it.
struct H2Peer {
    H2Peer() {
        auto [process, at] = spawn_server(
            [&](std::uint16_t chosen) {
                return std::vector<std::string>{python(), peer("h2_peer.py"),
                                                "--port", std::to_string(chosen),
                                                "--cert", certificates.certificate_file,
                                                "--key",  certificates.key_file,
                                                "--log",  log_file};
            },
            dir.file("h2-peer.err"));
        server = std::make_unique<Process>(std::move(process));
        port = at;
    }

    ChannelOptions options(Dialect dialect) const {
        const std::string url = "https://localhost:" + std::to_string(port);
        ChannelOptions options;
        options.in_flight = 50;
        options.timeout = 10s;
        options.ca = certificates.ca_file;
        if (dialect == Dialect::apns) {
            ApnsOptions apns;
            apns.key = Secret(apns_key);
            apns.key_id = "ABC123DEFG";
            apns.team_id = "TEAM123456";
            apns.topic = "com.bank.app";
            apns.url = url;
            options.name = "ios";
            options.provider = apns;
        } else {
            FcmOptions fcm;
            fcm.credentials = Secret(json{
                {"project_id", "bank-app"},
                {"private_key_id", "k1"},
                {"private_key", fcm_key},
                {"client_email", "push@bank-app.iam.gserviceaccount.com"},
                {"token_uri",
                 url + "/token"}}.dump());
            fcm.url = url;
            options.name = "android";
            options.provider = fcm;
        }
        return options;
    }

    /// An address that asks for this fault: hexadecimal, of even length, different each time.
    std::string address(const std::string& fault, bool once = false) {
        const std::string number = std::to_string(++last);
        return fault + (once ? "1" : "a") + std::string(59 - number.size(), 'c') + number;
    }
    std::vector<json> log() const { return read_log(log_file); }
    /// Requests that came whole and were not refused, by address.
    std::map<std::string, std::size_t> taken() const {
        std::map<std::string, std::size_t> counts;
        for (const json& entry : log()) {
            if (entry["event"] == "request" && entry["taken"]) ++counts[entry["address"].get<std::string>()];
        }
        return counts;
    }
    /// All that came whole, refused or not.
    std::size_t arrived(const std::string& address) const {
        std::size_t count = 0;
        for (const json& entry : log()) count += entry["event"] == "request" && entry["address"] == address ? 1U : 0U;
        return count;
    }

    TempDir dir;
    TestCertificates certificates{dir};
    std::string apns_key = ec_key_pem(), fcm_key = rsa_key_pem();
    std::string log_file = dir.file("h2.log");
    std::unique_ptr<Process> server;
    std::uint16_t port = 0;
    std::size_t last = 0;
};

struct Row {
    const char* what;
    std::string fault;
    OutcomeClass kind;
    Reason reason;
};

constexpr auto ok = OutcomeClass::accepted;
constexpr auto unknown = OutcomeClass::unknown;
constexpr auto transient = OutcomeClass::transient;

/// Faults of the transport, the same for both providers. Source: RFC 9113 sections 5.4, 6.8, 7 and 8.7: only
/// REFUSED_STREAM promises by itself that nothing was done; libcurl does not tell a GOAWAY below the stream from one
/// above.
std::vector<Row> transport_faults() {
    std::vector<Row> rows;
    for (const char code : std::string("012345689abcd")) {
        rows.push_back({"RST_STREAM", std::string("001") + code, unknown, Reason::ambiguous_submit});
    }
    const std::vector<Row> more = {
        {"RST_STREAM REFUSED_STREAM", "0017", transient, Reason::network},
        {"GOAWAY below the stream, closed", "0020", unknown, Reason::ambiguous_submit},
        {"GOAWAY above the stream, closed", "0021", unknown, Reason::ambiguous_submit},
        {"GOAWAY above the stream, answered", "0022", ok, Reason::queued},
        {"GOAWAY below the stream, left open for a while", "0023", unknown, Reason::ambiguous_submit},
        {"connection death before the answer", "0030", unknown, Reason::ambiguous_submit},
        {"connection death after headers that say 200", "0031", ok, Reason::queued},
        {"connection death in the body of a 200", "0032", ok, Reason::queued},
        {"connection death in the body of a 503", "0033", unknown, Reason::ambiguous_submit},
        {"no streams for a while", "0040", ok, Reason::queued},
        {"one stream only", "0041", ok, Reason::queued},
        {"closed windows, opened again", "0042", ok, Reason::queued},
        {"a slow answer", "0051", ok, Reason::queued},
    };
    rows.insert(rows.end(), more.begin(), more.end());
    return rows;
}

std::string name_of(Dialect dialect) {
    return dialect == Dialect::apns ? "APNs" : "FCM";
}

}  // namespace

TEST_CASE("each fault of HTTP/2 has its outcome, the server sees the request once, and the next message goes") {
    H2Peer peer;
    for (const Dialect dialect : {Dialect::apns, Dialect::fcm}) {
        for (const bool used : {false, true}) {  // libcurl repeats by itself on used connections only
            for (const Row& row : transport_faults()) {
                CAPTURE(name_of(dialect));
                CAPTURE(used);
                CAPTURE(row.what);
                CAPTURE(row.fault);
                ChannelRig rig(peer.options(dialect));
                if (used) REQUIRE(rig.send_one(peer.address("0000")).kind == ok);
                const std::string address = peer.address(row.fault);
                const Outcome outcome = rig.send_one(address);
                CHECK_MESSAGE(outcome.kind == row.kind, outcome.text);
                CHECK_MESSAGE(outcome.reason == row.reason, outcome.text);
                CHECK(peer.arrived(address) == 1);
                CHECK_FALSE(outcome.drop_address);
                CHECK_FALSE(outcome.pause_account);
                CHECK_FALSE(outcome.abort_campaign);
                const Outcome next = rig.send_one(peer.address("0000"));
                CHECK_MESSAGE(next.kind == ok, next.text);
                CHECK(rig.told_twice() == 0);
            }
        }
    }
    for (const std::string& fault : faults(peer.log())) FAIL_CHECK(fault);
}

TEST_CASE("a stalled answer or window ends with the time-out, in doubt, and the lane is not stuck") {
    H2Peer peer;
    for (const Dialect dialect : {Dialect::apns, Dialect::fcm}) {
        CAPTURE(name_of(dialect));
        ChannelOptions options = peer.options(dialect);
        options.timeout = 2s;
        ChannelRig rig(options);
        REQUIRE(rig.send_one(peer.address("0000")).kind == ok);
        const std::string silent = peer.address("0050");
        CHECK(rig.send_one(silent).reason == Reason::ambiguous_submit);
        CHECK(peer.arrived(silent) == 1);
        CHECK(rig.send_one(peer.address("0000")).kind == ok);

        REQUIRE(rig.send_one(peer.address("0043")).kind == ok);  // from now on bodies stall
        const std::string stalled = peer.address("0000");
        const Outcome outcome = rig.send_one(stalled);
        CHECK_MESSAGE(outcome.reason == Reason::ambiguous_submit, outcome.text);
        CHECK(peer.arrived(stalled) == 0);  // though it never came whole: its headers had left
    }
}

TEST_CASE("streams taken away and given back delay a crowd and lose nobody") {
    H2Peer peer;
    for (const Dialect dialect : {Dialect::apns, Dialect::fcm}) {
        for (const char* fault : {"0040", "0041", "0042"}) {
            CAPTURE(name_of(dialect));
            CAPTURE(fault);
            ChannelRig rig(peer.options(dialect));
            REQUIRE(rig.send_one(peer.address("0000")).kind == ok);
            REQUIRE(rig.send_one(peer.address(fault)).kind == ok);
            std::vector<Attempt> crowd;
            for (int i = 0; i < 40; ++i) crowd.push_back(rig.attempt(peer.address("0000")));
            rig.send_all(crowd);
            REQUIRE(rig.wait_told(crowd.size() + 2));
            const auto taken = peer.taken();
            for (const Attempt& attempt : crowd) {
                const Outcome outcome = rig.outcomes().at(attempt.delivery);
                const auto found = taken.find(attempt.address);
                const std::size_t times = found == taken.end() ? 0 : found->second;
                // Accepted means taken once; a stream refused for want of room was taken by nobody.
                CHECK_MESSAGE((outcome.kind == ok ? times == 1 : outcome.kind == transient && times == 0),
                              outcome.text);
            }
        }
    }
    for (const std::string& fault : faults(peer.log())) FAIL_CHECK(fault);
}

TEST_CASE("429 and 503 say how long to wait, in seconds or as a date, or the documented wait counts") {
    H2Peer peer;
    for (const Dialect dialect : {Dialect::apns, Dialect::fcm}) {
        CAPTURE(name_of(dialect));
        ChannelRig rig(peer.options(dialect));
        const Duration after_503 = dialect == Dialect::apns ? Duration(15min) : Duration(10s);
        REQUIRE(rig.send_one(peer.address("0000")).kind == ok);

        const Outcome bare = rig.send_one(peer.address("0060"));
        CHECK(bare.kind == OutcomeClass::throttled);
        CHECK(bare.reason == (dialect == Dialect::apns ? Reason::device_rate : Reason::rate));
        CHECK(bare.scope == (dialect == Dialect::apns ? Scope::recipient : Scope::account));
        CHECK_FALSE(bare.retry_after);
        CHECK(bare.min_backoff == 60s);

        const Outcome in_seconds = rig.send_one(peer.address("0061"));
        CHECK(in_seconds.kind == OutcomeClass::throttled);
        CHECK(in_seconds.retry_after == 7s);

        const Outcome as_date = rig.send_one(peer.address("0062"));
        REQUIRE(as_date.retry_after);
        CHECK(*as_date.retry_after > 60s);  // it said 90; a slow machine may take some
        CHECK(*as_date.retry_after <= 91s);

        const Outcome down = rig.send_one(peer.address("0070"));
        CHECK(down.kind == transient);
        CHECK(down.reason == Reason::server);
        CHECK_FALSE(down.retry_after);
        CHECK(down.min_backoff == after_503);
        const Outcome down_for = rig.send_one(peer.address("0071"));
        CHECK(down_for.retry_after == 7s);
        CHECK(down_for.min_backoff == after_503);
        CHECK(rig.send_one(peer.address("0000")).kind == ok);
    }
}

namespace {

void run_through_faults(Dialect dialect, bool resend) {
    const std::vector<std::string> played = {"0017", "0012", "0018", "0020", "0021", "0022", "0030",
                                             "0031", "0032", "0033", "0040", "0041", "0042", "0051"};
    constexpr std::size_t people = 84;
    H2Peer peer;
    CAPTURE(name_of(dialect));
    CAPTURE(resend);

    LiveBackend backend;
    Site site;
    Backend guarded;
    guarded.limits.name = "app";
    guarded.limits.capacity_hint = 100000;
    guarded.signal = PushSignal{100ms};
    site.backends.push_back(guarded);
    site.channels.push_back(peer.options(dialect));
    GateOptions lent;
    lent.lock_dir = peer.dir.path();
    lent.sensors["app"] = backend.sensor();
    auto gate = Gate::open(site, system_clock(), lent);
    REQUIRE(gate);

    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < people; ++i) {
        const std::string fault = i % 2 == 0 ? played[i / 2 % played.size()] : "0000";
        rows.push_back({"k" + std::to_string(i), peer.address(fault, true)});
    }
    VectorAudience audience({"key", "address"}, rows);
    Campaign campaign;
    campaign.id = "faults";
    campaign.purpose = Purpose::informational;
    campaign.on_unknown = resend ? OnUnknown::resend : OnUnknown::never;
    campaign.audience.addresses = {{dialect == Dialect::apns ? "apns" : "fcm", "address"}};
    campaign.message.body = "hello";
    campaign.message.collapse = "c";
    campaign.send = {{site.channels.front().name, false}};
    campaign.cohorts.count = 1;
    campaign.response = {0.1, 1s, 0.8};
    campaign.impact["app"] = {1.0, 0.0};
    RunOptions options;
    options.ledger_dir = peer.dir.file("ledger");
    auto handle = (*gate)->start(campaign, audience, options);
    REQUIRE(handle);
    const auto result = handle->wait(120s);
    REQUIRE(result);
    CHECK(result->exit_code == 0);
    const auto report = handle->report();
    REQUIRE(report);
    const auto outcomes = [&](Final outcome) { return report->totals.outcomes[static_cast<std::size_t>(outcome)]; };
    const std::uint64_t in_doubt = report->channels.at(0).answers[static_cast<std::size_t>(unknown)];

    const auto taken = peer.taken();
    std::uint64_t all = 0, most = 0;
    for (const auto& [address, times] : taken) {
        all += times;
        most = std::max<std::uint64_t>(most, times);
    }
    CHECK(in_doubt > 0);
    if (resend) {
        CHECK(outcomes(Final::accepted) == people);
        CHECK(taken.size() == people);
        CHECK(all - people <= in_doubt);
    } else {
        CHECK(outcomes(Final::accepted) + outcomes(Final::unknown) == people);
        CHECK(outcomes(Final::unknown) == in_doubt);
        CHECK(most == 1);
        CHECK(all >= outcomes(Final::accepted));
    }
    for (const std::string& fault : faults(peer.log())) FAIL_CHECK(fault);
}

}  // namespace

TEST_CASE("APNs through a gate: faults of HTTP/2 lose nobody, and where doubt is settled by sending double no more") {
    run_through_faults(Dialect::apns, true);
}

TEST_CASE("APNs through a gate: where doubt is not settled by sending nobody gets it twice") {
    run_through_faults(Dialect::apns, false);
}

TEST_CASE("FCM through a gate: faults of HTTP/2 lose nobody, and where doubt is settled by sending double no more") {
    run_through_faults(Dialect::fcm, true);
}

TEST_CASE("FCM through a gate: where doubt is not settled by sending nobody gets it twice") {
    run_through_faults(Dialect::fcm, false);
}
