#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tidegate/base/text.hpp"
#include "tidegate/delivery/forecast.hpp"
#include "tidegate/pacing/response_model.hpp"

using namespace tidegate;

namespace {

WallTime at(const char* text) {
    return *parse_wall_time(text);
}

struct Plan {
    Plan() {
        site.backends = {{.limits = {.name = "api", .capacity_hint = 400.0}}};
        site.channels.resize(1);
        site.channels[0].name = "ios";
        campaign.id = "c";
        campaign.purpose = Purpose::informational;
        campaign.send = {{"ios"}};
        campaign.response = {.open_rate = 0.2, .median = std::chrono::seconds(2), .spread = 0.8};
        campaign.impact["api"] = {.per_open = 3.0};
        campaign.cohorts.gap = std::chrono::seconds(0);
        input.now = at("2026-11-23T00:05:00Z");
        input.baseline["api"] = 100.0;
        input.cohort_sizes.assign(10, 2000);
    }
    Forecast run() const { return forecast(site, campaign, input); }

    Site site;
    Campaign campaign;
    ForecastInput input;
};

double seconds(WallTime from, WallTime to) {
    return Seconds(to - from).count();
}

bool warned(const Forecast& f, const std::string& part) {
    return std::any_of(f.warnings.begin(), f.warnings.end(),
                       [&](const std::string& w) { return w.find(part) != std::string::npos; });
}

double released(const Forecast& f) {
    return std::accumulate(f.released.begin(), f.released.end(), 0.0);
}

}  // namespace

TEST_CASE("a forecast releases everybody under the bound and ends when the load has faded") {
    const Forecast f = Plan().run();
    REQUIRE(f.backends.size() == 1);
    CHECK(f.recipients == 20000);
    CHECK(released(f) == doctest::Approx(20000.0));
    CHECK(f.backends[0].bound == 400.0);
    CHECK(f.backends[0].peak <= 400.0);
    CHECK(f.backends[0].peak > 300.0);
    CHECK(f.backends[0].load.size() == f.released.size());
    CHECK(f.backends[0].load.back() < 105.0);
    CHECK(f.load_over > f.last_release);
    // 12,000 requests into 300/s are 40 s; beside that the law sees three samples first, learns, and leaves a margin.
    CHECK(seconds(f.starts, f.last_release) > 55.0);
    CHECK(seconds(f.starts, f.last_release) < 120.0);
    CHECK(f.warnings.empty());
}

TEST_CASE("a reserve and a higher baseline both make it slower") {
    Plan plan;
    const double plain = seconds(plan.run().starts, plan.run().last_release);
    plan.site.backends[0].limits.reserve = 0.4;
    const Forecast reserved = plan.run();
    CHECK(reserved.backends[0].bound < 400.0);
    CHECK(reserved.backends[0].peak <= *reserved.backends[0].bound);
    CHECK(seconds(reserved.starts, reserved.last_release) > 1.1 * plain);
    plan.site.backends[0].limits.reserve = 0.0;
    plan.input.baseline["api"] = 250.0;
    CHECK(seconds(plan.run().starts, plan.run().last_release) > 1.7 * plain);
}

TEST_CASE("cohorts keep their gap and a canary is waited for until its response has been seen") {
    Plan plan;
    plan.campaign.cohorts.gap = std::chrono::seconds(30);
    plan.campaign.cohorts.canary = {0.01};
    plan.campaign.response.median = std::chrono::seconds(45);
    plan.input.cohort_sizes = {200, 1000, 1000, 1000};
    plan.input.cohort_labels = {"canary 1%", "a", "b", "c"};
    const Forecast f = plan.run();
    REQUIRE(f.cohorts.size() == 4);
    CHECK(f.cohorts[0].canary);
    CHECK_FALSE(f.cohorts[1].canary);
    CHECK(f.cohorts[0].label == "canary 1%");
    const double soak = ResponseModel(plan.campaign.response).quantile(0.8);
    CHECK(seconds(f.cohorts[0].ends, f.cohorts[1].starts) >= soak - 0.01);
    CHECK(seconds(f.cohorts[0].ends, f.cohorts[1].starts) < soak + 31.0);
    for (std::size_t i = 2; i < 4; ++i) CHECK(seconds(f.cohorts[i - 1].starts, f.cohorts[i].starts) >= 30.0 - 0.01);
}

