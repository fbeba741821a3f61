// `tidegate simulate` as a person or a script meets it. Nothing listens: a rehearsal asks nobody.

#include <doctest/doctest.h>

#include "support/twin.hpp"

using namespace tidegate::test;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A campaign that opens in seconds, so that a rehearsal of it takes milliseconds.
const char* const kSmall = R"(
about = "a short campaign"
history = "10m"
[[backend]]
capacity_hint = 1280
[[campaign]]
recipients = 400_000
[campaign.crowd]
median = "5s"
[campaign.belief]
median = "5s"
)";

/// Signals and channels that nobody serves: a rehearsal must not need them.
const char* const kCampaign = R"(
[campaign]
id = "news"
purpose = "informational"
[audience]
file = "people.csv"
key = "id"
[audience.address]
webhook = "hook"
[message]
body = "{{name}}, the branch opens at nine"
[response]
open_rate = 0.2
median = "2s"
[impact]
bank = { per_open = 3 }
[[backend]]
name = "bank"
capacity_hint = 340
signal = { kind = "json", url = "http://127.0.0.1:9/json", every = "1s", p99 = "/p99", load = "/load", at = "/at" }
[[channel]]
kind = "webhook"
url = "http://127.0.0.1:9/push"
)";

struct Desk {
    TempDir dir;
    std::string scenario = dir.write("small.toml", kSmall);

    CliResult simulate(std::vector<std::string> more) {
        more.insert(more.begin(), "simulate");
        return cli(dir, more);
    }
    /// Refused with every one of these words, and with nothing on standard output.
    void refused(std::vector<std::string> arguments, const std::vector<std::string>& words) {
        const CliResult result = simulate(std::move(arguments));
        CHECK(result.code == 2);
        CHECK(result.out.empty());
        for (const std::string& word : words) CHECK_MESSAGE(has(result.err, word), result.err);
    }
};

}  // namespace

TEST_CASE("a comparison names every policy with completion, time, seconds over and who finished") {
    Desk desk;
    const CliResult told = desk.simulate({"--scenario", desk.scenario, "--compare", "--seeds", "1-3"});
    CHECK_MESSAGE(told.code == 0, told.err);
    CHECK(has(told.out, "small: a short campaign"));
    CHECK(has(told.out, "400,000 recipients, seeds 1-3; the oracle takes"));
    for (const std::string policy : {"blast", "static 1,000/s", "aimd", "gradient", "impact", "oracle"})
        CHECK_MESSAGE(has(told.out, "\n  " + policy + " "), policy);
    CHECK(has(told.out, "3 of 3"));
    CHECK(has(told.out, "1.000 x"));  // the oracle against itself
}

TEST_CASE("a folder of scenarios is a table, a line for each") {
    Desk desk;
    desk.dir.write("other.toml", std::string("name = \"another\"\n") + kSmall);
    const CliResult told = desk.simulate(
        {"--scenario", desk.dir.path(), "--policy", "blast,impact", "--policy", "static=500", "--seeds", "2"});
    CHECK_MESSAGE(told.code == 0, told.err);
    CHECK(has(told.out, "\nanother "));
    CHECK(has(told.out, "\nsmall "));
    CHECK(has(told.out, " · 0(0)"));
    CHECK(has(told.out, "static 500/s"));
}

TEST_CASE("JSON has a record and every seed") {
    Desk desk;
    const CliResult told =
        desk.simulate({"--scenario", desk.scenario, "--policy", "blast,impact", "--seeds", "1,4-5", "--json"});
    CHECK_MESSAGE(told.code == 0, told.err);
    REQUIRE(told.json.is_object());
    CHECK(told.json["schema"] == 1);
    const auto& scenario = told.json["scenarios"][0];
    CHECK(scenario["scenario"] == "small");
    CHECK(scenario["seeds"] == nlohmann::json({1, 4, 5}));
    CHECK(scenario["recipients"] == 400000.0);
    REQUIRE(scenario["policies"].size() == 2);
    const auto& blast = scenario["policies"][0];
    CHECK(blast["policy"] == "blast");
    CHECK(blast["seconds_over"] > 0.0);
    REQUIRE(blast["runs"].size() == 3);
    CHECK(blast["runs"][1]["seed"] == 4);
    CHECK(blast["runs"][1]["backends"][0]["name"] == "app-api");
    CHECK(blast["runs"][1]["campaigns"][0]["sent"] == 400000.0);
    CHECK(scenario["policies"][1]["seconds_over"] == 0.0);
}

TEST_CASE("the same request gives the same bytes, however many threads work on it") {
    Desk desk;
    const auto run = [&](const std::string& jobs, const std::string& name) {
        const CliResult told = desk.simulate({"--scenario", desk.scenario, "--compare", "--seeds", "1-4", "--json",
                                              "--jobs", jobs, "--html", desk.dir.file(name)});
        CHECK(told.code == 0);
        return told.out + read_file(desk.dir.file(name));
    };
    const std::string once = run("1", "a.html");
    CHECK(once == run("1", "b.html"));
    CHECK(once == run("5", "c.html"));
    CHECK(once.size() > 20000);
}

