#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "net/crypto.hpp"
#include "support/certificate.hpp"
#include "support/places.hpp"
#include "support/temp_dir.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/delivery/config.hpp"

using namespace tidegate;
using namespace std::chrono_literals;
using test::TempDir;

namespace {

/// A campaign in one file that loads. Lines are counted by the tests below: tables go after it, never before.
const std::string kGood = R"([[backend]]
name = "app-api"
[backend.signal]
kind = "push"
[[channel]]
kind = "webhook"
url = "http://127.0.0.1:1/push"
[campaign]
id = "hello"
purpose = "informational"
[audience]
file = "people.csv"
[audience.address]
webhook = "token"
[message]
body = "안녕하세요 {{name}}님"
[impact]
app-api = { per_open = 2 }
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

LoadedCampaign load(const TempDir& dir, const std::string& text) {
    auto loaded = load_campaign(dir.write("campaign.toml", text));
    if (!loaded) {
        for (const auto& fault : loaded.error()) MESSAGE(fault.text());
    }
    REQUIRE(loaded);
    return *loaded;
}

/// Every fault as one line, with the folder's name taken out.
std::vector<std::string> faults_of(const TempDir& dir, const std::string& text) {
    const auto loaded = load_campaign(dir.write("campaign.toml", text));
    REQUIRE_FALSE(loaded);
    std::vector<std::string> lines;
    for (const auto& fault : loaded.error()) {
        auto line = fault.text();
        for (auto at = line.find(dir.path() + "/"); at != std::string::npos; at = line.find(dir.path() + "/")) {
            line.erase(at, dir.path().size() + 1);
        }
        CHECK_FALSE(fault.hint.empty());
        lines.push_back(std::move(line));
    }
    return lines;
}

std::string only_fault(const TempDir& dir, const std::string& text) {
    const auto faults = faults_of(dir, text);
    std::string all;
    for (const auto& fault : faults) all += fault + "\n";
    CAPTURE(all);
    REQUIRE(faults.size() == 1);
    return faults.front();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// "file:line" of each fault.
std::vector<std::string> places(const std::vector<std::string>& faults) {
    std::vector<std::string> out;
    for (const auto& fault : faults) out.push_back(fault.substr(0, fault.find(": ")));
    return out;
}

/// The bank sample with keys made for the occasion.
void copy_bank(const TempDir& dir) {
    std::filesystem::copy(test::source_dir() + "/examples/campaigns/bank", dir.path(),
                          std::filesystem::copy_options::recursive);
    std::filesystem::create_directory(dir.file("keys"));
    dir.write("keys/AuthKey.p8", test::tls::key_pem(test::tls::ec_key().get()));
    const test::tls::Key rsa(EVP_RSA_gen(2048), &EVP_PKEY_free);
    std::string escaped;
    for (const char c : test::tls::key_pem(rsa.get())) escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
    dir.write("keys/service-account.json",
              R"({"type":"service_account","project_id":"bank","private_key_id":"1","client_email":"a@bank.example",)"
              R"("token_uri":"https://oauth2.googleapis.com/token","private_key":")" +
                  escaped + "\"}");
    for (const auto* name : {"keys/AuthKey.p8", "keys/service-account.json"}) {
        using std::filesystem::perms;
        std::filesystem::permissions(dir.file(name), perms::owner_read | perms::owner_write);
    }
}

}  // namespace

TEST_CASE("the bank sample loads: two files become a site and a campaign") {
    const TempDir dir;
    copy_bank(dir);
    const auto result = load_campaign(dir.file("campaign.toml"));
    if (!result) {
        for (const auto& fault : result.error()) MESSAGE(fault.text());
    }
    REQUIRE(result);
    const auto& [site, campaign] = std::tie(result->site, result->campaign);

    REQUIRE(site.backends.size() == 2);
    const auto& api = site.backends[0];
    CHECK(api.limits.name == "app-api");
    CHECK(api.limits.latency_slo == 300ms);
    CHECK(api.limits.error_slo == 0.01);
    CHECK(api.limits.reserve == 0.3);
    CHECK(api.limits.capacity_hint == 1280.0);
    CHECK(api.limits.max_age == 15s);
    const auto& prometheus = std::get<PrometheusSignal>(api.signal);
    CHECK(prometheus.every == 5s);
    CHECK(prometheus.at == "min(timestamp(http_requests_total))");
    CHECK(prometheus.extra == std::vector<ExtraQuery>{{"lock_waits", "pg_lock_waits", 40}});
    const auto& json = std::get<JsonSignal>(site.backends[1].signal);
    CHECK(json.milliseconds);
    CHECK(json.at == "/measured_at");
    REQUIRE(site.channels.size() == 2);
    CHECK(site.channels[0].kind() == "apns");
    CHECK(site.channels[0].per_second == Rate{5000});
    CHECK(std::get<ApnsOptions>(site.channels[0].provider).key.reveal().starts_with("-----BEGIN PRIVATE KEY-----"));
    CHECK(site.transactional_templates == std::vector<std::string>{"card-approval", "transfer-done"});

    CHECK(campaign.id == "check-card-benefit-2026-11");
    CHECK(campaign.purpose == Purpose::advertising);
    CHECK(format_wall_time(*campaign.starts) == "2026-11-23T00:00:00.000Z");
    CHECK(format_wall_time(*campaign.deadline) == "2026-11-23T09:00:00.000Z");
    CHECK(campaign.on_unknown == OnUnknown::resend_if_collapsible);
    CHECK(campaign.audience.file == dir.file("recipients.csv"));
    CHECK(campaign.audience.suppress == std::vector<std::string>{dir.file("opt_out.csv")});
    CHECK(campaign.audience.max_malformed == doctest::Approx(0.001));
    CHECK(campaign.audience.addresses == std::vector<Address>{{"apns", "ios_token"}, {"fcm", "android_token"}});
    CHECK(campaign.message.ttl == Duration(4h));
    CHECK(campaign.send == std::vector<SendStep>{{"ios", false}, {"android", false}});
    CHECK(campaign.cohorts.canary.size() == 3);
    CHECK(campaign.cohorts.canary[0] == doctest::Approx(0.001));
    CHECK(campaign.cohorts.gap == 30s);
    CHECK(campaign.impact.at("app-api") == Impact{3, 0});
    CHECK(campaign.per_second == Rate{2000});
    CHECK(result->warnings == std::vector<std::string>{});

    CHECK(result->campaign_hash == net::sha256_hex(test::read_file(dir.file("campaign.toml"))));
    CHECK(result->site_hash == net::sha256_hex(test::read_file(dir.file("site.toml"))));
    CHECK(result->directory == dir.path());
    CHECK(result->lines.at("backend[0].name") == dir.file("site.toml") + ":8");
    CHECK(result->lines.at("campaign.id") == dir.file("campaign.toml") + ":10");

    const auto mapping = campaign.mapping();
    CHECK(mapping.key == "customer_id");
    CHECK(mapping.fields == std::vector<std::string>{"name", "benefit_id"});
    CHECK(mapping.consent == "ad_consent");
}

TEST_CASE("the webhook sample loads as it is: one file, a channel called by its kind, every channel in order") {
    const auto loaded = load_campaign(test::source_dir() + "/examples/campaigns/webhook/campaign.toml");
    if (!loaded) {
        for (const auto& fault : loaded.error()) MESSAGE(fault.text());
    }
    REQUIRE(loaded);
    CHECK(loaded->site.channels.at(0).name == "webhook");
    CHECK(loaded->campaign.send == std::vector<SendStep>{{"webhook", false}});
    CHECK(loaded->campaign.cohorts.column == "branch");
    CHECK(loaded->campaign.mapping().cohort_column == "branch");
    CHECK(loaded->warnings == std::vector<std::string>{});
    CHECK(loaded->site_hash == loaded->campaign_hash);
}

TEST_CASE("what a file leaves out keeps the default of the aggregate") {
    const TempDir dir;
    const auto loaded = load(dir, kGood);
    Campaign plain;
    CHECK(loaded.campaign.zone == plain.zone);
    CHECK(loaded.campaign.cohorts == plain.cohorts);
    CHECK(loaded.campaign.response == plain.response);
    CHECK(loaded.campaign.audience.max_malformed == plain.audience.max_malformed);
    CHECK(loaded.campaign.per_second == Rate::unlimited());
    CHECK(loaded.site.channels[0].in_flight == ChannelOptions{}.in_flight);
}

TEST_CASE("a mistyped key is refused with its line and the key that was meant, and hides no default") {
    const TempDir dir;
    const auto fault = only_fault(dir, replaced(kGood, "purpose =", "purpos ="));
    CHECK(has(fault, "campaign.toml:10: unknown key campaign.purpos"));
    CHECK(has(fault, "did you mean \"purpose\"?"));
    CHECK(has(only_fault(dir, kGood + "[limit]\nper_second = 1\n"), "did you mean \"limits\"?"));
    CHECK(has(only_fault(dir, kGood + "[cohorts]\nqwxyz = 1\n"), "known here: by, canary, count, gap, shards"));
}

TEST_CASE("a mistyped required key is one fault, not a missing key besides") {
    const TempDir dir;
    CHECK(has(only_fault(dir, replaced(kGood, "id = \"hello\"", "di = \"hello\"")), "did you mean \"id\"?"));
}

TEST_CASE("all faults of a file are told at once, in order of line") {
    const TempDir dir;
    auto text = replaced(kGood, "name = \"app-api\"", "name = \"app-api\"\nlatency_slo = 300");
    text = replaced(text, "id = \"hello\"", "id = \"스크린\"");
    text = replaced(text, "body = ", "boddy = ");
    text += "[cohorts]\ngap = \"30 seconds\"\ncount = 0\n[impact.other]\nper_open = 1\n";
    const auto faults = faults_of(dir, text);
    const std::vector<std::string> expected{"campaign.toml:3",  "campaign.toml:10", "campaign.toml:17",
                                            "campaign.toml:21", "campaign.toml:22", "campaign.toml:23"};
    std::string all;
    for (const auto& fault : faults) all += fault + "\n";
    CAPTURE(all);
    CHECK(places(faults) == expected);
}

TEST_CASE("faults of both files are told together, the campaign's first") {
    const TempDir dir;
    copy_bank(dir);
    dir.write("site.toml",
              replaced(test::read_file(dir.file("site.toml")), "latency_slo = \"300ms\"", "latency_slo = \"300\""));
    const auto campaign = replaced(test::read_file(dir.file("campaign.toml")), "priority = 5", "priority = 12");
    const auto faults = faults_of(dir, campaign);
    REQUIRE(faults.size() == 2);
    CHECK(has(faults[0], "campaign.toml:16: campaign.priority is 12 (write a whole number from 0 to 9)"));
    CHECK(has(faults[1], "site.toml:9: backend[0].latency_slo: \"300\" is not a duration"));
}

TEST_CASE("wrong types say what was wanted and what stands there") {
    const TempDir dir;
    const auto check = [&](const std::string& extra, const std::string& message) {
        CAPTURE(extra);
        CHECK(has(only_fault(dir, kGood + extra), message));
    };
    check("[limits]\nper_second = \"2000\"\n", "limits.per_second must be a number, not a text");
    check("[limits]\nper_second = 0\n", "limits.per_second must be above 0");
    check("[limits]\nper_second = nan\n", "must be a finite number");
    check("[response]\nmedian = 45\n", "response.median must be a duration, not a number");
    check("[response]\nopen_rate = \"8\"\n", "is not a share");
    check("[response]\nopen_rate = 8\n", "must lie between 0 and 1 (write a share such as 0.05 or \"5%\")");
    check("[cohorts]\ncanary = \"1%\"\n", "must be a list of shares, not a text");
    check("[cohorts]\ncount = 6.5\n", "must be a whole number");
    check("[cohorts]\nby = \"branch\"\n", "\"column:branch\"");
    check("[[cohorts]]\ncount = 6\n", "must be one table, not a list");
    check("[send]\nchannel = \"webhook\"\n", "write [[send]], with double brackets");
}

TEST_CASE("ratios are numbers or percentages, durations carry units, and both mean the same everywhere") {
    const TempDir dir;
    const auto loaded = load(dir, kGood +
                                      "[response]\nopen_rate = \"12.5%\"\nmedian = \"1500ms\"\n[cohorts]\n"
                                      "canary = [0.001, \"1%\"]\ngap = \"1.5m\"\nby = \"hash\"\n");
    CHECK(loaded.campaign.response.open_rate == 0.125);
    CHECK(loaded.campaign.response.median == 1500ms);
    CHECK(loaded.campaign.cohorts.canary == std::vector<double>{0.001, 0.01});
    CHECK(loaded.campaign.cohorts.gap == 90s);
}

TEST_CASE("a date needs its offset, and no quotes") {
    const TempDir dir;
    const auto with = [&](const std::string& value) {
        return replaced(kGood, "id = \"hello\"", "id = \"hello\"\nstarts = " + value);
    };
    CHECK(has(only_fault(dir, with("2026-11-23T09:00:00")), "campaign.toml:10: campaign.starts has no offset"));
    CHECK(has(only_fault(dir, with("2026-11-23")), "has no offset"));
    CHECK(has(only_fault(dir, with("\"2026-11-23T09:00:00+09:00\"")), "write it without quotes"));
    CHECK(has(only_fault(dir, with("2026-02-30T09:00:00+09:00")), "campaign.toml:10: not valid TOML"));
    CHECK(format_wall_time(*load(dir, with("2026-11-23T00:30:00-03:30")).campaign.starts) ==
          "2026-11-23T04:00:00.000Z");
    CHECK(has(only_fault(dir, with("2026-11-23T09:00:00Z\ndeadline = 2026-11-23T09:00:00Z")), "not after the start"));
}

TEST_CASE("secrets come from a file or the environment, never from the file itself, and are never printed") {
    const TempDir dir;
    const std::string url = "url = \"http://127.0.0.1:1/push\"\n";
    const auto with = [&](const std::string& value) { return replaced(kGood, url, url + "secret = " + value + "\n"); };

    const auto written_inline = only_fault(dir, with("\"hunter2hunter2\""));
    CHECK(has(written_inline, "campaign.toml:8: channel[0].secret holds the secret itself"));
    CHECK(has(written_inline, "\"file:PATH\" or \"env:NAME\""));
    CHECK_FALSE(has(written_inline, "hunter2"));
    CHECK_FALSE(has(only_fault(dir, with("hunter2hunter2")), "hunter2"));
    CHECK_FALSE(has(only_fault(dir, with("99999999999999999999")), "9999"));
    CHECK_FALSE(has(only_fault(dir, with("123456789")), "123456789"));

    CHECK(
        has(only_fault(dir, with("\"file:absent.key\"")), "campaign.toml:8: channel[0].secret = \"file:absent.key\""));
    ::unsetenv("TIDEGATE_TEST_ABSENT");
    CHECK(has(only_fault(dir, with("\"env:TIDEGATE_TEST_ABSENT\"")), "TIDEGATE_TEST_ABSENT"));

    dir.write("hook.key", "s3cret\n");
    CHECK(std::get<WebhookOptions>(load(dir, with("\"file:hook.key\"")).site.channels[0].provider).secret.reveal() ==
          "s3cret");
    ::setenv("TIDEGATE_TEST_SECRET", "from-env", 1);
    CHECK(std::get<WebhookOptions>(load(dir, with("\"env:TIDEGATE_TEST_SECRET\"")).site.channels[0].provider)
              .secret.reveal() == "from-env");
    ::unsetenv("TIDEGATE_TEST_SECRET");
}

TEST_CASE("a URL that carries a password is refused without repeating it") {
    const TempDir dir;
    const auto fault =
        only_fault(dir, replaced(kGood, "http://127.0.0.1:1/push", "http://bot:hunter2@127.0.0.1:1/push"));
    CHECK(has(fault, "channel[0].url carries a password"));
    CHECK_FALSE(has(fault, "hunter2"));
}

TEST_CASE("relative paths start at the file they stand in; absolute paths and standard input stay") {
    const TempDir dir;
    std::filesystem::create_directory(dir.file("sites"));
    copy_bank(dir);
    std::filesystem::rename(dir.file("site.toml"), dir.file("sites/site.toml"));
    std::filesystem::rename(dir.file("keys"), dir.file("sites/keys"));
    auto text = test::read_file(dir.file("campaign.toml"));
    text = replaced(text, "site = \"site.toml\"", "site = \"./sites/site.toml\"");
    text = replaced(text, "file = \"recipients.csv\"", "file = \"-\"");
    text = replaced(text, "[\"opt_out.csv\"]", "[\"sites/../opt_out.csv\", \"/nowhere/opt_out.csv\"]");
    const auto loaded = load(dir, text);
    CHECK(loaded.campaign.audience.file == "-");
    CHECK(loaded.campaign.audience.suppress ==
          std::vector<std::string>{dir.file("opt_out.csv"), "/nowhere/opt_out.csv"});
}

TEST_CASE("site = and the site's own tables in one file contradict each other") {
    const TempDir dir;
    copy_bank(dir);
    const auto text =
        test::read_file(dir.file("campaign.toml")) + "[[channel]]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1\"\n";
    const auto fault = only_fault(dir, text);
    CHECK(has(fault, "channel does not belong in this file"));
    CHECK(has(fault, "or leave out `site`"));
}

TEST_CASE("a campaign's table in the site file is told where it belongs") {
    const TempDir dir;
    copy_bank(dir);
    dir.write("site.toml", test::read_file(dir.file("site.toml")) + "[limits]\nper_second = 9\n");
    const auto fault = only_fault(dir, test::read_file(dir.file("campaign.toml")));
    CHECK(has(fault, "site.toml:"));
    CHECK(has(fault, "limits does not belong in this file (move it to the campaign file)"));
}

TEST_CASE("a site file that cannot be read is one fault; its names are not doubted") {
    const TempDir dir;
    copy_bank(dir);
    std::filesystem::remove(dir.file("site.toml"));
    CHECK(has(only_fault(dir, test::read_file(dir.file("campaign.toml"))), "site.toml: cannot be read"));
    dir.write("site.toml", "[[backend]\n");
    CHECK(has(only_fault(dir, test::read_file(dir.file("campaign.toml"))), "site.toml:1: not valid TOML"));
}

TEST_CASE("a key of the whole file that slipped below a table says where to put it") {
    const TempDir dir;
    const auto text = replaced(kGood, "id = \"hello\"", "id = \"hello\"\ntransactional_templates = [\"a\"]");
    CHECK(has(only_fault(dir, text), "put it above the first [table]"));
}

TEST_CASE("files that are no campaign are refused by name: absent, folder, too large, not UTF-8, broken") {
    const TempDir dir;
    const auto absent = load_campaign(dir.file("absent.toml"));
    REQUIRE_FALSE(absent);
    CHECK(absent.error().at(0).code == Errc::not_found);
    CHECK(absent.error().at(0).where == dir.file("absent.toml"));
    CHECK_FALSE(load_campaign(dir.path()));
    CHECK(has(only_fault(dir, std::string(1024 * 1024 + 1, '#')), "larger than 1 MiB"));
    CHECK(has(only_fault(dir, "[campaign]\nid = \"caf\xe9\"\n"), "campaign.toml:2: the file is not UTF-8"));
    CHECK(has(only_fault(dir, "[campaign]\nid = \"open\n"), "campaign.toml:2: not valid TOML"));
    CHECK(has(only_fault(dir, "[campaign]\nid = \"a\"\nid = \"b\"\n"), "campaign.toml:3: not valid TOML"));
    CHECK(load(dir, "\xef\xbb\xbf" + kGood).campaign.id == "hello");
}

TEST_CASE("a Prometheus signal without `at` is refused: a dead exporter would look alive") {
    const TempDir dir;
    const auto text =
        replaced(kGood, "kind = \"push\"", "kind = \"prometheus\"\nurl = \"http://127.0.0.1:9090\"\np99 = \"x\"");
    CHECK(has(only_fault(dir, text), "backend[0].signal.at"));
}

TEST_CASE("a probe that cannot take 50 samples within max_age is refused") {
    const TempDir dir;
    const auto probe = [&](const std::string& rate) {
        return replaced(kGood, "kind = \"push\"",
                        "kind = \"probe\"\nurl = \"http://127.0.0.1:1/\"\nper_second = " + rate);
    };
    CHECK(has(only_fault(dir, probe("1")), "backend[0].signal"));
    load(dir, probe("5"));
}

TEST_CASE("a backend nobody watches is refused, and keys of another kind of signal are unknown") {
    const TempDir dir;
    CHECK(has(only_fault(dir, replaced(kGood, "[backend.signal]\nkind = \"push\"\n", "")),
              "backend[0].signal is missing"));
    CHECK(has(only_fault(dir, replaced(kGood, "kind = \"push\"", "kind = \"push\"\nurl = \"http://127.0.0.1:1\"")),
              "unknown key backend[0].signal.url"));
    CHECK(has(only_fault(dir, replaced(kGood, "kind = \"push\"", "kind = \"prometeus\"\nurl = \"http://127.0.0.1:1\"")),
              "did you mean \"prometheus\"?"));
}

TEST_CASE("names are unique and plain, and references must meet one") {
    const TempDir dir;
    const auto twice = faults_of(dir, kGood + "[[channel]]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1\"\n");
    CHECK(std::any_of(twice.begin(), twice.end(),
                      [](const auto& f) { return has(f, "a second channel is called \"webhook\""); }));
    CHECK(has(only_fault(dir, kGood + "[[send]]\nchannel = \"webhok\"\n"), "did you mean \"webhook\"?"));
    CHECK(has(only_fault(dir, replaced(kGood, "app-api = {", "app-ap = {")), "did you mean \"app-api\"?"));
    CHECK(has(only_fault(dir, replaced(kGood, "id = \"hello\"", "id = \"../../etc\"")), "it names files"));
    CHECK(has(only_fault(dir, replaced(kGood, "id = \"hello\"", "id = \"..\"")), "it names files"));
}

TEST_CASE("only templates the site lists may be transactional") {
    const TempDir dir;
    const auto with = [&](const std::string& listed) {
        return listed + replaced(replaced(kGood, "\"informational\"", "\"transactional\""), "[message]",
                                 "[message]\ntemplate = \"receipt\"");
    };
    CHECK(has(only_fault(dir, with("")), "does not list the template \"receipt\" as transactional"));
    CHECK(load(dir, with("transactional_templates = [\"receipt\"]\n")).campaign.purpose == Purpose::transactional);
}

TEST_CASE("a broken template, an unknown zone and a bad ledger key are told before anything starts") {
    const TempDir dir;
    CHECK(has(only_fault(dir, replaced(kGood, "{{name}}", "{{name")), "campaign.toml:16: message.body"));
    CHECK(has(only_fault(dir, replaced(kGood, "id = \"hello\"", "id = \"hello\"\nzone = \"Asia/Soul\"")),
              "unknown time zone"));
    dir.write("ledger.key", "too short");
    CHECK(has(only_fault(dir, kGood + "[ledger]\nkey = \"file:ledger.key\"\n"), "campaign.toml:20: ledger.key"));
    dir.write("ledger.key", std::string(64, 'a'));
    CHECK_FALSE(load(dir, kGood + "[ledger]\nkey = \"file:ledger.key\"\n").campaign.ledger_key.empty());
}

TEST_CASE("several columns may hold addresses of one type, and the message's data takes the user's names") {
    const TempDir dir;
    auto text = replaced(kGood, "webhook = \"token\"", "webhook = [\"token\", \"other_token\"]");
    text += "[message.data]\nscreen = \"benefit\"\nid = \"{{benefit_id}}\"\n";
    const auto loaded = load(dir, text);
    CHECK(loaded.campaign.audience.addresses == std::vector<Address>{{"webhook", "token"}, {"webhook", "other_token"}});
    CHECK(loaded.campaign.message.data.at("screen") == "benefit");
    CHECK(loaded.campaign.mapping().fields == std::vector<std::string>{"name", "benefit_id"});
}

TEST_CASE("a campaign that says nothing of its impact is refused: no backend could be protected from it") {
    const TempDir dir;
    CHECK(has(only_fault(dir, replaced(kGood, "[impact]\napp-api = { per_open = 2 }\n", "")), "load it will cause"));
}

TEST_CASE("a secret file that others can read is told once, and one that is private is not") {
    const TempDir dir;
    using std::filesystem::perms;
    const std::string key = dir.write("ledger.key", std::string(64, 'a'));
    const std::string text = kGood + "[ledger]\nkey = \"file:ledger.key\"\n";
    std::filesystem::permissions(key, perms::owner_read | perms::owner_write);
    CHECK(load(dir, text).warnings.empty());
    std::filesystem::permissions(key, perms::owner_read | perms::group_read);
    const auto by_group = load(dir, text).warnings;
    REQUIRE(by_group.size() == 1);
    CHECK(has(by_group[0], "campaign.toml:20: ledger.key: the secret file \"ledger.key\" can be read by its group"));
    std::filesystem::permissions(key, perms::owner_read | perms::group_read | perms::others_read);
    const auto twice =
        load(dir, replaced(text, "kind = \"webhook\"\n", "kind = \"webhook\"\nsecret = \"file:./ledger.key\"\n"));
    REQUIRE(twice.warnings.size() == 1);
    CHECK(has(twice.warnings[0], "can be read by everyone"));
    CHECK_FALSE(has(twice.warnings[0], "aaaa"));
}

TEST_CASE("a raw ledger key keeps its last byte, whatever it is") {
    const TempDir dir;
    std::string raw(32, '\x01');
    raw.back() = '\n';
    dir.write("ledger.key", raw);
    CHECK(load(dir, kGood + "[ledger]\nkey = \"file:ledger.key\"\n").campaign.ledger_key.reveal() == raw);
}

TEST_CASE("what is allowed and unwise is a warning") {
    const TempDir dir;
    const auto warned = [&](const std::string& text, const std::string& part) {
        const auto loaded = load(dir, text);
        CAPTURE(part);
        CHECK(std::any_of(loaded.warnings.begin(), loaded.warnings.end(), [&](const auto& w) { return has(w, part); }));
    };
    CHECK(load(dir, kGood).warnings.empty());
    warned(kGood + "[[backend]]\nname = \"card\"\n[backend.signal]\nkind = \"push\"\n",
           "no [impact] for backend \"card\"");
    warned(replaced(replaced(kGood, kGood.substr(0, kGood.find("[[channel]]")), ""),
                    "[impact]\napp-api = { per_open = 2 }\n", ""),
           "no [[backend]]");
    warned(replaced(kGood, "webhook = \"token\"", "webhook = \"token\"\napn = \"t\""), "addresses of type \"apn\"");
    warned(replaced(kGood, "\"informational\"", "\"advertising\""), "nobody has agreed");
    warned(replaced(kGood, "\"informational\"", "\"advertising\""),
           "campaign.toml:16: an advertisement must begin with (광고)");
    warned(replaced(kGood, "\"informational\"", "\"advertising\""), "수신거부");
    warned(replaced(kGood, "\"informational\"", "\"advertising\""), "say it as [campaign] sender");
    warned(replaced(kGood, "\"informational\"", "\"advertising\"\nsender = \"한빛은행\""),
           "an advertisement must name its sender, \"한빛은행\"");
    warned(replaced(kGood, "name = \"app-api\"", "name = \"app-api\"\nshadow = true"), "in shadow");
    warned(replaced(kGood, "file = \"people.csv\"\n", ""), "no [audience] file");
}

TEST_CASE("policies for doubt have the words of the file") {
    CHECK(to_string(OnUnknown::resend_if_collapsible) == "resend-if-collapsible");
    CHECK(to_string(OnUnknown::resend) == "resend");
    CHECK(to_string(OnUnknown::never) == "never");
}
