#include "ledger/key_lookup.hpp"

#include <doctest/doctest.h>

#include "ledger_fixture.hpp"

using namespace tidegate;
using namespace ledger_test;
using ledger::KeyLookup;

namespace {

const WallTime kSent(std::chrono::milliseconds(1795392000123));

std::unique_ptr<KeyLookup> lookup_of(const std::string& path) {
    auto built = KeyLookup::build(path, {});
    if (!built) MESSAGE(built.error().text());
    REQUIRE(built);
    return std::move(*built);
}

}  // namespace

TEST_CASE("every recipient is found by key, beside a sender, and nobody else") {
    const TempDir dir;
    const std::string path = dir.file("a.ledger");
    make_ledger(path, 50'000);
    const auto sending = sender(path);
    const auto lookup = lookup_of(path);
    CHECK(lookup->recipients() == 50'000);
    for (const int i : {1, 2, 777, 19'999, 20'000, 20'001, 49'999, 50'000}) {
        const auto found = lookup->find("c" + std::to_string(i));
        REQUIRE(found);
        CHECK(**found == i);
    }
    for (const char* stranger : {"", "c0", "c50001", "C1", "c1 ", "'; DROP TABLE recipients; --"}) {
        const auto found = lookup->find(stranger);
        REQUIRE(found);
        CHECK_FALSE(*found);
    }
}

TEST_CASE("a recipient was sent to when a message left that nobody refused") {
    const TempDir dir;
    const std::string path = dir.file("a.ledger");
    make_ledger(path, 10);
    const auto sending = sender(path);
    const auto lookup = lookup_of(path);
    using namespace std::chrono_literals;
    CHECK_FALSE(lookup->sent(1, kSent + 1h).operator*());

    LedgerBatch batch;
    batch.deliveries = {intent(1), intent(2), intent(3), intent(3, 1)};
    batch.deliveries[1].state = DeliveryState::done;
    batch.deliveries[1].outcome = Final::invalid;
    batch.deliveries[3].intended_at += 30s;  // the second step of one recipient
    batch.deliveries[3].state = DeliveryState::done;
    batch.deliveries[3].outcome = Final::accepted;
    REQUIRE(sending->commit(batch));  // seen by a lookup that was built before
    CHECK(**lookup->sent(1, kSent + 1h) == kSent);
    CHECK(**lookup->sent(1, kSent) == kSent);
    CHECK_FALSE(lookup->sent(1, kSent - 1ms).operator*());
    CHECK_FALSE(lookup->sent(2, kSent + 1h).operator*());
    CHECK(**lookup->sent(3, kSent + 10s) == kSent);
    CHECK(**lookup->sent(3, kSent + 1min) == kSent + 30s);
    CHECK_FALSE(lookup->sent(99, kSent + 1h).operator*());
}

TEST_CASE("reading the keys can be stopped, and an absent ledger is an error") {
    const TempDir dir;
    const std::string path = dir.file("a.ledger");
    make_ledger(path, 10);
    std::stop_source stop;
    stop.request_stop();
    CHECK(KeyLookup::build(path, stop.get_token()).error().code == Errc::stopped);
    CHECK_FALSE(KeyLookup::build(dir.file("b.ledger"), {}));
}
