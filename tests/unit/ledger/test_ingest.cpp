#include <map>
#include <numeric>

#include <unistd.h>

#include "ledger_fixture.hpp"

using namespace tidegate;
using namespace ledger_test;

namespace {

Result<LedgerTotals, Faults> ingest(std::vector<std::vector<std::string>> rows, const IngestOptions& options) {
    Table table(columns(), std::move(rows));
    return SqliteLedger::ingest(table, options);
}

bool mentions(const Faults& faults, const std::string& words) {
    for (const auto& fault : faults)
        if (fault.text().find(words) != std::string::npos) return true;
    return false;
}

}  // namespace

TEST_CASE("every row is malformed, a duplicate or a recipient, and the ledger remembers the counts") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.max_malformed = 0.5;
    const auto made = ingest({row("a"), {"!quote never closed"}, row("b"), row("a", "other"), row(""), row("c")}, o);
    REQUIRE(made);
    CHECK(made->rows == 6);
    CHECK(made->malformed == 2);
    CHECK(made->duplicates == 1);
    CHECK(made->recipients == 3);
    CHECK(made->rows == made->malformed + made->duplicates + made->recipients);
    CHECK(dir.names() == std::vector<std::string>{"l"});
    const auto ledger = reader(o.path);
    CHECK(*ledger->totals() == *made);
    CHECK(made->outcomes[0] == 3);
    const auto malformed = ledger->malformed(10);
    REQUIRE(malformed);
    REQUIRE(malformed->size() == 2);
    CHECK(malformed->at(0) == MalformedRecord{2, "quote never closed"});
    CHECK(malformed->at(1).row == 5);
}

TEST_CASE("recipients are numbered in order of the audience, without gaps, the first of a repeated key counting") {
    const TempDir dir;
    const auto o = options(dir.file("l"));
    REQUIRE(ingest({row("a", "first"), row("a", "second"), row("b"), row("a"), row("c")}, o));
    const auto ledger = sender(o.path);
    std::map<std::int64_t, Recipient> found;
    for (const auto& recipient : everyone(*ledger)) found[recipient.id] = recipient.person;
    REQUIRE(found.size() == 3);
    CHECK(found[1].key == "a");
    CHECK(found[1].addresses == std::vector<Address>{{"apns", "first"}, {"phone", "010-0000-0000"}});
    CHECK(found[1].fields == std::vector<std::string>{"Kim"});
    CHECK(found[1].consent == Consent::given);
    CHECK(found[2].key == "b");
    CHECK(found[3].key == "c");
}

TEST_CASE("with all devices new addresses join the recipient and rows without any are duplicates") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.all_devices = true;
    o.key = Secret(std::string(32, 'k'));
    const auto made = ingest({row("a", "t1"), row("b"), row("a", "t2"), row("a", "t1"), row("a", "t3")}, o);
    REQUIRE(made);
    CHECK(made->recipients == 2);
    CHECK(made->duplicates == 1);
    const auto ledger = sender(o.path, o.key);
    CHECK(*ledger->meta("merged_rows") == "2");
    for (const auto& recipient : everyone(*ledger)) {
        if (recipient.person.key != "a") continue;
        CHECK(recipient.person.addresses ==
              std::vector<Address>{{"apns", "t1"}, {"phone", "010-0000-0000"}, {"apns", "t2"}, {"apns", "t3"}});
    }
}

TEST_CASE("rows of one person that disagree about consent leave the least that all of them grant") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.all_devices = true;
    REQUIRE(ingest({row("a", "t1", "Kim", "y"), row("a", "t2", "Kim", ""), row("b", "t4", "Lee", "2026-02-01"),
                    row("b", "t5", "Lee", "2026-01-01")},
                   o));
    for (const auto& recipient : everyone(*sender(o.path))) {
        if (recipient.person.key == "a") {
            CHECK(recipient.person.consent == Consent::none);
        } else {
            CHECK(recipient.person.consent == Consent::given);
            CHECK(recipient.person.consent_at == WallTime(std::chrono::seconds(1767225600)));
        }
    }
}

TEST_CASE("an address more than a delivery's number can name makes its row malformed") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.all_devices = true;
    o.max_malformed = 1;
    std::vector<std::vector<std::string>> rows;
    for (int i = 0; i < 257; ++i) rows.push_back(row("a", "t" + std::to_string(i)));
    const auto made = ingest(rows, o);
    REQUIRE(made);
    CHECK(made->malformed == 2);  // the telephone is one of the 256
    CHECK(everyone(*sender(o.path)).at(0).person.addresses.size() == 256);
}

TEST_CASE("too many malformed rows refuse the audience, name the first ten and leave nothing on disk") {
    const TempDir dir;
    const auto o = options(dir.file("l"));
    auto rows = people(20);
    for (int i = 0; i < 12; ++i) rows.push_back({"!bad cell"});
    const auto made = ingest(rows, o);
    REQUIRE_FALSE(made);
    REQUIRE(made.error().size() == 11);
    CHECK(made.error()[0].what.find("12 of 32") != std::string::npos);
    CHECK(made.error()[0].what.find("37.5%") != std::string::npos);
    CHECK(made.error()[1].where == "row 21");
    CHECK(made.error()[1].what == "bad cell");
    CHECK(dir.names().empty());
}

TEST_CASE("malformed rows up to the share allowed are let through") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.max_malformed = 0.25;
    CHECK(ingest({row("a"), row("b"), row("c"), {"!x"}}, o));
    o.path = dir.file("m");
    o.max_malformed = 0;
    CHECK(ingest({row("a"), row("b")}, o));
    o.path = dir.file("n");
    CHECK_FALSE(ingest({row("a"), {"!x"}}, o));
}

