// The ledger in memory answers as the one on disk does, so that what a rehearsal shows is what a run would show.
#include "ledger/memory_ledger.hpp"
#include "ledger_fixture.hpp"

using namespace tidegate;
using namespace ledger_test;
using ledger::MemoryLedger;

namespace {

WallTime at(int seconds) {
    return WallTime(std::chrono::seconds(1795392000 + seconds));
}

std::vector<std::vector<std::string>> mixed_rows() {
    auto rows = people(60);
    rows.insert(rows.begin() + 7, {"!quote never closed"});
    rows.insert(rows.begin() + 20, row("c3"));
    rows.push_back(row(""));
    rows.push_back(row("c60"));
    return rows;
}

/// What a run could commit: intents, answers, retries, ends, and facts.
std::vector<LedgerBatch> story() {
    std::vector<LedgerBatch> batches(3);
    LedgerBatch& sent = batches[0];
    for (std::int64_t id = 1; id <= 20; ++id) sent.deliveries.push_back(intent(id));
    sent.attempts = 20;
    sent.cohorts.push_back({0, "cohort 1", false, 11, 4, at(1), {}});
    sent.backends.push_back({"app-api", 0.3, 0.12, 0.0});
    sent.events.push_back({at(0), "run", "60 recipients pending", "me"});
    sent.holds.push_back({"app-api", at(2), {}, "p99", 0.4, "over"});
    sent.meta.emplace_back("state", "running");
    sent.elapsed_s = 1.5;

    LedgerBatch& answered = batches[1];
    for (std::int64_t id = 1; id <= 15; ++id) {
        LedgerDelivery delivery = intent(id);
        const bool again = id % 5 == 0;
        delivery.state = again ? DeliveryState::waiting : DeliveryState::done;
        delivery.outcome = again ? Final::pending : Final::accepted;
        if (again) delivery.retry_at = at(9);
        answered.deliveries.push_back(delivery);
        if (!again) answered.finals.push_back({id, Final::accepted});
    }
    answered.tallies.push_back({"ios", "apns", {12, 0, 0, 3, 0, 0}});
    answered.ticks.push_back({at(2), 100.0, 20, 0, "app-api: 1 of 2"});
    answered.backends.push_back({"app-api", 0.3, 0.45, 5.0});
    answered.holds.push_back({"app-api", at(2), at(6), "p99", 0.4, "over"});
    answered.meta.emplace_back("state", "stopped");

    LedgerBatch& late = batches[2];
    LedgerDelivery second = intent(5, 1);
    second.state = DeliveryState::waiting;
    late.deliveries.push_back(second);
    late.finals.push_back({1, Final::delivered});
    late.finals.push_back({30, Final::suppressed});
    late.tallies.push_back({"ios", "apns", {0, 1, 0, 0, 0, 0}});
    late.tallies.push_back({"android", "fcm", {1, 0, 0, 0, 0, 0}});
    late.attempts = 2;
    late.elapsed_s = 0.25;
    return batches;
}

}  // namespace

TEST_CASE("the ledger in memory and the one on disk tell the same, from the audience to the end") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.max_malformed = 0.5;
    Table rows(columns(), mixed_rows()), again(columns(), mixed_rows());
    REQUIRE(SqliteLedger::ingest(rows, o));
    const auto disk = sender(dir.file("l"));
    MemoryLedger memory;
    REQUIRE(memory.ingest(again, o.mapping, CohortPlan(o.campaign_id, o.cohorts)));

    const auto agree = [&] {
        CHECK(memory.totals() == *disk->totals());
        CHECK(everyone(memory) == everyone(*disk));
        CHECK(memory.cohorts() == *disk->cohorts());
        CHECK(memory.tallies() == *disk->tallies());
        CHECK(memory.backends() == *disk->backends());
        CHECK(memory.holds() == *disk->holds());
        CHECK(memory.ticks() == *disk->ticks());
        CHECK(memory.events() == *disk->events());
        CHECK(*memory.meta("state") == *disk->meta("state"));
        CHECK(*memory.open(0, 100) == *disk->open(0, 100));
        CHECK(*memory.open(intent(5).id, 3) == *disk->open(intent(5).id, 3));
        for (std::int64_t id = 0; id <= 62; ++id) CHECK(*memory.of(id) == *disk->of(id));
    };
    CHECK(memory.totals().rows == 64);
    CHECK(memory.totals().malformed == 2);
    CHECK(memory.totals().duplicates == 2);
    CHECK(memory.malformed(10) == *disk->malformed(10));
    agree();
    for (const LedgerBatch& batch : story()) {
        REQUIRE(memory.commit(batch));
        REQUIRE(disk->commit(batch));
        agree();
    }
}

TEST_CASE("copies of a ledger in memory see the same memory, a snapshot has its own") {
    MemoryLedger ledger;
    ledger.add({});
    const MemoryLedger same = ledger, apart = ledger.snapshot();
    LedgerBatch batch;
    batch.finals.push_back({1, Final::accepted});
    REQUIRE(ledger.commit(batch));
    CHECK(same.totals().outcomes[static_cast<std::size_t>(Final::accepted)] == 1);
    CHECK(apart.totals().outcomes[static_cast<std::size_t>(Final::accepted)] == 0);
}

TEST_CASE("an audience without a column that is needed is refused in memory as well") {
    MemoryLedger ledger;
    Table rows({"id"}, {{"c1"}});
    const auto taken = ledger.ingest(rows, mapping(), CohortPlan("c", {}));
    REQUIRE_FALSE(taken);
    CHECK(taken.error().size() >= 3);
    CHECK(ledger.totals().rows == 0);
}
