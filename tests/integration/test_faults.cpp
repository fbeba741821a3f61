// What breaks while a campaign is under way: telemetry, providers, the bank itself. The log of the practice bank says
// when messages really arrived.

#include <doctest/doctest.h>

#include <algorithm>

#include "support/scene.hpp"

using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

/// Telemetry that fails must stop the flow within max_age + 1 s, and the flow must come back by itself.
void telemetry_fails(const std::string& how) {
    Scene scene;
    scene.dir.write("people.csv", webhook_audience(20000));
    scene.text = CampaignText::over_webhook(*scene.twin).watched(*scene.twin, "3s");
    scene.text.limits = "per_second = 200\n";
    Cli sender(scene.dir, scene.line());
    REQUIRE_MESSAGE(scene.arrived(100), sender.err());

    REQUIRE(scene.twin->fault("telemetry=" + how));
    const std::int64_t broken = epoch_ms();
    std::this_thread::sleep_for(7s);
    REQUIRE(scene.twin->fault("telemetry=ok"));
    const std::int64_t mended = epoch_ms();
    CHECK(scene.arrived_between(broken + 4000, mended) == 0);
    const std::size_t before = scene.twin->arrivals().size();
    CHECK(scene.arrived(before + 50, 20s));

    sender.process().signal(SIGINT);
    CHECK(sender.wait(15s) == 3);
    const auto told = sender.json();
    CHECK_MESSAGE(broken_promises(told).empty(), sender.out());
    const auto holds = told["backends"][0]["holds"];
    const bool named = std::any_of(holds.begin(), holds.end(), [&](const auto& hold) {
        return hold["signal"] == "telemetry" && !hold["to"].is_null() &&
               !hold["reason"].template get<std::string>().empty();
    });
    CHECK_MESSAGE(named, holds.dump());
}

}  // namespace

TEST_CASE("dead telemetry stops the flow within max_age + 1 s, which resumes by itself") {
    telemetry_fails("dead");
}

TEST_CASE("telemetry that says NaN stops the flow within max_age + 1 s, which resumes by itself") {
    telemetry_fails("nan");
}

TEST_CASE("telemetry that repeats itself stops the flow, which resumes by itself") {
    telemetry_fails("frozen");
}

TEST_CASE("a provider that hangs makes messages unknown, once each, and the run still ends") {
    Scene scene;
    scene.dir.write("people.csv", webhook_audience(200));
    scene.text = CampaignText::over_webhook(*scene.twin, "timeout = \"1s\"\nin_flight = 100\n");
    scene.text.campaign = "on_unknown = \"never\"\n";
    REQUIRE(scene.twin->fault("provider=hang"));
    const CliResult result = cli(scene.dir, scene.line(), 30s);
    CHECK_MESSAGE((result.code == 0 || result.code == 4), result.err);
    CHECK_MESSAGE(broken_promises(result.json).empty(), result.out);
    CHECK(result.json["outcomes"]["unknown"] == scene.twin->arrivals().size());
    CHECK(result.json["outcomes"]["accepted"] == 0);

    REQUIRE(scene.twin->fault("provider=ok"));
    const CliResult rest = cli(scene.dir, scene.line());
    CHECK(rest.code == 0);
    scene.all_got_it(200);
}

TEST_CASE("with a provider that hangs an interrupted run ends within 12 s, and what hung is sent again when allowed") {
    Scene scene;
    scene.dir.write("people.csv", webhook_audience(200));
    scene.text = CampaignText::over_webhook(*scene.twin, "timeout = \"30s\"\nin_flight = 100\n");
    scene.text.campaign = "on_unknown = \"resend\"\n";
    REQUIRE(scene.twin->fault("provider=hang"));
    Cli sender(scene.dir, scene.line());
    REQUIRE(scene.arrived(50));
    const auto asked = std::chrono::steady_clock::now();
    sender.process().signal(SIGINT);
    CHECK(sender.wait(20s) == 3);
    CHECK(std::chrono::steady_clock::now() - asked < 12s);
    CHECK_MESSAGE(broken_promises(sender.json()).empty(), sender.out());
    CHECK(sender.json()["outcomes"]["accepted"] == 0);
    scene.check_promises();

    REQUIRE(scene.twin->fault("provider=ok"));
    const CliResult rest = cli(scene.dir, scene.line());
    CHECK_MESSAGE(rest.code == 0, rest.err);
    CHECK(rest.json["outcomes"]["accepted"] == 200);
    scene.all_got_it(200, 2);
}

