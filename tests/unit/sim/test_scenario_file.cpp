#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "support/places.hpp"
#include "tidegate/sim/scenario.hpp"
#include "tidegate/sim/simulate.hpp"

using namespace tidegate;
using namespace tidegate::sim;

namespace fs = std::filesystem;

namespace {

const fs::path kIncidents = fs::path(tidegate::test::source_dir()) / "examples" / "incidents";

/// A file that is gone with its test.
class TextFile {
  public:
    explicit TextFile(const std::string& text)
        : path_(fs::temp_directory_path() / ("tidegate-scenario-" + std::to_string(++count_) + ".toml")) {
        std::ofstream(path_) << text;
    }
    ~TextFile() { fs::remove(path_); }
    std::string path() const { return path_.string(); }

  private:
    static inline int count_ = 0;
    fs::path path_;
};

std::string first_fault(const std::string& text) {
    const TextFile file(text);
    const auto read = read_scenario(file.path());
    REQUIRE_FALSE(read);
    const Error& fault = read.error().front();
    return fault.where.substr(fault.where.rfind(':') + 1)
               .append(": ")
               .append(fault.what)
               .append(" (")
               .append(fault.hint) +
           ")";
}

}  // namespace

TEST_CASE("every scenario that comes with the sources can be read and says what it is about") {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(kIncidents)) {
        if (entry.path().extension() != ".toml") continue;
        CAPTURE(entry.path().string());
        const auto read = read_scenario(entry.path().string());
        if (!read) CAPTURE(read.error().front().text());
        REQUIRE(read);
        CHECK(read->name == entry.path().stem().string());
        CHECK_FALSE(read->about.empty());
        ++count;
    }
    CHECK(count >= 5 + 12 + 30 + 2);
}

TEST_CASE("an empty file is the nominal scenario") {
    const auto read = read_scenario((kIncidents / "table" / "nominal.toml").string());
    REQUIRE(read);
    Scenario nominal = *read;
    nominal.about.clear();
    CHECK(nominal == Scenario{});
}

TEST_CASE("what a file says is what is rehearsed") {
    const TextFile file(R"(
history = "0s"
give_up = "2h"
[[backend]]
name = "core"
capacity_hint = 1200
reserve = "30%"
[backend.plant]
curve = "lock"
queue = "3s"
[backend.plant.autoscaler]
most = 3
[backend.telemetry]
period = "15s"
leading_signal = true
[[campaign]]
opens = "counted"
[campaign.crowd]
lag = [{ share = 0.5, median = "2s" }, { share = 0.5, median = "20m" }]
[campaign.crowd.rush]
at = "10m"
[campaign.belief]
median = "90s"
[campaign.impact]
core = { per_open = 2, per_delivery = 0.5 }
[[event]]
kind = "stall"
at = "5m"
lasts = "3m"
)");
    const auto read = read_scenario(file.path());
    REQUIRE(read);
    CHECK(read->history_s == 0.0);
    CHECK(read->give_up_s == 7200.0);
    const Backend& backend = read->backends.at(0);
    CHECK(backend.limits.capacity_hint == 1200.0);
    CHECK(backend.limits.reserve == doctest::Approx(0.3));
    CHECK(backend.plant.curve == Curve::lock);
    CHECK(backend.plant.autoscaler->most == 3.0);
    CHECK(backend.telemetry.period_s == 15.0);
    const Campaign& campaign = read->campaigns.at(0);
    CHECK(campaign.opens == OpensSeen::counted);
    CHECK(campaign.crowd.lags.size() == 2);
    CHECK(campaign.crowd.lags[1].median_s == 1200.0);
    CHECK(campaign.crowd.rush->at_s == 600.0);
    CHECK(campaign.impact.at("core").per_delivery == 0.5);
    CHECK(read->events.at(0).kind == EventKind::stall);
    CHECK(read->events.at(0).at_s == 300.0);
}