TEST_CASE("an audience without recipients is refused") {
    const TempDir dir;
    const auto made = ingest({}, options(dir.file("l")));
    REQUIRE_FALSE(made);
    CHECK(mentions(made.error(), "no recipients"));
    CHECK(dir.names().empty());
}

TEST_CASE("a column of the message or of addresses that is empty in every row is refused, an empty consent is not") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    const auto made = ingest({row("a", "t", "", ""), row("b", "t", "", "")}, o);
    REQUIRE_FALSE(made);
    CHECK(made.error().size() == 1);
    CHECK(mentions(made.error(), "\"name\" is empty in every row"));
    CHECK(dir.names().empty());
    SUBCASE("a part of the audience proves nothing") {
        o.limit = 1;
        CHECK(ingest({row("a", "t", "", ""), row("b", "t", "Kim", "")}, o));
    }
}

TEST_CASE("columns that are missing are all named") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.mapping.fields = {"nmae", "branch"};
    const auto made = ingest(people(2), o);
    REQUIRE_FALSE(made);
    CHECK(made.error().size() == 2);
    CHECK(dir.names().empty());
}

TEST_CASE("a ledger that exists is not touched") {
    const TempDir dir;
    const auto o = options(dir.file("l"));
    make_ledger(o.path, 3);
    const auto before = bytes_of(o.path);
    const auto made = ingest(people(5), o);
    REQUIRE_FALSE(made);
    CHECK(made.error()[0].code == Errc::refused);
    CHECK(bytes_of(o.path) == before);
}

TEST_CASE("what a crash left half-made is replaced, and a foreign log is not taken over") {
    const TempDir dir;
    const auto o = options(dir.file("l"));
    std::ofstream(o.path + ".partial") << "half";
    std::ofstream(o.path + ".partial-wal") << "half";
    REQUIRE(ingest(people(3), o));
    CHECK(dir.names() == std::vector<std::string>{"l"});
    std::filesystem::remove(o.path);
    std::ofstream(o.path + "-wal") << "log of the ledger that was here";
    const auto made = ingest(people(3), o);
    REQUIRE_FALSE(made);
    CHECK(made.error()[0].code == Errc::refused);
}

TEST_CASE("an audience that fails or throws half-way leaves nothing on disk") {
    struct Breaking final : AudienceSource {
        bool throws = false;
        int rows = 0;
        const std::vector<std::string>& columns() const override { return ledger_test::columns(); }
        Result<bool> next(AudienceRow& r) override {
            if (++rows == 3) {
                if (throws) throw std::runtime_error("boom");
                return Error{Errc::unavailable, "the disk went away", "file", ""};
            }
            r.number = static_cast<std::uint64_t>(rows);
            r.values = row("k" + std::to_string(rows));
            return true;
        }
        Result<void> rewind() override { return {}; }
    };
    const TempDir dir;
    Breaking failing;
    const auto failed = SqliteLedger::ingest(failing, options(dir.file("l")));
    REQUIRE_FALSE(failed);
    CHECK(mentions(failed.error(), "the disk went away"));
    Breaking throwing;
    throwing.throws = true;
    const auto threw = SqliteLedger::ingest(throwing, options(dir.file("l")));
    REQUIRE_FALSE(threw);
    CHECK(threw.error()[0].code == Errc::internal);
    CHECK(dir.names().empty());
}

TEST_CASE("a disk that is too small is told before the first row") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.source_bytes = std::uint64_t{1} << 60;
    const auto made = ingest(people(3), o);
    REQUIRE_FALSE(made);
    CHECK(made.error()[0].code == Errc::unavailable);
    CHECK(mentions(made.error(), "MiB"));
    CHECK(dir.names().empty());
}

TEST_CASE("the ledger and everything beside it belong to their owner alone, whatever the umask") {
    const TempDir dir;
    const auto path = dir.file("l");
    const mode_t before = ::umask(0);
    make_ledger(path, 5);
    const auto ledger = sender(path);
    LedgerBatch batch;
    batch.deliveries = {intent(1)};
    REQUIRE(ledger->commit(batch));
    ::umask(before);
    CHECK(dir.names() == std::vector<std::string>{"l", "l-shm", "l-wal", "l.lock"});
    for (const auto& name : dir.names()) CHECK(mode_of(dir.file(name)) == 0600);
}

TEST_CASE("cohorts carry their sizes and labels from the start, and the limit bounds the rows read") {
    const TempDir dir;
    auto o = options(dir.file("l"));
    o.limit = 50;
    o.cohorts.canary = {0.2};
    o.meta = {{"site", "hash"}};
    const auto made = ingest(people(60), o);
    REQUIRE(made);
    CHECK(made->rows == 50);
    const auto ledger = reader(o.path);
    const auto cohorts = ledger->cohorts();
    REQUIRE(cohorts);
    REQUIRE(cohorts->size() == 5);
    CHECK(cohorts->at(0).canary);
    CHECK_FALSE(cohorts->at(1).canary);
    CHECK(std::accumulate(cohorts->begin(), cohorts->end(), std::uint64_t{0},
                          [](auto sum, const auto& c) { return sum + c.recipients; }) == 50);
    CHECK(*ledger->meta("site") == "hash");
    CHECK(*ledger->meta("campaign_id") == "benefit-2026-11");
    CHECK_FALSE(ledger->meta("nothing")->has_value());
}
