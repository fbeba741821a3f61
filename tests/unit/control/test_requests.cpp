#include <doctest/doctest.h>

#include <chrono>
#include <cmath>

#include "control/requests.hpp"

using namespace tidegate;
using namespace tidegate::control;
using namespace std::chrono_literals;

namespace {

/// 1,800,000,000 s after 1970, a thousand seconds after boot.
const Moment moment{TimePoint(1000s), WallTime(1'800'000'000s)};

}  // namespace

TEST_CASE("a body that is no object is refused, an empty one is an empty object") {
    for (const char* body : {"[]", "1", "null", "{", "\"pause\"", "{} {}"}) {
        CHECK_FALSE(read_campaign_order("pause", body, moment));
        CHECK_FALSE(read_backend_order("hold", body, moment));
    }
    CHECK(read_campaign_order("pause", "", moment)->verb == CampaignOrder::Verb::pause);
    CHECK(read_campaign_order("resume", "{}", moment)->verb == CampaignOrder::Verb::resume);
    CHECK(read_campaign_order("abort", "", moment)->verb == CampaignOrder::Verb::abort);
    CHECK_FALSE(read_campaign_order("stop", "", moment));
}

TEST_CASE("a rate is a number from 0; null or nothing is the configured one") {
    CHECK(read_campaign_order("rate", R"({"per_second": 12.5})", moment)->rate == Rate{12.5});
    CHECK(read_campaign_order("rate", R"({"per_second": 0})", moment)->rate == Rate{0});
    CHECK(read_campaign_order("rate", R"({"per_second": null})", moment)->rate == std::nullopt);
    CHECK(read_campaign_order("rate", "", moment)->rate == std::nullopt);
    for (const char* body : {R"({"per_second": -1})", R"({"per_second": "12"})", R"({"per_second": 1e999})"}) {
        CHECK_FALSE(read_campaign_order("rate", body, moment));
    }
}

TEST_CASE("opens come as a count or a list, between two moments of the last day") {
    const auto count = read_campaign_order("opens", R"({"count": 12, "from": 1799999990, "to": 1800000000})", moment);
    REQUIRE(count);
    CHECK(count->opens == 12);
    CHECK(count->from == moment.now - 10s);
    CHECK(count->to == moment.now);
    CHECK_FALSE(count->opened);
    CHECK(
        read_campaign_order("opens", R"({"opens": ["a", "b"], "from": 1799999990, "to": 1800000000})", moment)->opens ==
        2);
    for (const char* body :
         {R"({"count": 12})", R"({"count": -1, "from": 1799999990, "to": 1800000000})",
          R"({"from": 1799999990, "to": 1800000000})", R"({"count": 1, "from": 1800000000, "to": 1799999990})",
          R"({"count": 1, "from": 1799999990, "to": 1800000099})", R"({"count": 1, "from": 0, "to": 1800000000})",
          R"({"count": "1", "from": 1799999990, "to": 1800000000})"}) {
        CHECK_FALSE(read_campaign_order("opens", body, moment));
    }
}

TEST_CASE("opens come with keys and times; what is wrong with one is told by its number, never by its key") {
    const auto order =
        read_campaign_order("opens", R"({"opens": [{"key": "c-17", "at": 1799999990.25}, {"key": "c-18"}]})", moment);
    REQUIRE(order);
    REQUIRE(order->opened);
    CHECK(*order->opened ==
          std::vector<Open>{{"c-17", WallTime(1'799'999'990'250ms)}, {"c-18", WallTime(1'800'000'000s)}});
    const auto nobody = read_campaign_order("opens", R"({"opens": []})", moment);
    REQUIRE(nobody);
    REQUIRE(nobody->opened);
    CHECK(nobody->opened->empty());
    for (const char* body :
         {R"({"opens": [{"key": "secret-key", "at": 1800000099}]})", R"({"opens": [{"key": "secret-key", "at": 0}]})",
          R"({"opens": [{"key": "secret-key", "at": "now"}]})", R"({"opens": [{"key": ""}]})", R"({"opens": [{}]})",
          R"({"opens": [{"key": 5}]})", R"({"opens": [{"key": "secret-key"}, "secret-key"]})",
          R"({"opens": [{"key": "secret-key"}], "from": 1799999990, "to": 1800000000})"}) {
        const auto refused = read_campaign_order("opens", body, moment);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().text().find("secret-key") == std::string::npos);
    }
    const auto second = read_campaign_order("opens", R"({"opens": [{"key": "a"}, {"at": 1}]})", moment);
    CHECK(second.error().text().find("open 2") != std::string::npos);
}

TEST_CASE("a sample keeps the time it describes; what is no number is NaN and holds") {
    const auto full =
        read_backend_order("samples", R"({"p99_ms": 41, "load": 420, "errors": 0.001, "at": 1799999997})", moment);
    REQUIRE(full);
    CHECK(full->is_sample);
    CHECK(full->sample.p99 == Seconds(0.041));
    CHECK(full->sample.load == 420);
    CHECK(full->sample.errors == 0.001);
    CHECK(full->sample.at == moment.now - 3s);
    const auto bare = read_backend_order("samples", R"({"p99": 0.2, "load": "many"})", moment);
    REQUIRE(bare);
    CHECK(bare->sample.at == moment.now);
    CHECK(bare->sample.p99 == Seconds(0.2));
    CHECK(std::isnan(bare->sample.load.value()));
    CHECK_FALSE(bare->sample.errors);
    CHECK(std::isnan(read_backend_order("samples", "{}", moment)->sample.p99.count()));
    CHECK_FALSE(read_backend_order("samples", R"({"p99": 0.2, "at": 1800000006})", moment));
    CHECK_FALSE(read_backend_order("samples", R"({"p99": 0.2, "at": 1})", moment));
}

TEST_CASE("only the word false lifts a hold") {
    CHECK(read_backend_order("hold", "", moment)->held);
    CHECK(read_backend_order("hold", R"({"held": true})", moment)->held);
    CHECK_FALSE(read_backend_order("hold", R"({"held": false})", moment)->held);
    for (const char* body : {R"({"held": "true"})", R"({"held": 1})", R"({"held": null})"}) {
        CHECK_FALSE(read_backend_order("hold", body, moment));
    }
    CHECK_FALSE(read_backend_order("release", "", moment));
}
