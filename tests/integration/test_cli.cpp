// The command as a person or a script meets it: exit codes, words, files. Everything goes to the practice bank, whose
// log says what was really sent.

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "support/campaign_text.hpp"
#include "support/twin.hpp"
#include "tidegate/base/text.hpp"

using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
    return count;
}

std::string after(const std::string& text, const std::string& before, const std::string& until) {
    const auto from = text.find(before);
    if (from == std::string::npos) return {};
    const auto start = from + before.size();
    return text.substr(start, text.find(until, start) - start);
}

struct Desk {
    TempDir dir;
    Twin twin{dir};
    CampaignText text = CampaignText::over_webhook(twin);

    explicit Desk(std::size_t people = 20) { dir.write("people.csv", webhook_audience(people)); }

    std::vector<std::string> run_line(std::vector<std::string> more = {}) {
        std::vector<std::string> line{"run", text.write(dir), "--progress", "none"};
        line.insert(line.end(), more.begin(), more.end());
        return line;
    }
    CliResult run(std::vector<std::string> more = {}) { return cli(dir, run_line(std::move(more))); }
    CliResult report() { return cli(dir, {"report", text.write(dir), "--json"}); }
    void check_promises() {
        const CliResult told = report();
        CHECK(told.code == 0);
        CHECK_MESSAGE(broken_promises(told.json).empty(), told.out);
    }
    /// Refused before anything was sent, in one message (or as many as told) that says `words`.
    void refused(const std::vector<std::string>& words, std::vector<std::string> more = {}, std::size_t messages = 1) {
        const std::size_t before = twin.arrivals().size();
        const CliResult result = run(std::move(more));
        INFO(result.err);
        CHECK(result.code == 2);
        CHECK(count_of(result.err, "error: ") == messages);
        for (const std::string& word : words) CHECK_MESSAGE(has(result.err, word), word);
        CHECK(twin.arrivals().size() == before);
    }
};

/// A run that is under way with the operator's surface open.
struct Served {
    explicit Served(Desk& desk, std::vector<std::string> more = {})
        : desk_(desk), sender(desk.dir, [&] {
              more.insert(more.end(), {"--json", "--listen", "127.0.0.1:0"});
              return desk.run_line(more);
          }()) {
        const bool up = eventually(20s, [&] { return has(sender.err(), "token in "); });
        REQUIRE_MESSAGE(up, sender.err());
        const std::string told = sender.err();
        address = after(told, "operator's surface: ", ",");
        token = after(told, "token in ", "\n");
        port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
        // The surface is there before the audience has been read.
        REQUIRE(eventually(20s, [&] { return has(say({"status"}).out, "practice"); }));
    }
    CliResult say(std::vector<std::string> words) {
        words.insert(words.end(), {"--control", address, "--token", token});
        return cli(desk_.dir, words);
    }

  private:
    Desk& desk_;

