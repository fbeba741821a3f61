#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "sample.hpp"

using namespace tidegate;
using nlohmann::ordered_json;

TEST_CASE("a report in JSON has schema 1, whole, in its order and on one line") {
    const std::string text = to_json(sample::report());
    CHECK(text == R"({"schema":1,"campaign":"check-card-benefit-2026-11","state":"completed",)"
                  R"("audience":{"rows":1010,"malformed":4,"duplicates":6,"recipients":1000},)"
                  R"("outcomes":{"accepted":900,"delivered":40,"undelivered":0,"invalid":30,"rejected":0,"failed":0,)"
                  R"("expired":0,"unknown":5,"skipped":25,"pending":0},)"
                  R"("skipped":{"suppressed":12,"no_consent":8,"no_address":5},)"
                  R"("deliveries":990,"attempts":1003,"elapsed_s":120.25,)"
                  R"("channels":[{"name":"ios","kind":"apns","accepted":940,"invalid":30,"rejected":0,"throttled":11,)"
                  R"("transient":17,"unknown":5}],)"
                  R"("cohorts":[{"index":0,"recipients":10,"started_at":"2026-11-23T00:00:00.000Z",)"
                  R"("finished_at":"2026-11-23T00:00:20.000Z"},)"
                  R"({"index":1,"recipients":990,"started_at":"2026-11-23T00:00:20.000Z","finished_at":null}],)"
                  R"("gates":[],)"
                  R"("backends":[{"name":"app-api","worst_p99_ms":312.5,"slo_ms":300.0,"seconds_over_slo":2.5,)"
                  R"("holds":[{"from":"2026-11-23T00:00:40.000Z","to":"2026-11-23T00:00:55.000Z","signal":"p99",)"
                  R"("value":0.313,"reason":"p99 312 ms is over 300 ms"},)"
                  R"({"from":"2026-11-23T00:01:20.000Z","to":null,"signal":"telemetry","value":21.0,)"
                  R"("reason":"no sample for 21 s"}]}],)"
                  R"("response":{"known":"attributed","opens":1234,)"
                  R"("believed":{"open_rate":0.08,"median_s":45.0,"spread":1.2},)"
                  R"("learnt":{"open_rate":0.0612,"median_s":38.25,"spread":1.1},)"
                  R"("curve":[{"lag_s":1.0,"believed":0.001,"learnt":0.0015},)"
                  R"({"lag_s":45.0,"believed":0.04,"learnt":0.033},)"
                  R"({"lag_s":800.0,"believed":0.0792,"learnt":0.0606}]}})");
}

TEST_CASE("the outcomes of a JSON report add up to its recipients") {
    const auto json = ordered_json::parse(to_json(sample::report()));
    std::uint64_t sum = 0;
    for (const auto& [name, n] : json["outcomes"].items()) sum += n.get<std::uint64_t>();
    CHECK(sum == json["audience"]["recipients"]);
}

TEST_CASE("numbers that are none, and text that is not UTF-8, still make valid JSON") {
    RunReport r = sample::report();
    r.campaign = "a\xff\"b\n";
    r.backends[0].worst_p99_s = std::numeric_limits<double>::quiet_NaN();
    r.holds[0].value = std::numeric_limits<double>::infinity();
    const std::string text = to_json(r);
    CHECK(text.find('\n') == std::string::npos);
    const auto json = ordered_json::parse(text);
    CHECK(json["backends"][0]["worst_p99_ms"].is_null());
    CHECK(json["backends"][0]["holds"][0]["value"].is_null());
}

TEST_CASE("a hold of a backend without a summary is not lost") {
    RunReport r = sample::report();
    r.backends.clear();
    const auto json = ordered_json::parse(to_json(r));
    REQUIRE(json["backends"].size() == 1);
    CHECK(json["backends"][0]["holds"].size() == 2);
}

TEST_CASE("each canary's gate is told as it stood last") {
    RunReport r = sample::report();
    using namespace std::chrono_literals;
    r.events.push_back({sample::kStart + 21s, "gate", "canary 1%: waiting, 3 % of its response seen", ""});
    r.events.push_back(
        {sample::kStart + 40s, "gate", "canary 1%: failed, app-api p99 412 ms > 300 ms at 09:00:39", ""});
    r.events.push_back({sample::kStart + 60s, "gate", "goes on by the operator's word after: canary 1% failed", ""});
    const auto json = ordered_json::parse(to_json(r));
    REQUIRE(json["gates"].size() == 1);
    CHECK(json["gates"][0]["canary"] == "canary 1%");
    CHECK(json["gates"][0]["state"] == "failed");
    CHECK(json["gates"][0]["why"] == "app-api p99 412 ms > 300 ms at 09:00:39");
    CHECK(json["gates"][0]["at"] == "2026-11-23T00:00:40.000Z");
    const std::string text = to_text(r);
    CHECK(text.find("Canary gates (UTC)") != std::string::npos);
    CHECK(text.find("failed    app-api p99 412 ms > 300 ms") != std::string::npos);
}

TEST_CASE("a report of a ledger that was never run has no response") {
    RunReport r = sample::report();
    r.response.reset();
    CHECK(ordered_json::parse(to_json(r))["response"].is_null());
}

TEST_CASE("every state has the name the schema gives it") {
    CHECK(to_string(RunState::running) == "running");
    CHECK(to_string(RunState::completed) == "completed");
    CHECK(to_string(RunState::awaiting_reports) == "awaiting_reports");
    CHECK(to_string(RunState::stopped) == "stopped");
    CHECK(to_string(RunState::aborted) == "aborted");
    CHECK(to_string(RunState::incomplete) == "incomplete");
}