TEST_CASE("ten thousand cohorts with a gap take as long as their gaps, within bounded steps") {
    Plan plan;
    plan.campaign.cohorts.gap = std::chrono::seconds(30);
    plan.input.cohort_sizes.assign(10000, 5);
    const Forecast f = plan.run();
    CHECK(f.released.size() <= 20000);
    CHECK_FALSE(f.endless);
    CHECK(released(f) == doctest::Approx(50000.0));
    CHECK(seconds(f.starts, f.last_release) == doctest::Approx(9999 * 30.0).epsilon(0.01));
}

TEST_CASE("the campaign's limit and the account's cap bound the rate") {
    Plan plan;
    plan.campaign.per_second = Rate{50.0};
    CHECK(seconds(plan.run().starts, plan.run().last_release) == doctest::Approx(400.0).epsilon(0.07));
    plan.site.channels[0].per_second = Rate{20.0};
    CHECK(seconds(plan.run().starts, plan.run().last_release) == doctest::Approx(1000.0).epsilon(0.03));
}

TEST_CASE("a deadline that cannot hold is said before sending, with how many would be left") {
    Plan plan;
    plan.campaign.deadline = plan.input.now + std::chrono::seconds(20);
    const Forecast f = plan.run();
    CHECK(f.left_at_deadline > 5000);
    CHECK(released(f) + static_cast<double>(f.left_at_deadline) == doctest::Approx(20000.0).epsilon(0.001));
    CHECK(f.last_release <= *plan.campaign.deadline);
    CHECK(f.backends[0].peak <= 400.0);
    CHECK(warned(f, "left at the deadline"));
    plan.campaign.deadline = plan.input.now - std::chrono::seconds(1);
    CHECK(plan.run().left_at_deadline == 20000);
    plan.campaign.deadline = plan.input.now + std::chrono::minutes(10);
    CHECK(plan.run().left_at_deadline == 0);
}

TEST_CASE("no room at all is endless and says which backend") {
    Plan plan;
    plan.input.baseline["api"] = 400.0;
    const Forecast f = plan.run();
    CHECK(f.endless);
    CHECK(warned(f, "api: its baseline of 400"));
    CHECK(warned(f, "never finish"));
}

TEST_CASE("very long and very short campaigns stay within bounded steps") {
    Plan plan;
    plan.campaign.response.median = std::chrono::seconds(45);
    plan.input.cohort_sizes.assign(64, 400000);
    const Forecast f = plan.run();
    CHECK(f.released.size() <= 20000);
    CHECK_FALSE(f.endless);
    CHECK(f.backends[0].peak <= 400.0);
    CHECK(released(f) == doctest::Approx(25600000.0).epsilon(1e-6));
    plan.input.cohort_sizes = {1};
    CHECK(released(plan.run()) == doctest::Approx(1.0));
}

TEST_CASE("what is not known or not guarded is warned of") {
    Plan plan;
    plan.site.backends[0].limits.capacity_hint.reset();
    Forecast f = plan.run();
    CHECK_FALSE(f.backends[0].bound.has_value());
    CHECK(warned(f, "no capacity_hint"));
    CHECK(f.backends[0].peak > 200.0);
    const double feeling = seconds(f.starts, f.last_release);
    plan.input.cohort_sizes.assign(10, 200000);
    f = plan.run();
    CHECK(f.backends[0].peak > 400.0);                          // nothing bounds it in thought, ...
    CHECK(seconds(f.starts, f.last_release) < 40.0 * feeling);  // ... but it has to be found
    plan.campaign.impact.clear();
    f = plan.run();
    CHECK(f.backends.empty());
    CHECK(warned(f, "no backend"));
    plan.input.cohort_sizes.clear();
    CHECK(warned(plan.run(), "audience is empty"));
    CHECK(plan.run().recipients == 0);
}