TEST_CASE("a provider that answers garbage leaves messages unknown and condemns nobody") {
    Scene scene;
    std::size_t people = 100;
    SUBCASE("FCM") {
        push_people(scene.dir, people);
        scene.text = CampaignText::over_fcm(*scene.twin);
    }
    SUBCASE("APNs") {
        people = 20;
        push_people(scene.dir, people, 1.0);
        scene.text = CampaignText::over_apns(*scene.twin);
    }
    scene.text.campaign = "on_unknown = \"never\"\n";
    REQUIRE(scene.twin->fault("provider=garbage"));
    const CliResult result = cli(scene.dir, scene.line(), 40s);
    INFO(result.out);
    CHECK_MESSAGE((result.code == 0 || result.code == 4), result.err);
    CHECK(broken_promises(result.json).empty());
    CHECK(result.json["outcomes"]["invalid"] == 0);
    CHECK(result.json["outcomes"]["rejected"] == 0);
    CHECK(result.json["outcomes"]["accepted"] == 0);
    CHECK(result.json["outcomes"]["unknown"] == scene.twin->arrivals().size());

    REQUIRE(scene.twin->fault("provider=ok"));
    CHECK(cli(scene.dir, scene.line()).code == 0);
    scene.all_got_it(people);
}

TEST_CASE("a provider that fails for some seconds costs time and loses nobody") {
    Scene scene;
    push_people(scene.dir, 150);
    scene.text = CampaignText::over_fcm(*scene.twin);
    scene.text.limits = "per_second = 50\n";
    Cli sender(scene.dir, scene.line());
    REQUIRE(scene.arrived(20));
    REQUIRE(scene.twin->fault("provider=500"));
    std::this_thread::sleep_for(2s);
    REQUIRE(scene.twin->fault("provider=ok"));
    CHECK_MESSAGE(sender.wait(60s) == 0, sender.err());
    const auto told = sender.json();
    CHECK_MESSAGE(broken_promises(told).empty(), sender.out());
    CHECK(told["outcomes"]["accepted"] == 150);
    CHECK(told["channels"][0]["transient"].get<int>() > 0);
    scene.all_got_it(150);
}

TEST_CASE("when the bank is gone the flow stops; interrupted, the campaign is resumed once the bank is back") {
    Scene scene;
    scene.dir.write("people.csv", webhook_audience(1500));
    scene.text = CampaignText::over_webhook(*scene.twin).watched(*scene.twin, "2s");
    scene.text.campaign = "on_unknown = \"resend\"\n";
    scene.text.limits = "per_second = 200\n";
    Cli sender(scene.dir, scene.line());
    REQUIRE(scene.arrived(200));
    const auto ports = scene.twin->same_ports();
    scene.twin->kill();
    std::this_thread::sleep_for(4s);
    CHECK(sender.process().running());
    sender.process().signal(SIGINT);
    CHECK(sender.wait(12s) == 3);
    const auto told = sender.json();
    CHECK_MESSAGE(broken_promises(told).empty(), sender.out());
    CHECK(told["state"] == "stopped");
    CHECK(told["outcomes"]["pending"].get<int>() > 0);
    CHECK_FALSE(told["backends"][0]["holds"].empty());

    scene.twin = std::make_unique<Twin>(scene.dir, ports);
    const CliResult rest = cli(scene.dir, scene.line());
    CHECK_MESSAGE(rest.code == 0, rest.err);
    CHECK(rest.json["outcomes"]["accepted"] == 1500);
    scene.all_got_it(1500, 2);
    scene.check_promises();
}
