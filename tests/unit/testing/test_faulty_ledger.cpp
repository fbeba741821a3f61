#include <doctest/doctest.h>

#include "tidegate/testing/faulty_ledger.hpp"

using namespace tidegate;
using tidegate::testing::FaultyLedger;

namespace {

LedgerRecipient person(std::uint32_t cohort, std::uint32_t shard) {
    LedgerRecipient r;
    r.cohort = cohort;
    r.shard = shard;
    return r;
}

LedgerDelivery delivery(std::int64_t recipient, unsigned step, DeliveryState state) {
    LedgerDelivery d;
    d.id = static_cast<DeliveryId>(recipient) << 16 | step << 8;
    d.state = state;
    d.attempts = 1;
    return d;
}

LedgerBatch intents(std::vector<LedgerDelivery> deliveries) {
    LedgerBatch batch;
    batch.deliveries = std::move(deliveries);
    batch.attempts = batch.deliveries.size();
    return batch;
}

LedgerBatch settled(std::int64_t id, Final outcome) {
    LedgerBatch batch;
    batch.finals = {{id, outcome}};
    batch.attempts = 1;
    return batch;
}

std::vector<std::int64_t> ids(const std::vector<LedgerRecipient>& recipients) {
    std::vector<std::int64_t> out;
    for (const auto& r : recipients) out.push_back(r.id);
    return out;
}

}  // namespace

TEST_CASE("a walk yields a cohort's pending recipients by shard, then id, page by page") {
    FaultyLedger ledger;
    ledger.add(person(0, 1));  // 1
    ledger.add(person(0, 0));  // 2
    ledger.add(person(1, 0));  // 3
    ledger.add(person(0, 0));  // 4
    ledger.add(person(0, 2));  // 5
    REQUIRE(ledger.commit(settled(4, Final::suppressed)));
    CHECK(ids(*ledger.walk({}, 10)) == std::vector<std::int64_t>{2, 1, 5});
    CHECK(ids(*ledger.walk({}, 1)) == std::vector<std::int64_t>{2});
    CHECK(ids(*ledger.walk({0, 0, 2}, 10)) == std::vector<std::int64_t>{1, 5});
    CHECK(ids(*ledger.walk({0, 2, 5}, 10)).empty());
    CHECK(ids(*ledger.walk({1, 0, 0}, 10)) == std::vector<std::int64_t>{3});
}

TEST_CASE("a full disk applies nothing of a batch and healing lets it through") {
    FaultyLedger ledger;
    ledger.add(person(0, 0));
    LedgerBatch batch = intents({delivery(1, 0, DeliveryState::intended)});
    batch.finals = {{1, Final::accepted}};
    batch.meta = {{"state", "running"}};
    ledger.fail_after(0);
    const LedgerTotals before = ledger.totals();
    const auto failed = ledger.commit(batch);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == Errc::unavailable);
    CHECK(ledger.totals() == before);
    CHECK(ledger.of(1)->deliveries.empty());
    CHECK_FALSE(ledger.meta("state")->has_value());
    ledger.heal();
    REQUIRE(ledger.commit(batch));
    CHECK(ledger.totals().outcomes[static_cast<std::size_t>(Final::accepted)] == 1);
    CHECK(ledger.totals().attempts == 1);
    CHECK(*ledger.meta("state") == "running");
}

TEST_CASE("the failure comes after exactly the promised number of commits") {
    FaultyLedger ledger;
    ledger.add(person(0, 0));
    ledger.fail_after(2);
    const LedgerBatch batch = settled(1, Final::accepted);
    CHECK(ledger.commit(batch));
    CHECK(ledger.commit(batch));
    CHECK_FALSE(ledger.commit(batch));
    CHECK(ledger.totals().attempts == 2);
}

TEST_CASE("a crash keeps what was committed, forgets what came later, and the copy is healthy") {
    FaultyLedger ledger;
    ledger.add(person(0, 0));
    REQUIRE(ledger.commit(intents({delivery(1, 0, DeliveryState::intended)})));
    ledger.fail_after(0);
    const auto after = ledger.crash();
    ledger.heal();
    REQUIRE(ledger.commit(intents({delivery(1, 0, DeliveryState::done)})));
    const auto in_doubt = *after->open(0, 10);
    REQUIRE(in_doubt.size() == 1);
    CHECK(in_doubt[0].first.state == DeliveryState::intended);
    CHECK(in_doubt[0].second.id == 1);
    CHECK(after->commit(settled(1, Final::unknown)));
    CHECK(ledger.open(0, 10)->empty());
}

TEST_CASE("open deliveries come in order of id and can be paged") {
    FaultyLedger ledger;
    for (int i = 0; i < 3; ++i) ledger.add(person(0, 0));
    REQUIRE(ledger.commit(intents({delivery(3, 0, DeliveryState::waiting), delivery(1, 1, DeliveryState::intended),
                                   delivery(1, 0, DeliveryState::done), delivery(2, 0, DeliveryState::intended)})));
    const auto first = *ledger.open(0, 2);
    REQUIRE(first.size() == 2);
    CHECK(first[0].first.id == delivery(1, 1, DeliveryState::intended).id);
    const auto rest = *ledger.open(first[1].first.id, 2);
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].second.id == 3);
    CHECK(ledger.of(1)->deliveries.size() == 2);
    CHECK(ledger.of(7)->deliveries.empty());
}

TEST_CASE("a batch about a recipient nobody added is refused whole") {
    FaultyLedger ledger;
    CHECK_FALSE(ledger.commit(settled(9, Final::accepted)));
    CHECK(ledger.totals().attempts == 0);
}
