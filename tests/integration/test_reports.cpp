// Reports handed in by the host: a gate over the practice vendors, whose own results stay out, so that whatever is
// known came through `Gate::ingest_report`.

#include <doctest/doctest.h>

#include "net/crypto.hpp"
#include "support/twin.hpp"
#include "support/vector_audience.hpp"
#include "tidegate/delivery/config.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/report/report.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

const ReportHeaders from_nhn{{"content-type", "application/json"}, {"x-toast-webhook-signature", "nhn-hook"}};
const ReportHeaders from_solapi{{"X-Solapi-Secret", net::sha1_hex("solapi-hook")}};

/// Alimtalk at NHN first, a text by Solapi for those it does not reach.
struct Mailroom {
    TempDir dir;
    Twin twin{dir, {"--report-after", "1h"}};
    LoadedCampaign loaded;
    std::unique_ptr<Gate> gate;

    explicit Mailroom(int people = 4) {
        ::setenv("TIDEGATE_TEST_SECRET", "twin-secret", 1);
        ::setenv("TIDEGATE_TEST_NHN_HOOK", "nhn-hook", 1);
        ::setenv("TIDEGATE_TEST_SOLAPI_HOOK", "solapi-hook", 1);
        std::string rows = "id,phone\n";
        for (int i = 0; i < people; ++i) rows += "c" + std::to_string(i) + "," + number(i) + "\n";
        dir.write("people.csv", rows);
        const std::string path = dir.write("card.toml", R"([[channel]]
name = "kakao"
kind = "alimtalk"
vendor = "nhn"
app_key = "appkey"
secret_key = "env:TIDEGATE_TEST_SECRET"
report_secret = "env:TIDEGATE_TEST_NHN_HOOK"
sender = ")" + std::string(40, 'k') + R"("
url = ")" + twin.url("nhn") + R"("
template = "CARD01"
[[channel]]
name = "text"
kind = "sms"
vendor = "solapi"
api_key = "NCSKEY"
api_secret = "env:TIDEGATE_TEST_SECRET"
report_secret = "env:TIDEGATE_TEST_SOLAPI_HOOK"
sender = "15881234"
url = ")" + twin.url("solapi") + R"("
[campaign]
id = "card"
purpose = "informational"
[audience]
file = "people.csv"
key = "id"
[audience.address]
phone = "phone"
[message]
body = "카드가 도착합니다"
[cohorts]
count = 1
)");
        auto read = load_campaign(path);
        if (!read) FAIL(read.error().front().text());
        loaded = std::move(*read);
        GateOptions lent;
        lent.lock_dir = dir.path();
        auto opened = Gate::open(loaded.site, system_clock(), lent);
        REQUIRE(opened);
        gate = std::move(*opened);
    }

    static std::string number(int person) { return "0102000" + std::to_string(1000 + person); }

    CampaignHandle start(Duration wait_reports) {
        RunOptions options;
        options.ledger_dir = dir.file("ledger");
        options.wait_reports = wait_reports;
        auto handle = gate->start(loaded.campaign, options);
        if (!handle) FAIL(handle.error().front().text());
        return *handle;
    }
    /// The mark of the message that this number got over one of the vendors; empty when it got none.
    std::string mark_of(const std::string& channel, const std::string& address) {
        for (const Arrival& one : twin.arrivals())
            if (one.channel == channel && one.address == address) return one.key;
        return {};
    }
    Result<ReportsTaken> nhn(const std::vector<std::pair<std::string, std::string>>& codes,
                             const ReportHeaders& headers = from_nhn) {
        nlohmann::json hooks = nlohmann::json::array();
        for (const auto& [mark, code] : codes) {
            hooks.push_back({{"requestId", "r"},
                             {"recipientSeq", 1},
                             {"recipientGroupingKey", mark},
                             {"resultCode", code},
                             {"hookId", "h" + std::to_string(hooks.size())}});
        }
        const nlohmann::json body{{"hooksId", "1"}, {"event", "MESSAGE_RESULT_UPDATE"}, {"hooks", hooks}};
        return gate->ingest_report("kakao", headers, body.dump());
    }
    Result<ReportsTaken> solapi(const std::string& mark, const std::string& code) {
        const nlohmann::json body{
            {{"messageId", "M1"}, {"groupId", "G1"}, {"statusCode", code}, {"customFields", {{"tidegate", mark}}}}};
        return gate->ingest_report("text", from_solapi, body.dump());
    }
    static std::uint64_t count(const CampaignHandle& handle, Final outcome) {
        const auto report = handle.report();
        REQUIRE(report);
        for (const std::string& broken : broken_invariants(*report, false)) FAIL_CHECK(broken);
        return report->totals.outcomes[static_cast<std::size_t>(outcome)];
    }
};

}  // namespace

