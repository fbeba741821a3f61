#include "ledger_fixture.hpp"

using namespace tidegate;
using namespace ledger_test;

namespace {

/// Bytes of the ledger and of everything that lies beside it.
std::string all_bytes(const TempDir& dir) {
    std::string bytes;
    for (const auto& name : dir.names()) bytes += bytes_of(dir.file(name));
    return bytes;
}

const WallTime later(std::chrono::seconds(1795400000));

}  // namespace

TEST_CASE("after a purge no byte of an address or field is left, while keys, outcomes and the event stay") {
    const TempDir dir;
    const auto path = dir.file("l");
    {
        // Rows that grow as they are merged move about in the file and leave copies of themselves.
        std::vector<std::vector<std::string>> rows;
        for (int round = 0; round < 4; ++round)
            for (int i = 0; i < 1500; ++i)
                rows.push_back(row("c" + std::to_string(i),
                                   "secret-address-" + std::to_string(i) + "-" + std::to_string(round) +
                                       std::string(static_cast<std::size_t>(i % 7) * 300, 'Q'),
                                   "private-name"));
        Table table(columns(), rows);
        auto o = options(path);
        o.all_devices = true;
        REQUIRE(SqliteLedger::ingest(table, o));
    }
    auto ledger = sender(path);
    LedgerBatch batch;
    batch.deliveries = {intent(1), intent(2)};
    batch.finals = {{1, Final::delivered}};
    REQUIRE(ledger->commit(batch));
    ledger.reset();
    REQUIRE(all_bytes(dir).find("secret-address-") != std::string::npos);

    const auto purging = reader(path);
    REQUIRE(purging->purge(later, "kim"));
    const std::string bytes = all_bytes(dir);
    CHECK(bytes.find("secret-address-") == std::string::npos);
    CHECK(bytes.find("private-name") == std::string::npos);
    CHECK(bytes.find("QQQQ") == std::string::npos);

    std::size_t delivered = 0;
    REQUIRE(purging->for_each({Final::delivered}, [&](const LedgerRecipient& recipient, const auto& deliveries) {
        ++delivered;
        CHECK(recipient.person.key == "c0");
        CHECK(recipient.person.addresses.empty());
        CHECK(recipient.person.fields.empty());
        CHECK(deliveries.size() == 1);
    }));
    CHECK(delivered == 1);
    CHECK(purging->totals()->recipients == 1500);
    const auto events = purging->events();
    REQUIRE(events);
    REQUIRE(events->size() == 1);
    CHECK(events->at(0) == EventRecord{later, "purge", "1500 recipients", "kim"});
    CHECK(purging->purge(later, "kim"));
}

TEST_CASE("a purged ledger refuses to hand out recipients to send to, but still tells what was open") {
    const TempDir dir;
    const auto path = dir.file("l");
    make_ledger(path, 5);
    LedgerBatch batch;
    batch.deliveries = {intent(1)};
    REQUIRE(sender(path)->commit(batch));
    REQUIRE(reader(path)->purge(later, "kim"));
    const auto ledger = sender(path);
    for (std::uint32_t cohort = 0; cohort < 4; ++cohort) {
        const auto found = ledger->walk({cohort, 0, 0}, 10);
        if (found)
            CHECK(found->empty());
        else
            CHECK(found.error().code == Errc::refused);
    }
    bool refused = false;
    for (std::uint32_t cohort = 0; cohort < 4; ++cohort) refused = refused || !ledger->walk({cohort, 0, 0}, 10);
    CHECK(refused);
    REQUIRE(ledger->open(0, 10)->size() == 1);
    CHECK(ledger->open(0, 10)->at(0).second.person.addresses.empty());
}

TEST_CASE("a ledger that a sender holds is not purged by another") {
    const TempDir dir;
    const auto path = dir.file("l");
    make_ledger(path, 5);
    const auto sending = sender(path);
    const auto refused = reader(path)->purge(later, "kim");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::refused);
    CHECK(everyone(*sending).size() == 5);
    CHECK(sending->purge(later, "kim"));
    CHECK(all_bytes(dir).find("token-of-") == std::string::npos);
}
