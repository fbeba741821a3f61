// People react: told by key and time to a running campaign, learnt while it runs, and kept for the next one's author.

#include <doctest/doctest.h>

#include <filesystem>

#include "support/campaign_text.hpp"
#include "support/gate_rig.hpp"
#include "support/twin.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A campaign to 200 people over a scripted channel, which goes on watching after its last message.
struct Told {
    std::string log;
    std::mutex log_mutex;
    GateRig rig{{.options = [this](GateOptions& options) {
        options.log_level = LogLevel::debug;
        options.log = [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(log_mutex);
            log += std::string(line) + "\n";
        };
    }}};
    std::optional<CampaignHandle> handle;

    Told() {
        Campaign campaign = GateRig::campaign("told");
        campaign.cohorts.count = 1;
        campaign.response = {0.1, 2s, 0.8};
        RunOptions run = rig.options();
        run.watch_after = 60s;
        std::vector<std::vector<std::string>> people;
        for (int i = 1; i <= 200; ++i) people.push_back({"customer-" + std::to_string(i), "a" + std::to_string(i)});
        VectorAudience audience({"key", "address"}, people);
        handle = rig.start(campaign, audience, run);
        REQUIRE(eventually(30s, [&] { return accepted() == 200; }));
    }
    std::uint64_t accepted() const {
        return handle->progress().totals.outcomes[static_cast<std::size_t>(Final::accepted)];
    }
    OpensProgress opens() const { return handle->progress().opens; }
};

}  // namespace

TEST_CASE("opens with keys are matched with their messages, each person once, and the ledger keeps what they taught") {
    Told told;
    CHECK(told.opens().known == OpensKnown::none);
    const WallTime now = system_clock().wall();
    std::vector<Open> opens;
    std::vector<std::string> keys;
    for (int i = 1; i <= 50; ++i) keys.push_back("customer-" + std::to_string(i));
    for (const std::string& key : keys) opens.push_back({key, now});
    opens.push_back({keys.front(), now});      // once more
    opens.push_back({"somebody-else", now});   // not of this campaign
    opens.push_back({keys.back(), now - 1h});  // told again, wherever it belongs
    REQUIRE(told.handle->observe_opens(opens));
    REQUIRE(eventually(10s, [&] { return told.opens().seen == 50; }));
    CHECK(told.opens().repeated == 2);
    CHECK(told.opens().unknown == 1);
    CHECK(told.opens().known == OpensKnown::attributed);
    CHECK(told.opens().waiting == 0);

    // While opens come with keys, mere counts are left aside.
    const TimePoint monotonic = system_clock().now();
    told.handle->observe_opens(100, monotonic - 1s, monotonic);
    CHECK(told.opens().seen == 50);
    CHECK(told.opens().known == OpensKnown::attributed);

    told.handle->stop(system_clock().now() + 5s);
    REQUIRE(told.handle->wait(20s));
    const auto report = told.handle->report();
    REQUIRE(report);
    REQUIRE(report->response);
    CHECK(report->response->known == "attributed");
    CHECK(report->response->opens == 50);
    CHECK(report->response->believed == ResponseFigures{0.1, 2, 0.8});
    CHECK(report->response->learnt.open_rate > 0.1);
    CHECK(report->response->curve.size() > 10);
    const std::lock_guard lock(told.log_mutex);
    for (const std::string& key : keys) CHECK_FALSE(has(told.log, key));
    CHECK_FALSE(has(told.log, "somebody-else"));
}

TEST_CASE("counts alone are the second way, and no word at all the third") {
    Told told;
    const TimePoint now = system_clock().now();
    told.handle->observe_opens(3, now - 1s, now);
    CHECK(told.opens().known == OpensKnown::counted);
    CHECK(told.opens().seen == 3);
    told.handle->stop(system_clock().now() + 5s);
    REQUIRE(told.handle->wait(20s));
    CHECK(told.handle->report()->response->known == "counted");

    Told untold;
    untold.handle->stop(system_clock().now() + 5s);
    REQUIRE(untold.handle->wait(20s));
    const auto report = untold.handle->report();
    CHECK(report->response->known == "none");
    CHECK(report->response->learnt == report->response->believed);
}

TEST_CASE("more opens than can wait are refused whole, and may be told again") {
    Told told;
    const std::vector<Open> flood(200'001, Open{"somebody", system_clock().wall()});
    const auto refused = told.handle->observe_opens(flood);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(told.opens().unknown == 0);
    REQUIRE(told.handle->observe_opens(std::span(flood).first(1000)));
    CHECK(eventually(10s, [&] { return told.opens().unknown == 1000; }));
}

TEST_CASE("an app's opens come over the operator's surface, and status and report say how they are known") {
    TempDir dir;
    Twin twin{dir};
    CampaignText text = CampaignText::over_webhook(twin).watched(twin);
    dir.write("people.csv", webhook_audience(40));
    Cli run(dir, {"run", text.write(dir), "--progress", "none", "--watch", "60s", "--listen", "127.0.0.1:0"});
    REQUIRE(eventually(20s, [&] { return has(run.err(), "token in "); }));
    const std::string told = run.err();
    const auto between = [&](const std::string& before, const std::string& until) {
        const auto from = told.find(before) + before.size();
        return told.substr(from, told.find(until, from) - from);
    };
    const std::string address = between("operator's surface: ", ",");
    const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    const std::string head = "Authorization: Bearer " + read_file(between("token in ", "\n"));
    const std::string bearer = head.substr(0, head.find('\n')) + "\r\n";
    const auto post = [&](const std::string& body) {
        return http(port, "POST", "/campaigns/practice/opens", bearer, body);
    };
    REQUIRE(eventually(30s, [&] { return twin.arrivals().size() == 40; }));

    nlohmann::json opens = nlohmann::json::array();
    const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    for (int i = 1; i <= 10; ++i) {
        char key[16];
        std::snprintf(key, sizeof key, "m%06d", i);
        opens.push_back({{"key", key}, {"at", now}});
    }
    opens.push_back({{"key", "a-stranger"}});
    CHECK(post(nlohmann::json{{"opens", opens}}.dump()).status == 200);
    CHECK(post(R"({"opens": []})").status == 200);
    const HttpAnswer wrong = post(R"({"opens": [{"key": "a-stranger", "at": "soon"}]})");
    CHECK(wrong.status == 400);
    CHECK_FALSE(has(wrong.body, "a-stranger"));
    const auto status = [&] {
        return nlohmann::json::parse(http(port, "GET", "/status", bearer).body)["campaigns"][0]["opens"];
    };
    REQUIRE(eventually(10s, [&] { return status()["seen"] == 10; }));
    CHECK(status()["known"] == "attributed");
    CHECK(status()["unknown"] == 1);

    run.process().signal(SIGTERM);
    CHECK(run.wait(30s) >= 0);
    CHECK_FALSE(has(run.err(), "a-stranger"));
    const CliResult report = cli(dir, {"report", text.write(dir), "--json"});
    CHECK(report.json["response"]["known"] == "attributed");
    CHECK(report.json["response"]["opens"] == 10);
    const std::string page = dir.file("report.html");
    CHECK(cli(dir, {"report", text.write(dir), "--html", page}).code == 0);
    CHECK(has(read_file(page), "How people react"));
    CHECK(has(cli(dir, {"report", text.write(dir)}).out, "Response: learnt from 10 opens (attributed)"));
}