TEST_CASE("the page and the picture are written, stand alone, and name the seed that is drawn") {
    Desk desk;
    const std::string html = desk.dir.file("out.html"), svg = desk.dir.file("out.svg");
    const CliResult told = desk.simulate(
        {"--scenario", desk.scenario, "--policy", "blast,impact", "--seeds", "7,1", "--html", html, "--svg", svg});
    CHECK_MESSAGE(told.code == 0, told.err);
    CHECK(has(told.err, "picture written to " + html));
    const std::string page = read_file(html), picture = read_file(svg);
    CHECK(has(page, "seed 7 is drawn"));
    for (const std::string part : {"<svg", "Latency of app-api", "Load on app-api", "Messages sent so far",
                                   "What bound the gate", "without the campaign"})
        CHECK_MESSAGE(has(page, part), part);
    CHECK_FALSE(has(page, "src="));
    CHECK_FALSE(has(page, "href=\"http"));
    CHECK_FALSE(has(page, "https://"));
    CHECK(has(picture, "seed 7"));
    CHECK(has(picture, "impact: never over the SLO"));
}

TEST_CASE("a campaign file is rehearsed with its own backend and as many people as its audience has") {
    Desk desk;
    desk.dir.write("people.csv", webhook_audience(3000));
    const std::string file = desk.dir.write("news.toml", kCampaign);
    const CliResult told =
        desk.simulate({file, "--scenario", desk.scenario, "--policy", "blast,impact", "--seeds", "1-2", "--json"});
    CHECK_MESSAGE(told.code == 0, told.err);
    REQUIRE(told.json.is_object());
    const auto& scenario = told.json["scenarios"][0];
    CHECK(scenario["recipients"] == 3000.0);
    const auto& run = scenario["policies"][1]["runs"][0];
    CHECK(run["backends"][0]["name"] == "bank");
    CHECK(run["campaigns"][0]["id"] == "news");
    CHECK(scenario["policies"][0]["seconds_over"] > 0.0);

    // With a number of one's own the audience need not be there yet.
    std::filesystem::remove(desk.dir.file("people.csv"));
    const CliResult many = desk.simulate({file, "--recipients", "20000", "--seeds", "1", "--json"});
    CHECK_MESSAGE(many.code == 0, many.err);
    CHECK(many.json["scenarios"][0]["scenario"] == "nominal");
    CHECK(many.json["scenarios"][0]["recipients"] == 20000.0);
    desk.refused({file, "--seeds", "1"}, {"people.csv"});
    CHECK_FALSE(std::filesystem::exists(desk.dir.file("ledger")));
}

TEST_CASE("what is refused is refused in words, all of it at once") {
    Desk desk;
    desk.refused({"--policy", "impct", "--seeds", "5-1"},
                 {"there is no policy \"impct\"", "did you mean impact?", "\"5-1\" runs backwards"});
    desk.refused({"--seeds", "1-99999999999"}, {"more than 10000 seeds"});
    desk.refused({"--scenario", desk.dir.file("absent.toml")}, {"there is no scenario", "absent.toml"});
    desk.refused({"--recipients", "5"}, {"belongs to a campaign file"});
    desk.refused({"--scenario", desk.scenario, "--scenario", desk.scenario, "--svg", desk.dir.file("x.svg")},
                 {"--svg draws one scenario"});
    desk.refused({desk.dir.file("absent.toml")}, {"absent.toml"});
    CHECK(desk.simulate({"--jobs", "0"}).code == 2);
    const CliResult json = desk.simulate({"--policy", "impct", "--json"});
    CHECK(json.code == 2);
    CHECK(json.json["errors"].size() == 1);
}

TEST_CASE("faults of a scenario file are told with their lines, as check does") {
    Desk desk;
    const std::string file =
        desk.dir.write("faulty.toml", "[[backend]]\ncapacity_hnt = 5\n[[event]]\nkind = \"flood\"\n");
    desk.refused({"--scenario", file}, {"faulty.toml:2", "capacity_hint", "faulty.toml:4", "flood", "2 faults"});
}

TEST_CASE("a site without backends has nothing to rehearse against, and a picture needs a place") {
    Desk desk;
    std::string text = kCampaign;
    const auto from = text.find("[impact]"), to = text.find("[[channel]]");
    text.erase(from, to - from);
    const std::string file = desk.dir.write("bare.toml", text);
    desk.refused({file, "--recipients", "10"}, {"bare.toml", "[[backend]]"});
    const CliResult nowhere = desk.simulate(
        {"--scenario", desk.scenario, "--seeds", "1", "--html", desk.dir.file("no/such/folder/out.html")});
    CHECK(nowhere.code == 2);
    CHECK(has(nowhere.err, "cannot be written"));
}

TEST_CASE("the exact grain follows each person, leaves out what no gate can do, and refuses more than it can follow") {
    Desk desk;
    const std::string people = desk.dir.write("people.toml", "[[campaign]]\nrecipients = 2_000\n");
    const CliResult told =
        desk.simulate({"--scenario", people, "--grain", "exact", "--compare", "--policy", "blast", "--seeds", "1"});
    CHECK_MESSAGE(told.code == 0, told.err);
    CHECK(has(told.err, "aimd, gradient, oracle"));
    CHECK(has(told.out, "2,000 recipients: 2,000 accepted"));
    const CliResult json = desk.simulate({"--scenario", people, "--grain", "exact", "--seeds", "1", "--json"});
    CHECK(has(json.out, R"("grain":"exact")"));
    CHECK(has(json.out, R"("accepted":2000)"));
    desk.refused({"--grain", "exact", "--seeds", "1"}, {"at most 200,000 people"});
    desk.refused({"--scenario", people, "--grain", "exact", "--policy", "aimd"}, {"no policy \"aimd\""});
    desk.refused({"--grain", "fine"}, {"flow or exact"});
}
