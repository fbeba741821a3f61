#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tidegate/base/text.hpp"
#include "tidegate/report/report.hpp"

using namespace tidegate;
using namespace std::chrono_literals;

namespace {

const WallTime kNow{std::chrono::seconds(1795392000)};

class Rows final : public AudienceSource {
  public:
    const std::vector<std::string>& columns() const override { return columns_; }
    Result<bool> next(AudienceRow& row) override {
        if (at_ == values_.size()) return false;
        row.malformed.clear();
        row.values = values_[at_++];
        row.number = at_;
        return true;
    }
    Result<void> rewind() override {
        at_ = 0;
        return {};
    }

  private:
    std::vector<std::string> columns_{"id", "token"};
    std::vector<std::vector<std::string>> values_{
        {"ann", "token-of-ann"}, {"bob", "token-of-bob"}, {"=cmd", "token-of-cmd"}, {"", "token-of-none"}};
    std::size_t at_ = 0;
};

struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "tidegate-report-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::string at(const char* name) const { return (path / name).string(); }
};

std::unique_ptr<SqliteLedger> ledger_at(const std::string& path) {
    Rows rows;
    IngestOptions options;
    options.path = path;
    options.campaign_id = "spring";
    options.mapping.key = "id";
    options.mapping.address_columns = {{"apns", "token"}};
    options.max_malformed = 0.5;
    options.now = kNow;
    const auto made = SqliteLedger::ingest(rows, options);
    REQUIRE(made);
    auto opened = SqliteLedger::open_for_sending(path, {});
    REQUIRE(opened);
    return std::move(*opened);
}

LedgerDelivery done(std::int64_t id, unsigned step, Outcome last, Final outcome) {
    LedgerDelivery d;
    d.id = static_cast<DeliveryId>(id) << 16 | step << 8;
    d.state = DeliveryState::done;
    d.attempts = 1;
    d.outcome = outcome;
    d.last = std::move(last);
    d.intended_at = kNow;
    return d;
}

std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

}  // namespace

TEST_CASE("a report is read whole out of a ledger and its invariants hold") {
    const Folder folder;
    const auto ledger = ledger_at(folder.at("spring.ledger"));
    auto report = read_report(*ledger);
    REQUIRE(report);
    CHECK(report->campaign == "spring");
    CHECK(report->state == RunState::incomplete);
    CHECK(report->totals.rows == 4);
    CHECK(report->malformed.size() == 1);
    CHECK(broken_invariants(*report, false).empty());

    LedgerBatch batch;
    for (std::int64_t id = 1; id <= 3; ++id) {
        batch.deliveries.push_back(done(id, 0, accepted("id"), Final::accepted));
        batch.finals.push_back({id, Final::accepted});
    }
    batch.attempts = 3;
    batch.elapsed_s = 1.5;
    batch.holds = {{"app-api", kNow, kNow + 2s, "p99", 0.4, "slow"}};
    batch.ticks = {{kNow, 10, 3, 0, "limit"}};
    batch.backends = {{"app-api", 0.3, 0.4, 2}};
    REQUIRE(ledger->commit(batch));
    report = read_report(*ledger);
    REQUIRE(report);
    CHECK(report->state == RunState::completed);
    CHECK(report->totals.deliveries == 3);
    CHECK(report->holds == batch.holds);
    CHECK(report->backends == batch.backends);
    CHECK(broken_invariants(*report, false).empty());
    const auto series = read_series(*ledger);
    REQUIRE(series);
    CHECK(series->ticks == batch.ticks);

    LedgerBatch last;
    last.meta = {{"state", "stopped"}};
    REQUIRE(ledger->commit(last));
    CHECK(read_report(*ledger)->state == RunState::stopped);
}

TEST_CASE("condemned addresses are exported whoever was reached in the end, and passing trouble condemns nobody") {
    const Folder folder;
    const auto ledger = ledger_at(folder.at("spring.ledger"));
    Outcome gone;
    gone.kind = OutcomeClass::invalid_recipient;
    gone.reason = Reason::gone;
    gone.code = "410";
    gone.drop_address = true;
    gone.invalid_since = kNow;
    Outcome wrong = gone;
    wrong.reason = Reason::wrong_app;
    wrong.code = "400";
    wrong.phase = Phase::report;
    wrong.drop_address = false;
    wrong.quarantine_address = true;
    wrong.invalid_since.reset();
    Outcome unreachable = wrong;
    unreachable.quarantine_address = false;
    LedgerBatch batch;
    batch.deliveries = {done(1, 0, gone, Final::invalid), done(1, 1, accepted(), Final::accepted),
                        done(2, 0, unreachable, Final::undelivered), done(3, 1, wrong, Final::undelivered)};
    batch.finals = {{1, Final::accepted}, {2, Final::undelivered}, {3, Final::undelivered}};
    batch.meta = {{"sends", "ios\nsms"}};
    REQUIRE(ledger->commit(batch));

    const std::string path = folder.at("dead.csv");
    const auto rows = export_condemned(*ledger, path);
    REQUIRE(rows);
    CHECK(*rows == 2);
    CHECK(content(path) == "key,channel,address,verdict,reason,code,since\r\nann,ios,1,dead," +
                               std::string(to_string(Reason::gone)) + ",410," + format_wall_time(kNow) +
                               "\r\n\"'=cmd\",sms,1,doubtful," + std::string(to_string(Reason::wrong_app)) +
                               ",400,\r\n");
    CHECK_FALSE(export_condemned(*ledger, path));
}

TEST_CASE("an export is private, new, complete and without addresses") {
    const Folder folder;
    const auto ledger = ledger_at(folder.at("spring.ledger"));
    Outcome gone;
    gone.kind = OutcomeClass::invalid_recipient;
    gone.reason = Reason::gone;
    gone.code = "410";
    LedgerBatch batch;
    batch.deliveries = {done(1, 0, gone, Final::invalid), done(1, 1, accepted(), Final::accepted),
                        done(3, 0, gone, Final::invalid)};
    batch.finals = {{1, Final::accepted}, {3, Final::invalid}};
    batch.meta = {{"sends", "ios\nsms"}};
    REQUIRE(ledger->commit(batch));

    const std::string path = folder.at("out.csv");
    const auto rows = export_recipients(*ledger, {Final::accepted, Final::invalid}, path);
    REQUIRE(rows);
    CHECK(*rows == 2);
    const std::string reason_ok(to_string(accepted().reason)), reason_gone(to_string(Reason::gone));
    CHECK(content(path) == "key,outcome,channel,reason,code,attempts\r\nann,accepted,sms," + reason_ok +
                               ",,2\r\n\"'=cmd\",invalid,ios," + reason_gone + ",410,1\r\n");
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);

    const auto again = export_recipients(*ledger, {Final::accepted}, path);
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Errc::refused);
    CHECK(content(path).find("ann") != std::string::npos);

    REQUIRE(::symlink(folder.at("elsewhere").c_str(), folder.at("link.csv").c_str()) == 0);
    CHECK_FALSE(export_recipients(*ledger, {Final::accepted}, folder.at("link.csv")));
    CHECK_FALSE(std::filesystem::exists(folder.at("elsewhere")));
    CHECK_FALSE(export_recipients(*ledger, {Final::accepted}, folder.at("no/such/folder.csv")));
}
