#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger_fixture.hpp"

using namespace tidegate;
using namespace ledger_test;

TEST_CASE("a second sender is refused by name of the first, readers are not") {
    const TempDir dir;
    make_ledger(dir.file("l"), 3);
    auto first = sender(dir.file("l"));
    const auto second = SqliteLedger::open_for_sending(dir.file("l"), {});
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::refused);
    CHECK(second.error().what.find("process " + std::to_string(::getpid())) != std::string::npos);
    const auto watching = reader(dir.file("l"));
    LedgerBatch batch;
    batch.finals = {{1, Final::accepted}};
    REQUIRE(first->commit(batch));
    CHECK(watching->totals()->outcomes[static_cast<std::size_t>(Final::accepted)] == 1);
    CHECK_FALSE(watching->commit(batch));
    first.reset();
    CHECK(SqliteLedger::open_for_sending(dir.file("l"), {}));
    CHECK_FALSE(std::filesystem::exists(dir.file("l.lock")));
}

TEST_CASE("another ledger cannot be made while one is being made under the same name") {
    const TempDir dir;
    auto outer = options(dir.file("l"));
    bool tried = false;
    outer.progress = [&](std::uint64_t) {
        tried = true;
        Table table(columns(), people(2));
        auto inner = SqliteLedger::ingest(table, options(dir.file("l")));
        REQUIRE_FALSE(inner);
        CHECK(inner.error()[0].code == Errc::refused);
    };
    Table table(columns(), people(3));
    REQUIRE(SqliteLedger::ingest(table, outer));
    CHECK(tried);
    CHECK(reader(dir.file("l"))->totals()->recipients == 3);
}

TEST_CASE("what is not a ledger is told apart from what is absent") {
    const TempDir dir;
    CHECK(SqliteLedger::open_for_sending(dir.file("absent"), {}).error().code == Errc::not_found);
    CHECK(SqliteLedger::open_for_reading(dir.file("absent")).error().code == Errc::not_found);
    CHECK(dir.names().empty());

    std::ofstream(dir.file("text")) << std::string(5000, 'x');
    std::ofstream(dir.file("empty"));
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open(dir.file("other").c_str(), &other) == SQLITE_OK);
    sqlite3_exec(other, "CREATE TABLE t(x)", nullptr, nullptr, nullptr);
    sqlite3_close(other);
    std::filesystem::create_directory(dir.file("folder"));
    for (const char* name : {"text", "empty", "other", "folder"}) {
        CAPTURE(name);
        const auto opened = SqliteLedger::open_for_reading(dir.file(name));
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code == Errc::invalid);
        CHECK(opened.error().what == "is not a ledger");
        CHECK_FALSE(SqliteLedger::open_for_sending(dir.file(name), {}));
    }
}

TEST_CASE("a ledger of another schema is refused with both numbers") {
    const TempDir dir;
    make_ledger(dir.file("l"), 1);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(dir.file("l").c_str(), &db) == SQLITE_OK);
    sqlite3_exec(db, "UPDATE meta SET value='9' WHERE name='schema'", nullptr, nullptr, nullptr);
    sqlite3_close(db);
    const auto opened = SqliteLedger::open_for_reading(dir.file("l"));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().what == "the ledger has schema 9; this version reads schema 1");
}

TEST_CASE("a damaged ledger gives errors, never a crash or a wrong answer in silence") {
    const TempDir dir;
    make_ledger(dir.file("l"), 500);
    const std::string whole = bytes_of(dir.file("l"));
    int refused = 0;
    for (std::size_t page = 0; page < whole.size() / 4096; ++page) {
        CAPTURE(page);
        std::string bytes = whole;
        for (std::size_t i = page * 4096; i < (page + 1) * 4096; ++i) bytes[i] = static_cast<char>(i * 131);
        const auto path = dir.file("damaged");
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
        auto opened = SqliteLedger::open_for_sending(path, {});
        bool failed = !opened;
        if (opened) {
            for (std::uint32_t cohort = 0; cohort < 4 && !failed; ++cohort)
                failed = !(*opened)->walk({cohort, 0, 0}, 1000);
            LedgerBatch batch;
            for (int id = 1; id <= 500; ++id) {
                batch.deliveries.push_back(intent(id));
                batch.finals.push_back({id, Final::accepted});
            }
            failed = !(*opened)->commit(batch) || failed;
            failed = !(*opened)->cohorts() || failed;
            failed = !(*opened)->totals() || failed;
        }
        refused += failed ? 1 : 0;
        opened = Error{};
        for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
    }
    CHECK(refused > 8);
    std::ofstream(dir.file("cut"), std::ios::binary) << whole.substr(0, whole.size() / 2);
    auto cut = SqliteLedger::open_for_sending(dir.file("cut"), {});
    if (cut) CHECK_FALSE((*cut)->walk({0, 0, 0}, 1000));
}

TEST_CASE("a sealed ledger wants its own key for sending; the report needs none and sees no addresses") {
    const TempDir dir;
    const Secret key(std::string(32, 'k')), other(std::string(32, 'o'));
    make_ledger(dir.file("l"), 20, key);
    CHECK(bytes_of(dir.file("l")).find("token-of-") == std::string::npos);
    CHECK(bytes_of(dir.file("l")).find("Kim") == std::string::npos);

    const auto without = SqliteLedger::open_for_sending(dir.file("l"), {});
    REQUIRE_FALSE(without);
    CHECK(without.error().code == Errc::refused);
    CHECK(SqliteLedger::open_for_sending(dir.file("l"), other).error().code == Errc::refused);
    CHECK(SqliteLedger::open_for_reading(dir.file("l"), other).error().code == Errc::refused);
    CHECK(everyone(*sender(dir.file("l"), key)).at(0).person.addresses.size() == 2);

    const auto blind = reader(dir.file("l"));
    std::size_t seen = 0;
    REQUIRE(blind->for_each({Final::pending}, [&](const LedgerRecipient& recipient, const auto&) {
        ++seen;
        CHECK_FALSE(recipient.person.key.empty());
        CHECK(recipient.person.addresses.empty());
    }));
    CHECK(seen == 20);
    CHECK_FALSE(blind->walk({0, 0, 0}, 5));
    CHECK(bytes_of(dir.file("l")).find("token-of-") == std::string::npos);
}

TEST_CASE("a ledger that may not be written can still be read") {
    const TempDir dir;
    make_ledger(dir.file("l"), 4);
    std::filesystem::permissions(dir.file("l"), std::filesystem::perms(0444));
    std::filesystem::permissions(std::filesystem::path(dir.file("l")).parent_path(), std::filesystem::perms(0555));
    const pid_t child = ::fork();
    if (child == 0) {
        // The administrator may write everything; an ordinary user may not.
        if (::getuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
        auto opened = SqliteLedger::open_for_reading(dir.file("l"));
        const bool good = opened && (*opened)->totals() && (*opened)->totals()->recipients == 4;
        const bool refused = !SqliteLedger::open_for_sending(dir.file("l"), {});
        ::_exit(good ? (refused ? 0 : 2) : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    std::filesystem::permissions(std::filesystem::path(dir.file("l")).parent_path(), std::filesystem::perms(0755));
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
