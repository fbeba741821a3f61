// The messenger's data centre burns in the middle of the afternoon: Alimtalk dies under a running campaign, while an
// advertisement over the same vendor is out as well. Drawn from 15 October 2022; see the incidents.

#include <doctest/doctest.h>

#include "support/places.hpp"
#include "support/twin.hpp"
#include "tidegate/delivery/config.hpp"
#include "tidegate/delivery/gate.hpp"
#include "tidegate/report/report.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

constexpr int informed = 1200, advertised = 240;
constexpr std::size_t in_doubt = 100;  // of a campaign: a request or two, and the messages that asked

std::string people(const std::string& prefix, int count) {
    std::string rows = "id,phone,ok\n";
    for (int i = 0; i < count; ++i)
        rows += prefix + std::to_string(i) + "," + prefix + std::to_string(10000 + i) + ",Y\n";
    return rows;
}

/// The site, and a campaign with these tables.
std::string text(const Twin& twin, const std::string& campaign) {
    const std::string nhn =
        "vendor = \"nhn\"\napp_key = \"appkey\"\nsecret_key = \"env:TIDEGATE_TEST_SECRET\"\nurl = \"" +
        twin.url("nhn") + "\"\n";
    return "[[backend]]\nname = \"app-api\"\nlatency_slo = \"300ms\"\ncapacity_hint = 340\nmax_age = \"5s\"\n"
           "[backend.signal]\nkind = \"json\"\nurl = \"" +
           twin.url("ops", "/json") +
           "\"\nevery = \"500ms\"\np99 = \"/p99\"\nload = \"/load\"\nerrors = \"/errors\"\nat = \"/at\"\nunit = "
           "\"ms\"\n"
           "[[channel]]\nname = \"kakao\"\nkind = \"alimtalk\"\n" +
           nhn + "sender = \"" + std::string(40, 'k') +
           "\"\ntemplate = \"CARD01\"\n[[channel]]\nname = \"text-nhn\"\nkind = \"sms\"\n" + nhn +
           "sender = \"15881234\"\n[[channel]]\nname = \"text\"\nkind = \"sms\"\nvendor = \"solapi\"\napi_key = "
           "\"NCSKEY\"\n"
           "api_secret = \"env:TIDEGATE_TEST_SECRET\"\nurl = \"" +
           twin.url("solapi") +
           "\"\nsender = \"15881234\"\n[cohorts]\ncount = 1\n[response]\nopen_rate = 0.2\nmedian = \"1s\"\nspread = "
           "0.8\n"
           "[impact]\napp-api = { per_open = 3 }\n" +
           campaign;
}

LoadedCampaign loaded(const std::string& path) {
    auto read = load_campaign(path);
    if (!read) {
        for (const Error& fault : read.error()) MESSAGE(fault.text());
    }
    REQUIRE(read);
    return std::move(*read);
}