TEST_CASE("a file says how messages are delivered, for the grain that can tell") {
    const TextFile file(R"(
[[provider]]
name = "ios"
reach = "70%"
dead = 0.02
latency = "120ms"
transient = "1%"
unanswered = "0.1%"
timeout = "10s"
in_flight = 200
per_second = 900
[[provider]]
name = "sms"
also = true
[[campaign]]
on_unknown = "never"
[campaign.audience]
malformed = "0.1%"
repeated = "2%"
suppressed = "3%"
[campaign.cohorts]
count = 8
gap = "45s"
canary = ["1%", "5%"]
)");
    const auto read = read_scenario(file.path());
    REQUIRE(read);
    REQUIRE(read->providers.size() == 2);
    const Provider& ios = read->providers[0];
    CHECK(ios == Provider{.name = "ios",
                          .reach = 0.7,
                          .dead = 0.02,
                          .latency_s = 0.12,
                          .transient = 0.01,
                          .unanswered = 0.001,
                          .timeout_s = 10.0,
                          .in_flight = 200,
                          .per_second = 900.0});
    CHECK(read->providers[1].also);
    const Campaign& campaign = read->campaigns.at(0);
    CHECK(campaign.on_unknown == OnUnknown::never);
    CHECK(campaign.audience == Rows{0.001, 0.02, 0.03});
    CHECK(campaign.cohorts.count == 8);
    CHECK(campaign.cohorts.gap == std::chrono::seconds(45));
    CHECK(campaign.cohorts.canary == std::vector<double>{0.01, 0.05});

    CHECK(first_fault("[[provider]]\nname = \"a\"\n[[provider]]\nname = \"a\"\n").starts_with("4: provider[1].name"));
    CHECK(first_fault("[[provider]]\nlatancy = \"1s\"\n").find("did you mean \"latency\"?") != std::string::npos);
    CHECK(first_fault("[[campaign]]\n[campaign.cohorts]\ncanary = [2]\n").starts_with("3: "));
}

TEST_CASE("every kind of event can be written") {
    const char* kinds[] = {"capacity",       "leak",          "latency",          "surge",         "stall",
                           "throttle",       "telemetry_gap", "telemetry_frozen", "telemetry_nan", "telemetry_reset",
                           "telemetry_late", "opens_lost",    "opens_doubled",    "opens_late",    "requests_per_open",
                           "other_sender",   "pause",         "takeover"};
    int index = 0;
    for (const char* kind : kinds) {
        std::string text = "[[event]]\nlasts = \"1m\"\nkind = '";
        text.append(kind).append("'\n");
        const TextFile file(text);
        const auto read = read_scenario(file.path());
        REQUIRE(read);
        CHECK(static_cast<int>(read->events[0].kind) == index++);
    }
}

TEST_CASE("a slip is told with its line and what was probably meant") {
    CHECK(first_fault("history = \"0s\"\n[[backend]]\n[backend.plant]\ncapasity = 3\n") ==
          "4: unknown key backend[0].plant.capasity (did you mean \"capacity\"?)");
    CHECK(first_fault("[[event]]\nkind = \"surge\"\nvalue = -1\n").starts_with("3: event[0].value: must be a number"));
    CHECK(first_fault("[[event]]\nkind = \"surg\"\n").find("did you mean \"surge\"?") != std::string::npos);
    CHECK(first_fault("[[event]]\nkind = \"stall\"\n").find("holds for ever") != std::string::npos);
    CHECK(first_fault("[[campaign]]\n[campaign.impact]\nnobody = { per_open = 3 }\n").starts_with("3: "));
    CHECK(first_fault("[[campaign]]\n[campaign.crowd]\nmedian = 45\n").starts_with("3: "));
    CHECK(first_fault("x = [").starts_with("1: not valid TOML"));
}

TEST_CASE("policies are called by the same names everywhere") {
    for (const PolicyKind kind : {PolicyKind::blast, PolicyKind::fixed, PolicyKind::aimd, PolicyKind::gradient,
                                  PolicyKind::impact, PolicyKind::oracle})
        CHECK(policy_named(name_of(kind)) == kind);
    CHECK_FALSE(policy_named("blasted"));
    for (const Grain grain : {Grain::flow, Grain::exact}) CHECK(grain_named(name_of(grain)) == grain);
    CHECK_FALSE(grain_named("coarse"));
}
