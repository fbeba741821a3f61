#include <cmath>
#include <limits>
#include <set>

#include "ledger_fixture.hpp"

using namespace tidegate;
using namespace ledger_test;

namespace {

LedgerDelivery full_delivery(std::int64_t recipient) {
    LedgerDelivery d = intent(recipient, 2);
    d.state = DeliveryState::waiting;
    d.attempts = 3;
    d.outcome = Final::failed;
    d.retry_at = WallTime(std::chrono::milliseconds(1795392001999));
    Outcome& o = d.last;
    o.kind = OutcomeClass::transient;
    o.reason = Reason::pending;
    o.scope = Scope::provider;
    o.phase = Phase::report;
    o.drop_address = o.failover_ok = o.pause_account = o.reconnect = true;
    o.retry_after = std::chrono::nanoseconds(1500000001);
    o.min_backoff = std::chrono::seconds(20);
    o.http_status = 503;
    o.code = "Unavailable";
    o.text = "잠시 후";
    o.provider_id = "id-1";
    o.invalid_since = WallTime(std::chrono::milliseconds(5));
    return d;
}

}  // namespace

TEST_CASE("walking visits every pending recipient once, cohort by cohort, shard by shard, in order of id") {
    const TempDir dir;
    make_ledger(dir.file("l"), 200);
    const auto ledger = sender(dir.file("l"));
    const auto all = everyone(*ledger);
    REQUIRE(all.size() == 200);
    std::set<std::int64_t> ids;
    for (std::size_t i = 0; i < all.size(); ++i) {
        ids.insert(all[i].id);
        if (i == 0) continue;
        CHECK(std::tuple(all[i - 1].cohort, all[i - 1].shard, all[i - 1].id) <
              std::tuple(all[i].cohort, all[i].shard, all[i].id));
    }
    CHECK(ids.size() == 200);
    CHECK(ledger->walk({9, 0, 0}, 10)->empty());
}

TEST_CASE("a recipient with an outcome is not walked again, and a cursor goes on where it stood") {
    const TempDir dir;
    make_ledger(dir.file("l"), 50);
    auto ledger = sender(dir.file("l"));
    const auto all = everyone(*ledger);
    LedgerBatch batch;
    for (std::size_t i = 0; i < all.size(); i += 2) batch.finals.push_back({all[i].id, Final::accepted});
    REQUIRE(ledger->commit(batch));
    ledger.reset();
    ledger = sender(dir.file("l"));
    const auto rest = everyone(*ledger);
    REQUIRE(rest.size() == all.size() / 2);
    for (std::size_t i = 0; i < rest.size(); ++i) CHECK(rest[i] == all[2 * i + 1]);
    const auto& middle = rest[3];
    const auto next = ledger->walk({middle.cohort, middle.shard, middle.id}, 1);
    REQUIRE(next);
    if (rest[4].cohort == middle.cohort) CHECK(next->at(0) == rest[4]);
}

TEST_CASE("a delivery keeps every word of its newest answer") {
    const TempDir dir;
    make_ledger(dir.file("l"), 5);
    auto ledger = sender(dir.file("l"));
    LedgerBatch batch;
    batch.deliveries = {intent(3), full_delivery(3)};
    REQUIRE(ledger->commit(batch));
    ledger.reset();
    ledger = sender(dir.file("l"));
    const auto stored = ledger->of(3);
    REQUIRE(stored);
    CHECK(stored->recipient.id == 3);
    CHECK_FALSE(stored->recipient.person.key.empty());
    CHECK_FALSE(stored->recipient.person.addresses.empty());
    REQUIRE(stored->deliveries.size() == 2);
    CHECK(stored->deliveries.at(0) == intent(3));
    CHECK(stored->deliveries.at(1) == full_delivery(3));
    CHECK(ledger->of(4)->deliveries.empty());
    CHECK(*ledger->of(99) == LedgerEntry{});
    CHECK(ledger->totals()->deliveries == 2);
}

TEST_CASE("open deliveries come in order of id with their recipients, until they are done") {
    const TempDir dir;
    make_ledger(dir.file("l"), 20);
    const auto ledger = sender(dir.file("l"));
    LedgerBatch batch;
    for (const std::int64_t id : {17, 2, 9, 5}) batch.deliveries.push_back(intent(id));
    batch.deliveries[1].state = DeliveryState::waiting;
    REQUIRE(ledger->commit(batch));
    auto open = ledger->open(0, 3);
    REQUIRE(open);
    REQUIRE(open->size() == 3);
    CHECK(open->at(0).first.id == intent(2).id);
    CHECK(open->at(0).first.state == DeliveryState::waiting);
    CHECK(open->at(1).first.id == intent(5).id);
    CHECK(open->at(1).second.person.key == "c5");
    CHECK(open->at(1).second.person.addresses.at(0).value == "token-of-c5");
    CHECK(ledger->open(intent(9).id, 10)->size() == 1);

    batch = {};
    for (const std::int64_t id : {17, 2, 9}) {
        batch.deliveries.push_back(intent(id));
        batch.deliveries.back().state = DeliveryState::done;
    }
    REQUIRE(ledger->commit(batch));
    open = ledger->open(0, 10);
    REQUIRE(open->size() == 1);
    CHECK(open->at(0).second.id == 5);
    CHECK(ledger->totals()->deliveries == 4);
    CHECK(ledger->open(std::numeric_limits<DeliveryId>::max(), 10)->empty());
}