  public:
    Cli sender;
    std::string address, token;
    std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("a missing column is refused by its name") {
    Desk desk;
    desk.text.audience = "file = \"people.csv\"\nkey = \"customer_number\"\n";
    desk.refused({"customer_number", "people.csv", "column"});
}

TEST_CASE("an unknown key is refused with its line and the key that was meant") {
    Desk desk;
    desk.text.message += "colapse = \"x\"\n";
    desk.refused({"colapse", "practice.toml:", "collapse"});
}

TEST_CASE("an unreadable secret is refused by the name of its file") {
    Desk desk;
    desk.text.channel += "secret = \"file:absent.key\"\n";
    desk.refused({"absent.key", "secret", "no such file", "practice.toml:"});
}

TEST_CASE("a row that is not UTF-8 is refused with its number") {
    Desk desk;
    desk.dir.write("people.csv", "id,hook,name\na,@a,Kim\nb,@b,\xff\xfe\n");
    desk.text.audience += "max_malformed = 0\n";
    desk.refused({"people.csv", "row 2", "UTF-8"}, {}, 2);
}

TEST_CASE("a campaign file that is not UTF-8 is refused") {
    Desk desk;
    desk.text.message = "title = \"\xff\xfe\"\nbody = \"x\"\n";
    desk.refused({"practice.toml", "UTF-8"});
}

TEST_CASE("more malformed rows than allowed are refused with share and rows") {
    Desk desk;
    desk.dir.write("people.csv", "id,hook,name\na,@a,Kim\n,@b,Lee\nc,@c\nd,@d,Park\n");
    desk.text.audience += "max_malformed = \"10%\"\n";
    // One message for the share, one for each row.
    desk.refused({"people.csv", "max_malformed", "2 of 4 rows", "row 2", "row 3"}, {}, 3);
}

TEST_CASE("an audience without anybody is refused") {
    Desk desk;
    desk.dir.write("people.csv", "id,hook,name\n");
    desk.refused({"people.csv", "no recipients"});
}

TEST_CASE("a message over the provider's size is refused before anything is sent") {
    Desk desk;
    push_people(desk.dir, 20);
    desk.text = CampaignText::over_fcm(desk.twin);
    desk.text.message = "title = \"x\"\nbody = \"" + std::string(5000, 'a') + "\"\n";
    desk.refused({"droid", "bytes", "4096"});
}

TEST_CASE("a port in use is refused") {
    Desk desk;
    desk.refused({"in use", std::to_string(desk.twin.port("ops"))},
                 {"--listen", "127.0.0.1:" + std::to_string(desk.twin.port("ops"))});
}

TEST_CASE("a ledger of other content is refused with the difference") {
    Desk desk;
    REQUIRE(desk.run({"--limit", "5"}).code == 4);
    SUBCASE("another text") {
        desk.text.message = "title = \"hello\"\nbody = \"{{name}}, something else\"\n";
        desk.refused({"body", "practice"});
    }
    SUBCASE("another audience") {
        desk.dir.write("people.csv", webhook_audience(21));
        desk.refused({"people.csv", "audience"});
    }
    SUBCASE("other cohorts") {
        desk.text.cohorts = "count = 3\n";
        desk.refused({"cohorts", "1", "3"});
    }
}

TEST_CASE("a second process on the same backend is refused by name of the holder") {
    Desk desk(2000);
    desk.text.watched(desk.twin);
    desk.text.limits = "per_second = 20\n";
    Cli first(desk.dir, desk.run_line());
    REQUIRE(eventually(20s, [&] { return !desk.twin.arrivals().empty(); }));
    desk.text.id = "second";
    const CliResult second = desk.run();
    CHECK_MESSAGE(second.code == 2, second.err);
    CHECK(has(second.err, "app-api"));
    CHECK(has(second.err, "process " + std::to_string(first.process().pid())));
    CHECK(count_of(second.err, "error: ") == 1);
    const std::string other = desk.dir.file("ledger/second.ledger");
    CHECK(::access(other.c_str(), F_OK) != 0);
    first.process().signal(SIGTERM);
    CHECK(first.wait() == 3);
}

TEST_CASE("a second process on the same ledger is refused by name of the holder") {
    Desk desk(2000);
    desk.text.limits = "per_second = 20\n";
    Cli first(desk.dir, desk.run_line());
    REQUIRE(eventually(20s, [&] { return !desk.twin.arrivals().empty(); }));
    const CliResult second = desk.run();
    CHECK(second.code == 2);
    CHECK_MESSAGE(has(second.err, "practice.ledger"), second.err);
    CHECK_MESSAGE(has(second.err, std::to_string(first.process().pid())), second.err);
    first.process().signal(SIGTERM);
    CHECK(first.wait() == 3);
    desk.check_promises();
}

TEST_CASE("all faults are told at once, and nothing is sent") {
    Desk desk;
    desk.text.message = "titel = \"x\"\n";
    desk.text.limits = "per_second = \"fast\"\n";
    desk.text.channel += "secret = \"file:absent.key\"\n";
    const CliResult result = desk.run();
    CHECK(result.code == 2);
    CHECK_MESSAGE(count_of(result.err, "error: ") >= 3, result.err);
    const CliResult json = desk.run({"--json"});
    CHECK(json.code == 2);
    REQUIRE(json.json.contains("errors"));
    CHECK(json.json["errors"].size() == count_of(result.err, "error: "));
    CHECK(desk.twin.arrivals().empty());
}

TEST_CASE("an unknown option or command ends with 2") {
    const TempDir dir;
    CHECK(cli(dir, {"run", "x.toml", "--fast"}).code == 2);
    CHECK(cli(dir, {"launch"}).code == 2);
    CHECK(cli(dir, {"run", dir.file("absent.toml")}).code == 2);
    CHECK(cli(dir, {"--help"}).code == 0);
    CHECK(cli(dir, {"--version"}).code == 0);
}

TEST_CASE("a misspelt command is refused in words that help") {
    const TempDir dir;
    const CliResult slip = cli(dir, {"pln", "campaign.toml"});
    CHECK(slip.code == 2);
    CHECK_MESSAGE(has(slip.err, "did you mean plan?"), slip.err);
}

TEST_CASE("a token file that is not there is said to be missing") {
    const TempDir dir;
    const CliResult result = cli(dir, {"pause", "--token", dir.file("nofile")});
    CHECK(result.code == 2);
    CHECK_MESSAGE(has(result.err, "no such token file"), result.err);
    CHECK(has(result.err, "nofile"));
    CHECK_FALSE(has(result.err, "readable"));
}

TEST_CASE("a secret that others can read is warned of on standard error, by check and by run") {
    Desk desk;
    ::chmod(desk.dir.write("ledger.key", std::string(64, 'a')).c_str(), 0640);
    desk.text.backend += "[ledger]\nkey = \"file:ledger.key\"\n";
    const CliResult checked = cli(desk.dir, {"check", desk.text.write(desk.dir)});
    CHECK(checked.code == 0);
    CHECK_MESSAGE(count_of(checked.err, "can be read by its group") == 1, checked.err);
    const CliResult sent = desk.run();
    CHECK(sent.code == 0);
    CHECK_MESSAGE(count_of(sent.err, "can be read by its group") == 1, sent.err);
}

TEST_CASE("check shows the message with keys and addresses masked and sends nothing") {
    Desk desk;
    const CliResult result = cli(desk.dir, {"check", desk.text.write(desk.dir), "--preview", "2"});
    CHECK_MESSAGE(result.code == 0, result.err);
    CHECK(count_of(result.out, "the branch opens at nine") == 2);
    CHECK(has(result.out, "20 recipients"));
    CHECK_FALSE(has(result.out, "m000001"));
    CHECK_FALSE(has(result.out, "@m0000"));
    CHECK(desk.twin.arrivals().empty());
    CHECK(::access(desk.dir.file("ledger").c_str(), F_OK) != 0);
}

TEST_CASE("plan tells cohorts, the finish, and a deadline that does not hold") {
    Desk desk(2000);
    desk.text.watched(desk.twin);
    desk.text.cohorts = "count = 4\ngap = \"10m\"\n";
    desk.text.campaign = "deadline = 2099-01-01T00:00:00+09:00\n";
    const std::string file = desk.text.write(desk.dir);
    const CliResult holds = cli(desk.dir, {"plan", file, "--json"});
    CHECK_MESSAGE(holds.code == 0, holds.err);
    REQUIRE(holds.json.is_object());
    CHECK(holds.json["cohorts"].size() == 4);
    CHECK(holds.json["recipients"] == 2000);
    CHECK(holds.json["left_at_deadline"] == 0);
    const CliResult words = cli(desk.dir, {"plan", file});
    CHECK(has(words.out, "last message"));
    CHECK(has(words.out, "cohort 4"));
    CHECK(has(words.out, ": holds"));

    desk.text.campaign = "deadline = 2001-01-01T00:00:00+09:00\n";
    const CliResult late = cli(desk.dir, {"plan", desk.text.write(desk.dir)});
    CHECK(has(late.out, "does not hold"));
    CHECK(desk.twin.arrivals().empty());
}

TEST_CASE("plan keeps its columns straight under wide characters") {
    Desk desk;
    desk.dir.write(
        "people.csv",
        "id,hook,name,branch\n1,a,김,강남대로지점\n2,b,이,Jeju\n3,c,박,아주 길고 길어서 칸을 넘치는 영업점\n");
    desk.text.cohorts = "by = \"column:branch\"\n";
    const CliResult words = cli(desk.dir, {"plan", desk.text.write(desk.dir)});
    CHECK_MESSAGE(words.code == 0, words.err);
    std::size_t rows = 0;
    std::istringstream lines(words.out);
    for (std::string line; std::getline(lines, line);) {
        const auto year = line.find("  20");
        if (year == std::string::npos || has(line, "message") || has(line, "load")) continue;
        CHECK_MESSAGE(tidegate::columns_of(line.substr(0, year)) == 36, line);
        ++rows;
    }
    CHECK_MESSAGE(rows == 3, words.out);
}

TEST_CASE("plan tells no start for a cohort that holds nobody or that the deadline cuts off") {
    Desk desk;
    desk.text.cohorts = "count = 2000\n";
    const std::string file = desk.text.write(desk.dir);
    const CliResult words = cli(desk.dir, {"plan", file});
    CHECK_FALSE_MESSAGE(has(words.out, "1970"), words.out);
    CHECK(has(words.out, "more, the last one that begins at 20"));
    const CliResult json = cli(desk.dir, {"plan", file, "--json"});
    CHECK_FALSE(has(json.out, "1970-"));
    CHECK(json.json["cohorts"].back()["recipients"] == 0);
    CHECK(json.json["cohorts"].back()["starts"].is_null());

    desk.text.cohorts = "count = 4\n";
    desk.text.campaign = "deadline = 2001-01-01T00:00:00+09:00\n";
    CHECK_FALSE(has(cli(desk.dir, {"plan", desk.text.write(desk.dir)}).out, "1970"));
}

TEST_CASE("test sends the real message to a few and leaves the campaign's ledger alone") {
    Desk desk;
    desk.dir.write("staff.csv", "id,hook,name\ns1,@s1,Jo\ns2,@s2,Mo\n");
    const CliResult result = cli(desk.dir, {"test", desk.text.write(desk.dir), "--to", desk.dir.file("staff.csv")});
    CHECK_MESSAGE(result.code == 0, result.err);
    CHECK(desk.twin.taken() == std::map<std::string, int>{{"@s1", 1}, {"@s2", 1}});
    CHECK(::access(desk.dir.file("ledger/practice.ledger").c_str(), F_OK) != 0);

    desk.dir.write("crowd.csv", webhook_audience(101));
    const CliResult crowd = cli(desk.dir, {"test", desk.text.write(desk.dir), "--to", desk.dir.file("crowd.csv")});
    CHECK(crowd.code == 2);
    CHECK(has(crowd.err, "100"));
    CHECK(desk.twin.arrivals().size() == 2);
}

TEST_CASE("a dry run sends nothing and leaves the campaign to be begun") {
    Desk desk;
    const CliResult dry = desk.run({"--dry-run", "--json"});
    CHECK_MESSAGE(dry.code == 0, dry.err);
    CHECK(broken_promises(dry.json).empty());
    CHECK(dry.json["outcomes"]["accepted"] == 20);
    CHECK(desk.twin.arrivals().empty());
    CHECK(desk.run({"--resume"}).code == 2);
    CHECK(desk.run().code == 0);
    CHECK(desk.twin.taken().size() == 20);
}

TEST_CASE("a limit ends with 4 and the next run sends the rest") {
    Desk desk;
    const CliResult part = desk.run({"--limit", "7", "--json"});
    CHECK(part.code == 4);
    CHECK(part.json["outcomes"]["accepted"] == 7);
    CHECK(part.json["outcomes"]["pending"] == 13);
    CHECK(part.json["state"] == "incomplete");
    desk.check_promises();
    CHECK(desk.run({"--limit", "7"}).code == 4);
    CHECK(desk.twin.arrivals().size() == 7);
    const CliResult rest = desk.run({"--json"});
    CHECK(rest.code == 0);
    CHECK(rest.json["state"] == "completed");
    CHECK(rest.json["attempts"] == 20);
    desk.check_promises();
    CHECK(desk.run().code == 0);
    CHECK(desk.twin.arrivals().size() == 20);
    CHECK(desk.twin.taken().size() == 20);
}

TEST_CASE("a deadline in the past ends with 4 and sends nothing") {
    Desk desk;
    desk.text.campaign = "deadline = 2001-01-01T00:00:00+09:00\n";
    const CliResult result = desk.run({"--json"});
    CHECK_MESSAGE(result.code == 4, result.err);
    CHECK(result.json["outcomes"]["pending"] == 20);
    CHECK(desk.twin.arrivals().empty());
    desk.check_promises();
    desk.text.campaign.clear();
    CHECK(desk.run().code == 0);
    CHECK(desk.twin.taken().size() == 20);
}

TEST_CASE("exports are private, hold keys and no addresses, and are never overwritten") {
    Desk desk;
    desk.dir.write("people.csv", webhook_audience(5) + "x1,dead-x1,Lee\nx2,dead-x2,Lee\n");
    REQUIRE(desk.run().code == 0);
    const std::string file = desk.dir.file("bad.csv"), campaign = desk.text.write(desk.dir);
    const CliResult result = cli(desk.dir, {"report", campaign, "--export", "unknown,invalid", file});
    CHECK_MESSAGE(result.code == 0, result.err);
    const std::string text = read_file(file);
    CHECK(mode_of(file) == 0600);
    CHECK(has(text, "x1,invalid"));
    CHECK(has(text, "x2,invalid"));
    CHECK_FALSE(has(text, "m000001"));
    CHECK_FALSE(has(text, "dead-"));
    CHECK(cli(desk.dir, {"report", campaign, "--export", "invalid", file}).code == 2);
    CHECK(cli(desk.dir, {"report", campaign, "--export", "lost", desk.dir.file("other.csv")}).code == 2);
    desk.check_promises();
}

TEST_CASE("the picture is one page that asks nobody for anything") {
    Desk desk;
    REQUIRE(desk.run().code == 0);
    const std::string file = desk.dir.file("report.html");
    CHECK(cli(desk.dir, {"report", desk.text.write(desk.dir), "--html", file}).code == 0);
    const std::string page = read_file(file);
    CHECK(has(page, "<svg"));
    CHECK(has(page, "practice"));
    CHECK_FALSE(has(page, "src=\"http"));
    CHECK_FALSE(has(page, "href=\"http"));
    CHECK_FALSE(has(page, "@m0000"));
}

TEST_CASE("purge takes addresses and fields out of the bytes of the ledger and keeps the outcomes") {
    Desk desk;
    REQUIRE(desk.run().code == 0);
    const auto anywhere = [&](const std::string& words) {
        for (const auto& entry : std::filesystem::directory_iterator(desk.dir.file("ledger"))) {
            if (has(read_file(entry.path().string()), words)) return true;
        }
        return false;
    };
    CHECK(mode_of(desk.dir.file("ledger/practice.ledger")) == 0600);
    CHECK(mode_of(desk.dir.file("ledger")) == 0700);
    REQUIRE(anywhere("@m000007"));
    REQUIRE(anywhere("Kim7"));
    const CliResult result = cli(desk.dir, {"purge", desk.text.write(desk.dir)});
    CHECK_MESSAGE(result.code == 0, result.err);
    CHECK_FALSE(anywhere("@m000007"));
    CHECK_FALSE(anywhere("Kim7"));
    CHECK(anywhere("m000007"));
    CHECK(desk.report().json["outcomes"]["accepted"] == 20);
    desk.check_promises();
}

TEST_CASE("the operator's surface answers those with the token and nobody else") {
    Desk desk(3000);
    desk.text.limits = "per_second = 100\n";
    Served gate(desk);
    CHECK(mode_of(gate.token) == 0600);
    CHECK(http(gate.port, "GET", "/status").status == 401);
    CHECK(http(gate.port, "GET", "/status", "Authorization: Bearer nonsense\r\n").status == 401);
    CHECK(http(gate.port, "POST", "/campaigns/practice/abort", "Authorization: Bearer nonsense\r\n").status == 401);
    const std::string wrong = desk.dir.write("wrong.token", "nonsense\n");
    ::chmod(wrong.c_str(), 0600);
    const CliResult refused = cli(desk.dir, {"status", "--control", gate.address, "--token", wrong});
    CHECK(refused.code == 2);
    CHECK(has(refused.err, "token"));
    CHECK(cli(desk.dir, {"status", "--control", gate.address}).code == 2);

    const CliResult status = gate.say({"status", "--json"});
    REQUIRE_MESSAGE(status.code == 0, status.err);
    CHECK(status.json["campaigns"][0]["campaign"] == "practice");
    CHECK(gate.say({"rate", "lots"}).code == 2);
    CHECK(gate.say({"pause", "no-such-campaign"}).code == 2);

    REQUIRE(eventually(10s, [&] { return desk.twin.arrivals().size() > 20; }));
    CHECK(gate.say({"pause"}).code == 0);
    std::this_thread::sleep_for(500ms);
    const std::size_t paused_at = desk.twin.arrivals().size();
    CHECK(has(gate.say({"status"}).out, "paused"));
    std::this_thread::sleep_for(700ms);
    CHECK(desk.twin.arrivals().size() == paused_at);
    CHECK(gate.say({"resume"}).code == 0);
    CHECK(eventually(5s, [&] { return desk.twin.arrivals().size() > paused_at + 20; }));

    CHECK(gate.say({"rate", "10"}).code == 0);
    std::this_thread::sleep_for(400ms);
    const std::size_t slow_from = desk.twin.arrivals().size();
    std::this_thread::sleep_for(2s);
    const std::size_t in_two_seconds = desk.twin.arrivals().size() - slow_from;
    CHECK(has(gate.say({"status"}).out, "rate set by the operator"));
    CHECK(in_two_seconds >= 5);
    CHECK(in_two_seconds <= 40);
    CHECK(gate.say({"rate", "configured"}).code == 0);
    const std::size_t fast_from = desk.twin.arrivals().size();
    CHECK(eventually(5s, [&] { return desk.twin.arrivals().size() > fast_from + 100; }));
    CHECK(has(gate.say({"status"}).out, "the campaign's own limit"));

    CHECK(gate.say({"abort"}).code == 0);
    CHECK(gate.sender.wait(20s) == 3);
    CHECK(gate.sender.json()["state"] == "aborted");
    CHECK(broken_promises(gate.sender.json()).empty());
    desk.refused({"aborted", "practice"});
    desk.check_promises();
}

TEST_CASE("the red button stops what loads a backend until it is released, and the report says so") {
    Desk desk(3000);
    desk.text.watched(desk.twin);
    desk.text.limits = "per_second = 100\n";
    Served gate(desk);
    REQUIRE(eventually(20s, [&] { return desk.twin.arrivals().size() > 20; }));
    CHECK(gate.say({"hold", "--backend", "no-such-backend"}).code == 2);
    CHECK(gate.say({"hold", "--backend", "app-api"}).code == 0);
    std::this_thread::sleep_for(600ms);
    const std::size_t held_at = desk.twin.arrivals().size();
    std::this_thread::sleep_for(1s);
    CHECK(desk.twin.arrivals().size() == held_at);
    CHECK(has(gate.say({"status"}).out, "held by the operator"));
    CHECK(gate.say({"hold", "--backend", "app-api", "--release"}).code == 0);
    CHECK(eventually(20s, [&] { return desk.twin.arrivals().size() > held_at + 20; }));

    gate.sender.process().signal(SIGINT);
    CHECK(gate.sender.wait(15s) == 3);
    const auto holds = gate.sender.json()["backends"][0]["holds"];
    const bool told =
        std::any_of(holds.begin(), holds.end(), [](const auto& hold) { return hold["signal"] == "operator"; });
    CHECK_MESSAGE(told, gate.sender.out());
    CHECK(broken_promises(gate.sender.json()).empty());
}

TEST_CASE("interrupted once, a run ends with 3 and the next one completes it with nobody doubled") {
    Desk desk(1500);
    desk.text.limits = "per_second = 500\n";
    desk.text.campaign = "on_unknown = \"resend\"\n";
    Cli sender(desk.dir, desk.run_line({"--json"}));
    REQUIRE(eventually(20s, [&] { return desk.twin.arrivals().size() > 200; }));
    sender.process().signal(SIGINT);
    CHECK(sender.wait(15s) == 3);
    const auto told = sender.json();
    CHECK(told["state"] == "stopped");
    CHECK_MESSAGE(broken_promises(told).empty(), sender.out());
    CHECK(told["outcomes"]["accepted"] == desk.twin.arrivals().size());
    const CliResult rest = desk.run({"--json"});
    CHECK(rest.code == 0);
    const auto taken = desk.twin.taken();
    CHECK(taken.size() == 1500);
    CHECK(desk.twin.arrivals().size() == 1500);
    desk.check_promises();
}

TEST_CASE("interrupted twice in a row, a run ends with 3, and nobody is doubled by the next one") {
    Desk desk(1500);
    desk.text.limits = "per_second = 500\n";
    desk.text.campaign = "on_unknown = \"never\"\n";
    Cli sender(desk.dir, desk.run_line({"--json"}));
    REQUIRE(eventually(20s, [&] { return desk.twin.arrivals().size() > 200; }));
    sender.process().signal(SIGINT);
    std::this_thread::sleep_for(80ms);
    sender.process().signal(SIGINT);
    CHECK(sender.wait(15s) == 3);
    CHECK_MESSAGE(broken_promises(sender.json()).empty(), sender.out());
    desk.check_promises();
    const CliResult rest = desk.run({"--json"});
    CHECK_MESSAGE(rest.code == 0, rest.err);
    const auto taken = desk.twin.taken();
    CHECK(taken.size() + rest.json["outcomes"]["unknown"].get<std::size_t>() >= 1500);
    for (const auto& [address, times] : taken) CHECK_MESSAGE(times == 1, address);
}

TEST_CASE("interrupted twice, a run does not wait for a provider that hangs, and its ledger is whole") {
    Desk desk(300);
    desk.text.limits = "per_second = 200\n";
    desk.text.campaign = "on_unknown = \"never\"\n";
    REQUIRE(desk.twin.fault("provider=hang"));
    Cli sender(desk.dir, desk.run_line({"--json"}));
    REQUIRE(eventually(20s, [&] { return desk.twin.arrivals().size() > 50; }));
    const auto begun = std::chrono::steady_clock::now();
    sender.process().signal(SIGINT);
    std::this_thread::sleep_for(300ms);
    sender.process().signal(SIGINT);
    CHECK(sender.wait(8s) == 3);
    CHECK(std::chrono::steady_clock::now() - begun < 5s);
    CHECK_MESSAGE(broken_promises(sender.json()).empty(), sender.out());
    const std::size_t asked = desk.twin.arrivals().size();
    desk.check_promises();

    REQUIRE(desk.twin.fault("provider=ok"));
    const CliResult rest = desk.run({"--json"});
    CHECK_MESSAGE(rest.code == 0, rest.err);
    CHECK(rest.json["outcomes"]["unknown"] >= asked);
    CHECK(rest.json["outcomes"]["pending"] == 0);
    for (const auto& [address, times] : desk.twin.taken()) CHECK_MESSAGE(times == 1, address);
}