TEST_CASE("reports handed in during a run: delivered, or on to the next channel within the same run") {
    Mailroom room;
    const CampaignHandle handle = room.start(60s);
    REQUIRE(eventually(30s, [&] { return room.twin.arrivals().size() == 4; }));
    std::vector<std::string> marks;
    for (int i = 0; i < 4; ++i) marks.push_back(room.mark_of("nhn", Mailroom::number(i)));

    // The second has no Kakao, and is told twice; strangers' marks and a report without a code are harmless.
    const auto taken = room.nhn({{marks[1], "3019"},
                                 {marks[1], "3019"},
                                 {marks[0], "1000"},
                                 {marks[2], "MRC01"},
                                 {"tg-0123456789abcdef-65536-1", "1000"},
                                 {"somebody's", "1000"},
                                 {marks[3], ""}});
    REQUIRE(taken);
    CHECK(taken->reports == 5);
    CHECK(taken->ours == 4);
    REQUIRE(eventually(30s, [&] { return !room.mark_of("solapi", Mailroom::number(1)).empty(); }));
    CHECK(eventually(30s, [&] { return Mailroom::count(handle, Final::delivered) == 2; }));
    CHECK(handle.progress().state == RunState::running);

    // The first word stands, and a report of one account says nothing about the messages of another.
    CHECK(room.nhn({{marks[0], "3018"}})->ours == 1);
    const std::string text = room.mark_of("solapi", Mailroom::number(1));
    CHECK(room.nhn({{text, "3018"}})->ours == 1);
    CHECK(room.solapi(text, "4000")->ours == 1);
    CHECK(room.nhn({{marks[3], "1000"}})->ours == 1);
    const auto result = handle.wait(30s);  // nothing is owed any more: the minute is not waited out
    REQUIRE(result);
    CHECK(result->state == RunState::completed);
    CHECK(Mailroom::count(handle, Final::delivered) == 4);
    for (const auto& [address, times] : room.twin.taken()) CHECK(times == (address == Mailroom::number(1) ? 2 : 1));
}

TEST_CASE("reports handed in after a run are on disk when the call returns, and the next run goes on") {
    Mailroom room;
    CampaignHandle handle = room.start(0s);
    const auto ended = handle.wait(30s);
    REQUIRE(ended);
    CHECK(ended->state == RunState::awaiting_reports);
    std::vector<std::string> marks;
    for (int i = 0; i < 4; ++i) marks.push_back(room.mark_of("nhn", Mailroom::number(i)));

    CHECK(room.nhn({{marks[0], "1000"}, {marks[1], "3020"}, {marks[2], "3005"}})->ours == 3);
    CHECK(Mailroom::count(handle, Final::delivered) == 1);
    CHECK(Mailroom::count(handle, Final::pending) == 1);  // blocked Alimtalk; a text is allowed for information
    CHECK(Mailroom::count(handle, Final::accepted) == 2);
    CHECK(room.nhn({{marks[0], "1000"}, {marks[1], "3020"}})->ours == 2);  // told twice changes nothing
    CHECK(Mailroom::count(handle, Final::pending) == 1);
    CHECK(room.nhn({{marks[2], "1000"}, {marks[3], "1000"}})->ours == 2);

    handle = room.start(0s);
    REQUIRE(handle.wait(30s));
    const std::string text = room.mark_of("solapi", Mailroom::number(1));
    REQUIRE_FALSE(text.empty());
    CHECK(room.solapi(text, "3032")->ours == 1);  // a number that is not given to anybody
    CHECK(Mailroom::count(handle, Final::delivered) == 3);
    CHECK(Mailroom::count(handle, Final::undelivered) == 1);
    CHECK(handle.report()->state == RunState::completed);

    // Proven dead by report: it is on the list of addresses to delete, and nobody else is, as little as who blocked
    // Kakao.
    const CliResult exported =
        cli(room.dir, {"report", room.dir.file("card.toml"), "--dead", room.dir.file("dead.csv")});
    CAPTURE(exported.err);
    CHECK(exported.code == 0);
    CHECK(read_file(room.dir.file("dead.csv")) ==
          "key,channel,address,verdict,reason,code,since\r\nc1,text,1,dead,gone,3032,\r\n");
}

TEST_CASE("what cannot be shown to be the vendor's, or is none of its reports, changes nothing and is told nothing") {
    Mailroom room;
    const CampaignHandle handle = room.start(0s);
    REQUIRE(handle.wait(30s));
    const std::string mark = room.mark_of("nhn", Mailroom::number(0));
    const auto code_of = [](const Result<ReportsTaken>& taken) { return taken ? Errc::internal : taken.error().code; };
    const auto headers = [](const std::string& value) { return ReportHeaders{{"X-Toast-Webhook-Signature", value}}; };
    for (const ReportHeaders& wrong : {ReportHeaders{}, headers(""), headers("nhn-hoo"), headers("nhn-hook2"),
                                       ReportHeaders{{"X-Solapi-Secret", net::sha1_hex("solapi-hook")}}}) {
        const auto refused = room.nhn({{mark, "1000"}}, wrong);
        CHECK(code_of(refused) == Errc::refused);
        CHECK(refused.error().text().find("nhn-hook") == std::string::npos);
    }
    CHECK(code_of(room.gate->ingest_report("nobody", from_nhn, "{}")) == Errc::not_found);
    for (const char* body : {"", "[]", "null", "{\"event\":\"MESSAGE_RESULT_UPDATE\"}",
                             "{\"event\":\"MESSAGE_RESULT_UPDATE\",\"hooks\":[1]}", "\xff\xfe"}) {
        CAPTURE(body);
        CHECK(code_of(room.gate->ingest_report("kakao", from_nhn, body)) == Errc::invalid);
    }
    for (const char* body : {"", "{}", "[1]"})
        CHECK(code_of(room.gate->ingest_report("text", from_solapi, body)) == Errc::invalid);
    CHECK(code_of(room.gate->ingest_report("text", {{"X-Solapi-Secret", "solapi-hook"}}, "[]")) == Errc::refused);
    // The vendor's other events are not ours to refuse.
    CHECK(room.gate->ingest_report("kakao", from_nhn, R"({"event":"TEMPLATE_STATUS_UPDATE","hooks":[]})")->reports ==
          0);
    CHECK(Mailroom::count(handle, Final::accepted) == 4);
}