TEST_CASE("the totals always add up to the recipients, also when a final outcome is replaced") {
    const TempDir dir;
    make_ledger(dir.file("l"), 10);
    const auto ledger = sender(dir.file("l"));
    LedgerBatch batch;
    batch.finals = {{1, Final::accepted}, {2, Final::suppressed}, {1, Final::delivered}, {2, Final::suppressed}};
    batch.attempts = 3;
    batch.elapsed_s = 1.5;
    REQUIRE(ledger->commit(batch));
    REQUIRE(ledger->commit(batch));
    const auto totals = ledger->totals();
    REQUIRE(totals);
    CHECK(totals->outcomes[static_cast<std::size_t>(Final::delivered)] == 1);
    CHECK(totals->outcomes[static_cast<std::size_t>(Final::accepted)] == 0);
    CHECK(totals->outcomes[static_cast<std::size_t>(Final::suppressed)] == 1);
    CHECK(totals->outcomes[static_cast<std::size_t>(Final::pending)] == 8);
    CHECK(totals->attempts == 6);
    CHECK(totals->elapsed_s == doctest::Approx(3.0));
}

TEST_CASE("a batch that names an unknown recipient is not applied at all") {
    const TempDir dir;
    make_ledger(dir.file("l"), 3);
    const auto ledger = sender(dir.file("l"));
    const auto before = ledger->totals();
    LedgerBatch batch;
    batch.deliveries = {intent(1), intent(77)};
    batch.attempts = 2;
    CHECK_FALSE(ledger->commit(batch));
    CHECK(*ledger->totals() == *before);
    CHECK(ledger->of(1)->deliveries.empty());
    batch.deliveries.pop_back();
    CHECK(ledger->commit(batch));
    CHECK(ledger->of(1)->deliveries.size() == 1);
}

TEST_CASE("history is kept as given: what is not known stays unknown") {
    const TempDir dir;
    make_ledger(dir.file("l"), 3);
    const auto ledger = sender(dir.file("l"));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const WallTime at(std::chrono::milliseconds(1795392000001));
    LedgerBatch batch;
    BackendTick tick;
    tick.at = at;
    tick.backend = "app-api";
    tick.p99_s = nan;
    tick.ceiling = nan;
    tick.committed = 12.5;
    tick.state = "stale";
    tick.reason = "no sample";
    batch.backend_ticks = {tick};
    batch.ticks = {{at, 100.5, 7, 2, "backend"}};
    batch.holds = {{"app-api", at, std::nullopt, "p99", 0.4, "over"}};
    batch.cohorts = {{1, "cohort 1", false, 2, 1, at, std::nullopt}};
    batch.tallies = {{"ios", "apns", {1, 2, 3, 4, 5, 6}}};
    batch.backends = {{"app-api", 0.3, nan, 1.0}};
    batch.events = {{at, "pause", "by hand", "op"}};
    batch.meta = {{"state", "paused"}};
    REQUIRE(ledger->commit(batch));
    batch.holds[0].to = at;
    batch.backends = {{"app-api", 0.3, 0.9, 0.5}};
    REQUIRE(ledger->commit(batch));
    batch.backends = {{"app-api", 0.3, 0.2, 0.0}};
    REQUIRE(ledger->commit(batch));

    const auto ticks = ledger->backend_ticks();
    REQUIRE(ticks->size() == 3);
    CHECK(std::isnan(ticks->at(0).p99_s));
    CHECK(std::isnan(ticks->at(0).ceiling));
    CHECK(ticks->at(0).committed == 12.5);
    CHECK(ticks->at(0).reason == "no sample");
    CHECK(ledger->ticks()->at(0) == batch.ticks[0]);
    REQUIRE(ledger->holds()->size() == 1);
    CHECK(ledger->holds()->at(0) == batch.holds[0]);
    CHECK(ledger->cohorts()->at(1) == batch.cohorts[0]);
    CHECK(ledger->tallies()->at(0).answers == std::array<std::uint64_t, 6>{3, 6, 9, 12, 15, 18});
    CHECK(ledger->backends()->at(0) == BackendSummary{"app-api", 0.3, 0.9, 1.5});
    CHECK(ledger->events()->size() == 3);
    CHECK(ledger->events()->at(0) == batch.events[0]);
    CHECK(*ledger->meta("state") == "paused");
}

TEST_CASE("for_each visits the recipients with the outcomes asked for, in order, with all their deliveries") {
    const TempDir dir;
    make_ledger(dir.file("l"), 30);
    const auto ledger = sender(dir.file("l"));
    LedgerBatch batch;
    batch.deliveries = {intent(21), intent(4), intent(4, 1)};
    batch.finals = {{21, Final::unknown}, {4, Final::failed}, {9, Final::accepted}, {12, Final::unknown}};
    REQUIRE(ledger->commit(batch));
    std::vector<std::pair<std::int64_t, std::size_t>> seen;
    REQUIRE(ledger->for_each({Final::unknown, Final::failed}, [&](const auto& recipient, const auto& deliveries) {
        CHECK(recipient.person.key == "c" + std::to_string(recipient.id));
        CHECK(ledger->meta("campaign_id")->has_value());  // the callback may ask the ledger
        seen.emplace_back(recipient.id, deliveries.size());
    }));
    CHECK(seen == std::vector<std::pair<std::int64_t, std::size_t>>{{4, 2}, {12, 0}, {21, 1}});
    const auto threw = ledger->for_each({Final::unknown}, [](const auto&, const auto&) { throw 1; });
    REQUIRE_FALSE(threw);
    CHECK(threw.error().code == Errc::internal);
}
