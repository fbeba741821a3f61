// Canaries over the Gate with its real threads, clock and ledger; only the network and the telemetry are scripted.

#include <doctest/doctest.h>

#include "support/gate_rig.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

/// A canary of a tenth of 2,000 people.
struct Scene : GateRig {
    CampaignHandle run() {
        Campaign made = campaign("canary");
        made.cohorts.count = 1;
        made.cohorts.canary = {0.1};
        return start(made, 2000);
    }
    /// Waits until the canary is out and its soak has begun.
    static bool soaks(const CampaignHandle& handle) {
        for (int i = 0; i < 1000; ++i) {
            const Progress progress = handle.progress();
            if (progress.gates.size() == 1 && progress.gates[0].state == GateState::waiting) return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    }
};

}  // namespace

TEST_CASE("a canary under which a backend leaves its objective ends the run with the reason; run again it goes on") {
    Scene scene;
    CampaignHandle first = scene.run();
    REQUIRE(Scene::soaks(first));
    scene.backend.p99_ms(412);
    const auto failed = first.wait(10s);
    REQUIRE(failed);
    CHECK(failed->exit_code == 4);
    CHECK(failed->state == RunState::incomplete);
    CHECK_MESSAGE(failed->why.starts_with("canary 10% failed: app p99 412 ms > 300 ms at "), failed->why);
    const Progress ended = first.progress();
    REQUIRE(ended.gates.size() == 1);
    CHECK(ended.gates[0].state == GateState::failed);
    const std::size_t in_canary = scene.channel->attempts().size();
    CHECK(in_canary > 100);
    CHECK(in_canary < 300);
    const auto report = first.report();
    REQUIRE(report);
    CHECK(told(*report, "gate", "canary 10%: failed, app p99 412 ms > 300 ms at "));

    scene.backend.p99_ms(20);
    CampaignHandle second = scene.run();
    REQUIRE(Scene::soaks(second));
    CHECK(scene.channel->attempts().size() == in_canary);
    const auto done = second.wait(30s);
    REQUIRE(done);
    CHECK(done->exit_code == 0);
    CHECK(scene.channel->attempts().size() == 2000);
    const auto whole = second.report();
    REQUIRE(whole);
    CHECK(told(*whole, "gate", "goes on by the operator's word after: canary 10% failed: app p99 412 ms"));
    CHECK(told(*whole, "gate", "canary 10%: passed, "));
    CHECK(told(*whole, "gate", "believed curve, opens are not counted"));
}

TEST_CASE("telemetry that is lost in the middle of a soak lets it begin anew and fails nothing") {
    Scene scene;
    CampaignHandle handle = scene.run();
    REQUIRE(Scene::soaks(handle));
    scene.backend.silent(true);
    std::this_thread::sleep_for(4s);  // longer than the whole soak
    const Progress blind = handle.progress();
    REQUIRE(blind.gates.size() == 1);
    CHECK(blind.gates[0].state == GateState::waiting);
    CHECK_MESSAGE(blind.gates[0].reason.find("its soak begins anew, app: telemetry") != std::string::npos,
                  blind.gates[0].reason);
    CHECK(scene.channel->attempts().size() < 300);
    scene.backend.silent(false);
    const auto done = handle.wait(30s);
    REQUIRE(done);
    CHECK(done->exit_code == 0);
}

TEST_CASE("an outside surge in the middle of a soak lets it wait, and it goes on when the surge is over") {
    Scene scene;
    CampaignHandle handle = scene.run();
    REQUIRE(Scene::soaks(handle));
    scene.backend.load(800);
    scene.backend.p99_ms(412);
    std::this_thread::sleep_for(2s);
    CHECK_FALSE(handle.wait(0s));
    CHECK(handle.progress().gates[0].state == GateState::waiting);
    CHECK(scene.channel->attempts().size() < 300);
    scene.backend.load(100);
    scene.backend.p99_ms(20);
    const auto done = handle.wait(60s);
    REQUIRE(done);
    CHECK(done->exit_code == 0);
}
