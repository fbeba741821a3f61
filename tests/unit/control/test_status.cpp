#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "control/status.hpp"

using namespace tidegate;

namespace {

Progress campaign() {
    Progress progress;
    progress.campaign = "say \"hi\"\\";
    progress.state = RunState::running;
    progress.totals.recipients = 10;
    progress.totals.outcomes[static_cast<std::size_t>(Final::pending)] = 4;
    progress.totals.outcomes[static_cast<std::size_t>(Final::accepted)] = 6;
    progress.allowed = std::numeric_limits<double>::infinity();
    return progress;
}

BackendProgress backend() {
    BackendProgress progress;
    progress.name = "app-api";
    progress.p99_s = std::nan("");
    progress.slo_s = 0.3;
    progress.state = "hold";
    progress.held_by_operator = true;
    return progress;
}

bool has_line(const std::string& text, const std::string& wanted) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line == wanted) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("metrics name every outcome, escape what a name may hold, and never omit a value") {
    const std::string text = control::status_metrics({campaign()}, {backend()});
    INFO(text);
    CHECK(has_line(text, R"(tidegate_recipients{campaign="say \"hi\"\\",outcome="pending"} 4)"));
    CHECK(has_line(text, R"(tidegate_recipients{campaign="say \"hi\"\\",outcome="accepted"} 6)"));
    CHECK(has_line(text, R"(tidegate_allowed_rate{campaign="say \"hi\"\\"} +Inf)"));
    CHECK(has_line(text, R"(tidegate_backend_p99_seconds{backend="app-api"} NaN)"));
    CHECK(has_line(text, R"(tidegate_backend_open{backend="app-api"} 0)"));
    CHECK(has_line(text, R"(tidegate_backend_held_by_operator{backend="app-api"} 1)"));
}

TEST_CASE("metrics tell a deadline that cannot be met from one that can and from none") {
    Progress progress = campaign();
    const std::string name = R"(tidegate_deadline_holds{campaign="say \"hi\"\\"} )";
    CHECK(has_line(control::status_metrics({progress}, {}), name + "NaN"));
    progress.deadline_holds = true;
    CHECK(has_line(control::status_metrics({progress}, {}), name + "1"));
    progress.deadline_holds = false;
    CHECK(has_line(control::status_metrics({progress}, {}), name + "0"));
}

TEST_CASE("status tells how opens are known, and what a backend's history holds") {
    Progress progress = campaign();
    progress.opens.known = OpensKnown::attributed;
    progress.opens.seen = 12;
    progress.opens.open_rate = 0.07;
    BackendProgress watched = backend();
    auto json = nlohmann::json::parse(control::status_json({progress}, {watched}));
    CHECK(json["campaigns"][0]["opens"]["known"] == "attributed");
    CHECK(json["campaigns"][0]["opens"]["seen"] == 12);
    CHECK(json["backends"][0]["history"]["most_load"].is_null());
    CHECK(json["backends"][0]["history"]["text"] == "none: the first campaign explores carefully");
    watched.history.samples = 100;
    watched.history.watched_s = 7200;
    watched.history.most_load = 1180;
    watched.remembered = 100;
    json = nlohmann::json::parse(control::status_json({progress}, {watched}));
    CHECK(json["backends"][0]["history"]["most_load"] == 1180);
    CHECK(json["backends"][0]["history"]["used"] == 100);
    const std::string text = control::status_metrics({progress}, {watched});
    CHECK(has_line(text, R"(tidegate_opens_known{campaign="say \"hi\"\\"} 2)"));
    CHECK(has_line(text, R"(tidegate_backend_history_seconds{backend="app-api"} 7200)"));
}

TEST_CASE("status is JSON even where a value is no number") {
    const auto json = nlohmann::json::parse(control::status_json({campaign()}, {backend()}));
    CHECK(json["campaigns"][0]["allowed"].is_null());
    CHECK(json["backends"][0]["p99_ms"].is_null());
    CHECK(json["backends"][0]["held_by_operator"] == true);
}

TEST_CASE("status says how the shared quota stands, and that there is none where limits are not shared") {
    CHECK(nlohmann::json::parse(control::status_json({}, {}))["quota"].is_null());
    CHECK(has_line(control::status_metrics({}, {}), "tidegate_quota_reachable NaN"));
    QuotaView quota;
    quota.node = "seoul#1";
    quota.trouble = "connection refused";
    quota.quiet = std::chrono::milliseconds(2500);
    quota.untold["camp:spring"].state = QuotaOrder::State::pause;
    const auto json = nlohmann::json::parse(control::status_json({}, {}, quota));
    CHECK(json["quota"]["node"] == "seoul#1");
    CHECK(json["quota"]["reachable"] == false);
    CHECK(json["quota"]["trouble"] == "connection refused");
    CHECK(json["quota"]["untold"] == nlohmann::json::array({"camp:spring"}));
    const std::string text = control::status_metrics({}, {}, quota);
    CHECK(has_line(text, "tidegate_quota_reachable 0"));
    CHECK(has_line(text, "tidegate_quota_quiet_seconds 2.5"));
    CHECK(has_line(text, "tidegate_quota_leads 0"));
}
