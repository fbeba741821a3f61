// Two campaigns at once over one gate, at the practice bank: what they cause together is real load there.

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/places.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/gate.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

/// The twin with a log of what reached whom.
struct PracticeBank {
    TempDir dir;
    std::string summary = dir.file("summary.json");
    Process process =
        Process::spawn({bin_dir() + "/tidegate-twin", "--capacity", "400", "--baseline", "100", "--open-rate", "0.4",
                        "--median", "1s", "--spread", "0.6", "--per-open", "2", "--seed", "3", "--port-file",
                        dir.file("ports.json"), "--log", dir.file("arrivals.jsonl")},
                       summary);
    nlohmann::json ports;

    PracticeBank() {
        for (int i = 0; i < 200 && !std::filesystem::exists(dir.file("ports.json")); ++i)
            std::this_thread::sleep_for(50ms);
        ports = nlohmann::json::parse(read_file(dir.file("ports.json")));
    }
    std::string url(const char* port, const std::string& path = {}) const {
        return "http://127.0.0.1:" + std::to_string(ports[port].get<int>()) + path;
    }
    /// Messages that arrived, by the campaign's prefix of the address.
    std::pair<std::size_t, std::size_t> arrived() const {
        std::pair<std::size_t, std::size_t> seen;
        std::ifstream log(dir.file("arrivals.jsonl"));
        for (std::string line; std::getline(log, line);) {
            if (line.find("\"address\":\"urgent") != std::string::npos) ++seen.first;
            if (line.find("\"address\":\"patient") != std::string::npos) ++seen.second;
        }
        return seen;
    }
};

VectorAudience people(const std::string& prefix, std::size_t count) {
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < count; ++i) rows.push_back({prefix + std::to_string(i)});
    return VectorAudience({"key"}, std::move(rows));
}

Campaign campaign(const std::string& id, int priority) {
    Campaign made;
    made.id = id;
    made.purpose = Purpose::informational;
    made.priority = priority;
    made.message.body = id;
    made.send = {{"hook", false}};
    made.cohorts.count = 1;
    made.response = {0.4, 1s, 0.6};
    made.impact["app"] = {2.0, 0.0};
    return made;
}

}  // namespace

TEST_CASE("two campaigns share a backend's room by priority, and together they stay inside it") {
    PracticeBank bank;
    Site site;
    Backend app;
    app.limits.name = "app";
    app.limits.max_age = 5s;
    app.limits.capacity_hint = 320;
    JsonSignal signal;
    signal.url = bank.url("ops", "/json");
    signal.every = 1s;
    signal.load = "/load";
    signal.errors = "/errors";
    signal.at = "/at";
    signal.milliseconds = true;
    app.signal = signal;
    site.backends.push_back(app);
    ChannelOptions hook;
    hook.name = "hook";
    WebhookOptions webhook;
    webhook.url = bank.url("webhook", "/push");
    hook.provider = webhook;
    site.channels.push_back(hook);

    auto gate = Gate::open(site);
    if (!gate) FAIL(gate.error().front().text());
    RunOptions options;
    options.ledger_dir = bank.dir.file("ledger");
    VectorAudience first = people("patient", 40000);
    auto patient = (*gate)->start(campaign("patient", 2), first, options);
    if (!patient) FAIL(patient.error().front().text());
    for (int i = 0; i < 400 && bank.arrived().second < 300; ++i) std::this_thread::sleep_for(50ms);
    const std::size_t alone = bank.arrived().second;
    REQUIRE(alone >= 300);

    VectorAudience second = people("urgent", 40000);
    auto urgent = (*gate)->start(campaign("urgent", 9), second, options);
    if (!urgent) FAIL(urgent.error().front().text());
    std::this_thread::sleep_for(4s);
    const auto before = bank.arrived();
    std::this_thread::sleep_for(8s);
    const auto after = bank.arrived();
    const double urgent_rate = static_cast<double>(after.first - before.first) / 8;
    const double patient_rate = static_cast<double>(after.second - before.second) / 8;
    MESSAGE("urgent " << urgent_rate << "/s, patient " << patient_rate << "/s");
    CHECK(urgent_rate > 5 * patient_rate);
    CHECK(patient_rate > 0);
    // 0.8 requests a message over a baseline of 100 must stay under the 320 the site trusts, with room for chance.
    CHECK((urgent_rate + patient_rate) * 0.8 < 240);

    urgent->stop(system_clock().now() + 2s);
    REQUIRE(urgent->wait(5s));
    std::this_thread::sleep_for(4s);
    const auto freed = bank.arrived();
    std::this_thread::sleep_for(3s);
    CHECK(static_cast<double>(bank.arrived().second - freed.second) / 3 > 5 * patient_rate);  // the room is his again
    patient->stop(system_clock().now() + 2s);
    REQUIRE(patient->wait(5s));
    gate->reset();

    bank.process.signal(SIGTERM);
    REQUIRE(bank.process.wait(10s) == 0);
    const auto judged = nlohmann::json::parse(read_file(bank.summary));
    CHECK(judged["failed"] == 0);
    if (!sanitized()) CHECK(judged["seconds_over_slo"] == 0);
}
