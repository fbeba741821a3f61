// Our APNs channel against Pushy's mock server. tests/interop/apns/run.sh builds the peer and names its class path.
#include <doctest/doctest.h>

#include <cstdlib>

#include "support/certificate.hpp"
#include "support/channel_rig.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

using namespace tidegate;
using namespace tidegate::test;

namespace {

std::string device(int number) {
    return net::sha256_hex("device " + std::to_string(number));
}

std::size_t lines_with(const std::string& text, const std::string& word) {
    std::size_t found = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("an APNs written by others accepts what we send and refuses what it should") {
    const char* const class_path = std::getenv("TIDEGATE_PUSHY_CLASSPATH");
    if (class_path == nullptr) {
        MESSAGE("SKIP: TIDEGATE_PUSHY_CLASSPATH is not set; tests/interop/apns/run.sh sets it");
        return;
    }
    constexpr int count = 200;
    const TempDir dir;
    const TestCertificates certificates(dir);
    const std::string key = ec_key_pem();
    const std::string public_key = dir.write("public.pem", public_key_pem(key));
    const std::string expired = device(-1);
    std::string known;
    for (int i = 0; i < count; ++i) known += device(i) + "\n";
    const std::string tokens = dir.write("tokens.txt", known + expired + "\n");
    const std::string said = dir.file("said.txt");
    const auto [process, port] = spawn_server(
        [&](std::uint16_t chosen) {
            return std::vector<std::string>{"java",
                                            "-cp",
                                            class_path,
                                            "tidegate.ApnsPeer",
                                            std::to_string(chosen),
                                            certificates.certificate_file,
                                            certificates.key_file,
                                            certificates.ca_file,
                                            public_key,
                                            "TEAM123456",
                                            "ABC123DEFG",
                                            "com.bank.app",
                                            tokens,
                                            expired};
        },
        said);

    ApnsOptions apns;
    apns.key = Secret(key);
    apns.key_id = "ABC123DEFG";
    apns.team_id = "TEAM123456";
    apns.topic = "com.bank.app";
    apns.url = "https://localhost:" + std::to_string(port);
    ChannelOptions options;
    options.name = "ios";
    options.provider = apns;
    options.in_flight = 100;
    options.ca = certificates.ca_file;

    {
        ChannelRig rig(options);
        std::vector<Attempt> attempts;
        for (int i = 0; i < count; ++i) {
            attempts.push_back(rig.attempt(device(i)));
            if (i % 2 == 0) attempts.back().message.collapse = std::string(static_cast<std::size_t>(i), 'x');
            if (i % 3 == 0) attempts.back().expires.reset();
        }
        rig.send_all(attempts);
        for (const auto& [id, outcome] : rig.outcomes()) {
            CAPTURE(outcome.code);
            CAPTURE(outcome.text);
            CHECK(outcome.kind == OutcomeClass::accepted);
        }
        CHECK(lines_with(read_file(said), "accepted ") == count);
        CHECK(lines_with(read_file(said), "rejected ") == 0);

        const Outcome dead = rig.send_one(expired);
        CHECK(dead.reason == Reason::gone);
        REQUIRE(dead.invalid_since);
        CHECK(dead.invalid_since->time_since_epoch() == std::chrono::milliseconds(1700000000123));
        CHECK(rig.send_one("abcd").reason == Reason::malformed);
        CHECK(rig.send_one(device(5000)).reason == Reason::wrong_app);
    }
    {
        ChannelOptions wrong = options;
        std::get<ApnsOptions>(wrong.provider).topic = "com.bank.other";
        ChannelRig rig(wrong);
        const Outcome outcome = rig.send_one(device(0));
        // The mock knows topics only through the tokens registered for them, and judges those first.
        CHECK(outcome.reason == Reason::wrong_app);
        CHECK(outcome.quarantine_address);
        CHECK_FALSE(outcome.drop_address);
    }
    {
        ChannelOptions wrong = options;
        std::get<ApnsOptions>(wrong.provider).key = Secret(ec_key_pem());
        ChannelRig rig(wrong);
        const Outcome outcome = rig.send_one(device(0));
        CHECK(outcome.reason == Reason::credential);
        CHECK(outcome.pause_account);
    }
    CHECK(lines_with(read_file(said), "accepted ") == count);
    CHECK(lines_with(read_file(said), "rejected ") == 5);
}
