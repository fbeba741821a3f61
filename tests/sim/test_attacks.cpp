// What a sceptical engineer tries: the gate may be slow there, but it neither lies down for ever nor sends blindly.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "support.hpp"
#include "support/places.hpp"

using namespace tidegate;
using namespace tidegate::sim;
using sim_test::row;
using sim_test::scenario;

namespace {

double sent_between(const SimResult& result, double from, double to) {
    double sent = 0.0;
    const auto& series = result.campaigns[0].series;
    for (auto t = static_cast<std::size_t>(from); t < static_cast<std::size_t>(to) && t < series.size(); ++t)
        sent += series[t].sent;
    return sent;
}

}  // namespace

TEST_CASE("whatever happens, the gate finishes, gives a reason every second and never an impossible rate") {
    namespace fs = std::filesystem;
    int count = 0;
    for (const auto& entry :
         fs::directory_iterator(fs::path(tidegate::test::source_dir()) / "examples/incidents/attacks")) {
        const Scenario what = scenario("attacks/" + entry.path().stem().string());
        CAPTURE(what.name);
        const SimResult gate = simulate(what, {PolicyKind::impact}, 6);
        CHECK(gate.finished);
        for (const CampaignResult& campaign : gate.campaigns)
            for (const CampaignSecond& second : campaign.series) {
                REQUIRE(std::isfinite(second.rate));
                REQUIRE(second.rate >= 0.0);
                REQUIRE(second.reason > 0);
            }
        ++count;
    }
    CHECK(count >= 12);
}

TEST_CASE("a gap in the telemetry stops the sends once the last sample is too old, and they resume after it") {
    const SimResult gate = simulate(row("gap-surge"), {PolicyKind::impact}, 2);
    REQUIRE(gate.struck_s > 0.0);
    // The limit is 25 s at most, and one second for the tick.
    CHECK(sent_between(gate, gate.struck_s + 27.0, gate.struck_s + 60.0) == 0.0);
    CHECK(sent_between(gate, gate.struck_s + 60.0, gate.struck_s + 900.0) > 0.0);
}

TEST_CASE("values that stand still are not believed for long, however fresh their times are") {
    const SimResult gate = simulate(scenario("attacks/frozen-exporter"), {PolicyKind::impact}, 2);
    REQUIRE(gate.struck_s > 0.0);
    CHECK(sent_between(gate, gate.struck_s + 60.0, gate.struck_s + 300.0) == 0.0);
    CHECK(gate.finished);
}

TEST_CASE("while nothing but NaN comes, nothing is sent") {
    const SimResult gate = simulate(scenario("attacks/nan-and-reset"), {PolicyKind::impact}, 2);
    CHECK(sent_between(gate, gate.struck_s + 30.0, gate.struck_s + 60.0) == 0.0);
    CHECK(gate.seconds_over == 0.0);
}

TEST_CASE("what was refused by a throttling provider is not made up for in a burst that breaks the backend") {
    for (const char* name : {"attacks/hard-429", "attacks/pause-flapping"}) {
        CAPTURE(name);
        CHECK(simulate(scenario(name), {PolicyKind::blast}, 1, false).seconds_over > 300.0);
        CHECK(simulate(scenario(name), {PolicyKind::impact}, 1, false).seconds_over == 0.0);
    }
}

TEST_CASE("a node that takes over knows what was sent and breaks nothing") {
    CHECK(simulate(scenario("attacks/takeover"), {PolicyKind::impact}, 3, false).seconds_over == 0.0);
}

TEST_CASE("without attributed opens, or with doubled, lost or late ones, it is slower and as safe") {
    for (const char* name : {"opens-unseen", "opens-counted", "opens-doubled", "opens-late", "opens-lost"}) {
        CAPTURE(name);
        CHECK(simulate(scenario(std::string("attacks/") + name), {PolicyKind::impact}, 4, false).seconds_over == 0.0);
    }
}
