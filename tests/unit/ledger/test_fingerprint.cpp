#include "tidegate/ledger/fingerprint.hpp"

#include "ledger_fixture.hpp"

using namespace tidegate;
using namespace ledger_test;

namespace {

std::string print_of(std::vector<std::vector<std::string>> rows, std::uint64_t limit = 0) {
    Table table(columns(), std::move(rows));
    auto print = audience_fingerprint(table, mapping(), limit);
    REQUIRE(print);
    return *print;
}

}  // namespace

TEST_CASE("the fingerprint of a source is the one its ledger recorded, duplicates and malformed rows included") {
    const TempDir dir;
    for (const bool all_devices : {false, true}) {
        auto o = options(dir.file(all_devices ? "all" : "first"));
        o.max_malformed = 1;
        o.all_devices = all_devices;
        const std::vector<std::vector<std::string>> rows{row("a"), {"!bad"}, row("a", "second"), row("b"), row("")};
        Table table(columns(), rows);
        REQUIRE(SqliteLedger::ingest(table, o));
        const auto recorded = reader(o.path)->meta("audience_fingerprint");
        REQUIRE(recorded);
        CHECK(recorded->value() == print_of(rows));
        CHECK(recorded->value().size() == 64);
    }
}

TEST_CASE("the fingerprint changes with any value that is used, with order and with the number of rows") {
    const auto base = print_of({row("a", "t", "Kim", "y"), row("b")});
    CHECK(base == print_of({row("a", "t", "Kim", "1"), row("b")}));  // the same consent in other words
    CHECK(base != print_of({row("x", "t", "Kim", "y"), row("b")}));
    CHECK(base != print_of({row("a", "u", "Kim", "y"), row("b")}));
    CHECK(base != print_of({row("a", "t", "Lee", "y"), row("b")}));
    CHECK(base != print_of({row("a", "t", "Kim", ""), row("b")}));
    CHECK(base != print_of({row("a", "t", "Kim", "2026-01-01"), row("b")}));
    CHECK(base != print_of({row("b"), row("a", "t", "Kim", "y")}));
    CHECK(base != print_of({row("a", "t", "Kim", "y")}));
    CHECK(base != print_of({row("a", "t", "Kim", "y"), row("b"), row("b")}));
    CHECK(print_of({row("a", "t", "Kim", "y")}) == print_of({row("a", "t", "Kim", "y"), row("b")}, 1));
}

TEST_CASE("values cannot flow from one cell into the next unnoticed") {
    CHECK(print_of({row("ab", "c")}) != print_of({row("a", "bc")}));
}
