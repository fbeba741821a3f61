#include <doctest/doctest.h>

#include <algorithm>

#include "tidegate/base/text.hpp"
#include "tidegate/delivery/event_plan.hpp"

using namespace tidegate;
using namespace std::chrono_literals;

namespace {

struct Sale {
    Site site;
    Campaign campaign;
    std::map<std::string, double> baseline{{"app-api", 480.0}};

    Sale() {
        site.backends = {{.limits = {.name = "app-api", .capacity_hint = 1280.0}}};
        campaign.impact["app-api"] = {.per_open = 3.0};
        campaign.event.emplace();
        campaign.event->at = *parse_wall_time("2026-11-23T11:00:00+09:00");
    }
    EventPlan plan(std::uint64_t recipients = 300000) const { return plan_event(site, campaign, recipients, baseline); }
};

bool remarks(const EventPlan& plan, const std::string& part) {
    return std::any_of(plan.remarks.begin(), plan.remarks.end(),
                       [&](const std::string& remark) { return remark.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a plan says how many can be served at the instant and when the rest are told") {
    const Sale sale;
    const EventPlan plan = sale.plan();
    REQUIRE(plan.largest);
    const FirstCome crowd(sale.campaign.event->rush);
    CHECK(static_cast<double>(*plan.largest) * 3.0 * crowd.busiest_second() <= 800.0);
    CHECK(static_cast<double>(*plan.largest + 1) * 3.0 * crowd.busiest_second() > 800.0);
    CHECK(plan.told == *plan.largest);
    CHECK(plan.told + plan.held == 300000);
    CHECK(plan.comers == doctest::Approx(0.6 * static_cast<double>(plan.told)));
    CHECK(plan.rest_from == plan.at + 84s);
    REQUIRE(plan.backends.size() == 1);
    CHECK(plan.backends[0].room == 800.0);
    CHECK(plan.backends[0].from == "1280 requests/s, capacity_hint, less 480 of the others");
}

TEST_CASE("lots have instants of their own, far enough apart, and reach everybody") {
    const EventPlan plan = Sale().plan(20000);
    CHECK(plan.lots_apart == 2min);
    REQUIRE(plan.lots.size() == plan.lot_count);
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < plan.lots.size(); ++i) {
        CHECK(plan.lots[i].instant == plan.at + 2min * static_cast<int>(i));
        CHECK(plan.lots[i].recipients <= *plan.largest);
        all += plan.lots[i].recipients;
    }
    CHECK(all == 20000);
    const EventPlan many = Sale().plan(10000000);
    CHECK(many.lots.size() == 11);  // the first ten, and the last
    CHECK(many.lots.back().instant == many.at + 2min * static_cast<int>(many.lot_count - 1));
    CHECK(remarks(many, "a draw among those who register"));
}

TEST_CASE("an audience that can be served at once is told at once") {
    const EventPlan plan = Sale().plan(1000);
    CHECK(plan.largest == 1000);
    CHECK(plan.held == 0);
    CHECK(plan.lots.empty());
}

TEST_CASE("without hint or history the plan refuses to guess and says what to state") {
    Sale sale;
    sale.site.backends[0].limits.capacity_hint.reset();
    const EventPlan plan = sale.plan();
    CHECK_FALSE(plan.largest);
    CHECK(plan.told == 0);
    CHECK(plan.lots.empty());
    CHECK(plan.backends.at(0).from.find("state capacity_hint") != std::string::npos);
    const EventPlan known = plan_event(sale.site, sale.campaign, 300000, sale.baseline, {{"app-api", 1280.0}});
    CHECK(known.largest == Sale().plan().largest);
    CHECK(known.backends.at(0).from.find("proven by its history") != std::string::npos);
}

TEST_CASE("the weakest of several backends decides; one in shadow does not") {
    Sale sale;
    sale.site.backends.push_back({.limits = {.name = "card", .capacity_hint = 100.0}});
    sale.campaign.impact["card"] = {.per_open = 1.0};
    const EventPlan plan = sale.plan();
    CHECK(static_cast<double>(*plan.largest) == *plan.backends.at(1).largest);
    CHECK(*plan.backends[1].largest < *plan.backends[0].largest);
    sale.site.backends[1].limits.shadow = true;
    CHECK(sale.plan().largest == Sale().plan().largest);
}

TEST_CASE("scarce stock: it says who comes for nothing, and what is left for those told later") {
    Sale sale;
    sale.campaign.event->stock = 1000;
    CHECK(remarks(sale.plan(), "come for 1000 pieces"));
    CHECK(remarks(sale.plan(), "of them for nothing; those told afterwards hear of something that is gone"));
    sale.campaign.event->stock = 100000;
    CHECK(remarks(sale.plan(), "the rest is sold to those who are told afterwards"));
    CHECK(remarks(sale.plan(), "told all at once, 180000 would come for 100000 pieces"));
}

TEST_CASE("no room, a deadline too soon and canaries are remarked on") {
    Sale sale;
    sale.baseline["app-api"] = 2000.0;
    CHECK(sale.plan().told == 0);
    CHECK(remarks(sale.plan(), "nobody would be told before it"));
    sale.campaign.deadline = sale.campaign.event->at + 10s;
    sale.campaign.cohorts.canary = {0.01};
    CHECK(remarks(sale.plan(), "the deadline comes before"));
    CHECK(remarks(sale.plan(), "canaries show"));
    sale.campaign.impact.clear();
    CHECK(remarks(sale.plan(), "nothing keeps the crowd within bounds"));
}