TEST_CASE("starting with everybody else at the hour or a quarter is warned of, in the campaign's zone") {
    Plan plan;
    plan.input.now = at("2026-11-22T20:05:00Z");
    for (const char* bad : {"2026-11-23T09:00:30+09:00", "2026-11-23T09:14:10+09:00", "2026-11-23T09:45:59+09:00"}) {
        plan.campaign.starts = at(bad);
        CHECK(warned(plan.run(), "quarter-hour"));
    }
    for (const char* fine : {"2026-11-23T09:01:00+09:00", "2026-11-23T09:13:59+09:00", "2026-11-23T09:37:00+09:00"}) {
        plan.campaign.starts = at(fine);
        CHECK_FALSE(warned(plan.run(), "quarter-hour"));
    }
    plan.campaign.zone = "Asia/Kathmandu";  // 5:45 ahead of UTC
    plan.campaign.starts = at("2026-11-23T03:30:00Z");
    CHECK(warned(plan.run(), "09:15"));
}

TEST_CASE("the same input gives the same forecast") {
    CHECK(Plan().run() == Plan().run());
}

TEST_CASE("a small campaign takes its time too: three samples of telemetry come before the first message") {
    Plan plan;
    plan.input.cohort_sizes = {500};
    const Forecast slow = plan.run();
    CHECK(seconds(slow.starts, slow.cohorts[0].starts) >= 15.0);
    plan.site.backends[0].signal = PushSignal{std::chrono::seconds(1)};
    const Forecast quick = plan.run();
    CHECK(seconds(quick.starts, quick.cohorts[0].starts) >= 3.0);
    CHECK(seconds(quick.starts, quick.cohorts[0].starts) < 8.0);
}

TEST_CASE("an advertisement waits for the morning in the plan as it would in the run") {
    Plan plan;
    plan.campaign.purpose = Purpose::advertising;
    plan.input.now = at("2026-11-23T20:59:30+09:00");
    plan.input.cohort_sizes.assign(10, 20000);
    const Forecast f = plan.run();
    CHECK(warned(f, "waits for the morning"));
    CHECK(f.last_release > at("2026-11-24T08:00:00+09:00"));
    CHECK(f.last_release < at("2026-11-24T08:45:00+09:00"));
    CHECK(released(f) == doctest::Approx(200000.0));
    plan.campaign.deadline = at("2026-11-23T23:00:00+09:00");
    CHECK(plan.run().left_at_deadline > 150000);
}

TEST_CASE("before a first-come event the lot is told, then nobody while it is served, then the rest") {
    Plan plan;
    plan.campaign.event.emplace();
    plan.campaign.event->at = plan.input.now + std::chrono::minutes(10);
    plan.campaign.event->rush = {.response = 0.6, .median = std::chrono::seconds(6)};
    plan.site.backends[0].signal = PushSignal{std::chrono::seconds(1)};
    const Forecast f = plan.run();
    const FirstCome crowd(plan.campaign.event->rush);
    const double lot = crowd.largest_lot({.room = 300.0, .per_open = 3.0});
    double before = 0.0, during = 0.0;
    for (std::size_t i = 0; i < f.released.size(); ++i) {
        const double from = Seconds(f.step).count() * static_cast<double>(i);
        if (from < 600.0) before += f.released[i];
        if (from >= 600.1 && from < 600.0 + crowd.served_after() - 0.1) during += f.released[i];
    }
    CHECK(before == doctest::Approx(lot).epsilon(0.01));
    CHECK(before <= lot);
    CHECK(during == 0.0);
    CHECK(released(f) == doctest::Approx(20000.0));
    CHECK(f.backends[0].peak <= 405.0);
    CHECK(f.backends[0].peak > 380.0);  // the busiest second fills the room
}