std::size_t arrivals(Twin& twin, const std::string& channel, const std::string& prefix, std::int64_t from = 0,
                     std::int64_t to = INT64_MAX) {
    std::size_t count = 0;
    for (const Arrival& one : twin.arrivals()) {
        if (one.channel == channel && one.address.starts_with(prefix) && one.ms >= from && one.ms < to) ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("Alimtalk dies: information goes on by text inside the budget, advertisements wait, everybody is told once") {
    const TempDir dir;
    Twin twin(dir, {"--capacity", "400", "--baseline", "60", "--open-rate", "0.2", "--median", "1s", "--spread", "0.8",
                    "--per-open", "3", "--seed", "7", "--slo", "300ms"});
    ::setenv("TIDEGATE_TEST_SECRET", "twin-secret", 1);
    dir.write("info.csv", people("0102", informed));
    dir.write("ad.csv", people("0105", advertised));
    const LoadedCampaign info = loaded(dir.write("info.toml", text(twin, R"([campaign]
id = "info"
purpose = "informational"
[audience]
file = "info.csv"
key = "id"
[audience.address]
phone = "phone"
[message]
body = "카드가 도착합니다"
[[send]]
channel = "kakao"
patience = "2s"
[[send]]
channel = "text"
[limits]
per_second = 150
)")));
    const LoadedCampaign ad = loaded(dir.write("ad.toml", text(twin, R"([campaign]
id = "ad"
purpose = "advertising"
sender = "한빛은행"
[audience]
file = "ad.csv"
key = "id"
consent = "ok"
night_consent = "ok"
[audience.address]
phone = "phone"
[message]
body = "(광고) 한빛은행 카드 혜택 무료수신거부 080-123-4567"
[[send]]
channel = "text-nhn"
patience = "1s"
[[send]]
channel = "text"
[limits]
per_second = 40
)")));
    GateOptions lent;
    lent.lock_dir = dir.path();
    auto gate = Gate::open(info.site, system_clock(), lent);
    REQUIRE(gate);
    RunOptions options;
    options.ledger_dir = dir.file("ledger");
    options.watch_after = 3s;
    REQUIRE(http(twin.port("ops"), "POST", "/reset").status == 200);
    auto informing = (*gate)->start(info.campaign, options);
    auto advertising = (*gate)->start(ad.campaign, options);
    REQUIRE(informing);
    REQUIRE(advertising);

    REQUIRE(
        eventually(60s, [&] { return arrivals(twin, "nhn", "0102") > 150 && arrivals(twin, "nhn-sms", "0105") > 40; }));
    REQUIRE(twin.fault("dead=nhn"));
    REQUIRE(eventually(60s, [&] { return arrivals(twin, "solapi", "0102") > 100; }));
    const std::size_t ads_before = arrivals(twin, "nhn-sms", "0105");
    CHECK(ads_before < advertised);  // in the middle
    CHECK(eventually(10s, [&] { return advertising->progress().reason.find("is down") != std::string::npos; }));
    REQUIRE(twin.fault("dead=none"));

    const auto told = informing->wait(120s), advertised_to = advertising->wait(120s);
    REQUIRE(told);
    REQUIRE(advertised_to);
    const auto check = [](const CampaignHandle& handle, std::uint64_t everybody, bool waited) {
        const auto report = handle.report();
        REQUIRE(report);
        for (const std::string& broken : broken_invariants(*report, false)) FAIL_CHECK(broken);
        const auto count = [&](Final outcome) { return report->totals.outcomes[static_cast<std::size_t>(outcome)]; };
        // What a vendor answers with 503 it may have taken all the same: the requests it was holding as it died stay in
        // doubt, and nobody in doubt is told twice.
        CHECK(count(Final::accepted) + count(Final::unknown) == everybody);
        CHECK(count(Final::unknown) <= in_doubt);
        const auto noted = [&](const char* part) {
            return std::any_of(report->events.begin(), report->events.end(), [&](const EventRecord& event) {
                return event.kind == "account" && event.detail.find(part) != std::string::npos;
            });
        };
        CHECK(noted("is down"));
        if (waited) CHECK(noted("answers again"));
        REQUIRE(report->backends.size() == 1);
        if (!sanitized()) CHECK(report->backends[0].seconds_over_slo == 0);
    };
    check(*informing, informed, false);
    check(*advertising, advertised, true);
    // Nobody twice, nobody forgotten, and no advertisement around the account it was written for.
    const auto taken = twin.taken();
    CHECK(taken.size() >= informed + advertised - 2 * in_doubt);
    for (const auto& [address, times] : taken) CHECK_MESSAGE(times == 1, address);
    CHECK(arrivals(twin, "solapi", "0105") == 0);
    CHECK(arrivals(twin, "nhn-sms", "0105") >= advertised - in_doubt);
    MESSAGE(arrivals(twin, "solapi", "0102")
            << " of " << informed << " by text, " << advertised - ads_before << " advertisements waited");
    // The vendor that came back was not stampeded: no second brought more than the two campaigns' own rates.
    std::map<std::int64_t, int> by_second;
    for (const Arrival& one : twin.arrivals())
        if (one.status == 200 && one.channel.starts_with("nhn")) ++by_second[one.ms / 1000];
    for (const auto& [second, count] : by_second) CHECK(count <= 2 * (150 + 40));
    const auto summary = nlohmann::json::parse(http(twin.port("ops"), "GET", "/summary").body);
    CHECK(summary["opens"].get<double>() > 50);
    if (!sanitized()) CHECK(summary["seconds_over_slo"] == 0);
}
