// Orders on their way to the store: what is offered when.
#include <doctest/doctest.h>

#include "quota/redis_orders.hpp"

using namespace tidegate;
using namespace tidegate::quota;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint t0{std::chrono::seconds(1000)};

}  // namespace

TEST_CASE("orders are offered in the order they were given, one after the other") {
    OrderQueue queue;
    CHECK(queue.due(t0) == nullptr);
    queue.taken();  // an answer to nothing
    queue.refused("x", t0);
    CHECK(queue.trouble().empty());
    queue.add("camp:spring", {QuotaOrder::State::pause});
    queue.add("camp:spring", {QuotaOrder::State::run});
    REQUIRE(queue.due(t0) != nullptr);
    CHECK(queue.due(t0)->what.state == QuotaOrder::State::pause);
    queue.taken();
    REQUIRE(queue.due(t0) != nullptr);
    CHECK(queue.due(t0)->what.state == QuotaOrder::State::run);
    queue.taken();
    CHECK(queue.due(t0) == nullptr);
}

TEST_CASE("a refused order is offered again after a pause that doubles up to eight seconds, and the reason is told") {
    OrderQueue queue;
    queue.add("camp:spring", {QuotaOrder::State::pause});
    queue.add("camp:autumn", {QuotaOrder::State::abort});
    TimePoint now = t0;
    for (const auto pause : {250ms, 500ms, 1000ms, 2000ms, 4000ms, 8000ms, 8000ms}) {
        CAPTURE(pause.count());
        REQUIRE(queue.due(now) != nullptr);
        CHECK(queue.due(now)->subject == "camp:spring");
        queue.refused("Redis says OOM", now);
        CHECK(queue.trouble() == "the order to 'camp:spring' is not taken yet (Redis says OOM); it is offered again");
        CHECK(queue.due(now + pause - 1ms) == nullptr);
        now += pause;
    }
    queue.taken();
    CHECK(queue.trouble().empty());
    REQUIRE(queue.due(now) != nullptr);
    CHECK(queue.due(now)->subject == "camp:autumn");
    queue.refused("Redis says OOM", now);  // the pause is short again
    CHECK(queue.due(now + 250ms) != nullptr);
}

TEST_CASE("what is not told yet is known by its subject, and what came later on it counts") {
    using State = QuotaOrder::State;
    OrderQueue queue;
    CHECK(queue.changes().empty());
    queue.add("camp:spring", {State::pause, {}});
    queue.add("be:app", {State::hold, {}});
    queue.add("camp:spring", {State::run, {}});
    queue.add("camp:spring", {{}, Rate{20}});
    CHECK(queue.changes().at("camp:spring") == QuotaChange{State::run, Rate{20}});
    CHECK(queue.changes().at("be:app") == QuotaChange{State::hold, {}});
    for (int i = 0; i < 3; ++i) queue.taken();
    CHECK(queue.changes().at("camp:spring") == QuotaChange{{}, Rate{20}});
    queue.taken();
    CHECK(queue.changes().empty());
}

TEST_CASE("an order that is offered again is still the same one") {
    OrderQueue queue;
    queue.add("camp:spring", {QuotaOrder::State::pause, {}});
    queue.add("camp:spring", {QuotaOrder::State::pause, {}});
    const std::uint64_t number = queue.due(TimePoint{})->number;
    queue.refused("no answer", TimePoint{});
    CHECK(queue.due(TimePoint{1h})->number == number);
    queue.taken();
    CHECK(queue.due(TimePoint{1h})->number != number);
}
