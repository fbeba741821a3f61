#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "ledger_fixture.hpp"

using namespace tidegate;
using namespace ledger_test;

namespace {

/// Runs `body` in a child that ends without any clean-up, and returns what it returned.
template <class Body>
int in_a_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

LedgerBatch intents(int from, int to) {
    LedgerBatch batch;
    for (int id = from; id <= to; ++id) batch.deliveries.push_back(intent(id));
    batch.attempts = static_cast<std::uint64_t>(to - from + 1);
    return batch;
}

/// What must hold between the tables of a ledger at any time.
void check_whole(SqliteLedger& ledger) {
    const auto totals = ledger.totals();
    REQUIRE(totals);
    std::uint64_t sum = 0;
    for (const auto count : totals->outcomes) sum += count;
    CHECK(sum == totals->recipients);
    CHECK(everyone(ledger).size() == totals->outcomes[0]);
    std::uint64_t deliveries = 0;
    for (std::int64_t id = 1; id <= static_cast<std::int64_t>(totals->recipients); ++id)
        deliveries += ledger.of(id)->deliveries.size();
    CHECK(deliveries == totals->deliveries);
}

}  // namespace

TEST_CASE("what was committed is there after the process died, and nothing of what was not") {
    const TempDir dir;
    const auto path = dir.file("l");
    make_ledger(path, 100);
    REQUIRE(in_a_child([&] {
                auto opened = SqliteLedger::open_for_sending(path, {});
                if (!opened || !(*opened)->commit(intents(1, 40))) return 1;
                opened->release();  // dies with everything open
                return 0;
            }) == 0);
    CHECK(std::filesystem::exists(path + "-wal"));
    SUBCASE("a reader sees it first") {
        const auto watching = reader(path);
        CHECK(watching->totals()->deliveries == 40);
        check_whole(*watching);
    }
    SUBCASE("the next sender finds everything in doubt") {
        const auto ledger = sender(path);
        CHECK(ledger->open(0, 1000)->size() == 40);
        CHECK(ledger->totals()->attempts == 40);
        check_whole(*ledger);
    }
}

TEST_CASE("a power cut at any byte of the log leaves a prefix of whole batches") {
    const TempDir dir;
    const auto path = dir.file("l");
    make_ledger(path, 60);
    REQUIRE(in_a_child([&] {
                auto opened = SqliteLedger::open_for_sending(path, {});
                for (int i = 0; opened && i < 6; ++i)
                    if (!(*opened)->commit(intents(i * 10 + 1, i * 10 + 10))) return 1;
                if (!opened) return 1;
                opened->release();
                return 0;
            }) == 0);
    const std::string log = bytes_of(path + "-wal");
    REQUIRE(log.size() > 20000);
    std::uint64_t previous = 0;
    for (std::size_t cut = 0; cut <= log.size(); cut += 1500) {
        CAPTURE(cut);
        const auto copy = dir.file("copy");
        for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(copy + end);
        std::filesystem::copy_file(path, copy);
        std::ofstream(copy + "-wal", std::ios::binary) << log.substr(0, cut);
        const auto ledger = sender(copy);
        const auto totals = ledger->totals();
        REQUIRE(totals);
        CHECK(totals->deliveries % 10 == 0);
        CHECK(totals->deliveries == totals->attempts);
        CHECK(ledger->open(0, 1000)->size() == totals->deliveries);
        CHECK(totals->deliveries >= previous);
        previous = totals->deliveries;
    }
    CHECK(previous >= 50);
}

TEST_CASE("a full disk fails the commit with nothing applied, and the same object goes on once there is room") {
    const TempDir dir;
    const auto path = dir.file("l");
    make_ledger(path, 2000);
    const int verdict = in_a_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        auto opened = SqliteLedger::open_for_sending(path, {});
        if (!opened || !(*opened)->commit(intents(1, 10))) return 1;
        const rlimit tight{60000, RLIM_INFINITY};
        if (::setrlimit(RLIMIT_FSIZE, &tight) != 0) return 2;
        const auto failed = (*opened)->commit(intents(11, 2000));
        if (failed) return 3;
        if (failed.error().code != Errc::unavailable) return 4;
        const auto totals = (*opened)->totals();
        if (!totals || totals->deliveries != 10 || totals->attempts != 10) return 5;
        const rlimit wide{RLIM_INFINITY, RLIM_INFINITY};
        if (::setrlimit(RLIMIT_FSIZE, &wide) != 0) return 6;
        if (!(*opened)->commit(intents(11, 2000))) return 7;
        opened->release();
        return 0;
    });
    REQUIRE(verdict == 0);
    const auto ledger = sender(path);
    CHECK(ledger->totals()->deliveries == 2000);
    check_whole(*ledger);
}

TEST_CASE("a disk that fills up while the audience is read leaves nothing behind") {
    const TempDir dir;
    const auto path = dir.file("l");
    const int verdict = in_a_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit tight{200000, RLIM_INFINITY};
        if (::setrlimit(RLIMIT_FSIZE, &tight) != 0) return 2;
        Table table(columns(), people(20000));
        const auto made = SqliteLedger::ingest(table, options(path));
        if (made) return 3;
        return made.error().at(0).code == Errc::unavailable ? 0 : 4;
    });
    CHECK(verdict == 0);
    CHECK(dir.names().empty());
}

TEST_CASE("one thread reads whole snapshots while another commits") {
    const TempDir dir;
    const auto path = dir.file("l");
    make_ledger(path, 600);
    const auto ledger = sender(path);
    std::atomic<bool> done{false}, good{true};
    std::thread reading([&] {
        while (!done) {
            const auto totals = ledger->totals();
            if (!totals || totals->deliveries != totals->attempts || totals->deliveries % 20 != 0) good = false;
            for (std::uint32_t cohort = 0; cohort < 4; ++cohort)
                if (!ledger->walk({cohort, 0, 0}, 50)) good = false;
            if (!ledger->open(0, 50) || !ledger->of(3)) good = false;
        }
    });
    bool committed = true;
    for (int i = 0; i < 30; ++i) {
        LedgerBatch batch = intents(i * 20 + 1, i * 20 + 20);
        for (const auto& delivery : batch.deliveries)
            batch.finals.push_back({static_cast<std::int64_t>(delivery.id >> 16), Final::accepted});
        committed = committed && ledger->commit(batch);
    }
    done = true;
    reading.join();
    CHECK(committed);
    CHECK(good);
    CHECK(everyone(*ledger).empty());
}
