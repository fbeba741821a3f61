// Alimtalk and SMS through both vendors' dialects, against the practice bank's fakes; the public SDK is held against
// the same fakes in tests/interop/solapi.
#include <doctest/doctest.h>

#include <set>

#include "support/channel_rig.hpp"
#include "support/places.hpp"
#include "support/twin.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

const std::string sender_key(40, 'k');

ChannelOptions account(std::variant<AlimtalkOptions, SmsOptions> kind) {
    ChannelOptions options;
    options.name = "korea";
    std::visit([&](auto& one) { options.provider = std::move(one); }, kind);
    options.timeout = 5s;
    return options;
}

SolapiAccount solapi(const Twin& twin) {
    return {"NCSTIDEGATE00001", Secret("twin-secret"), twin.url("solapi")};
}
NhnAccount nhn(const Twin& twin) {
    return {"appkey", Secret("twin-secret"), twin.url("nhn")};
}

std::vector<ChannelOptions> all_four(const Twin& twin) {
    return {account(AlimtalkOptions{solapi(twin), "KA01PF1"}), account(AlimtalkOptions{nhn(twin), sender_key}),
            account(SmsOptions{solapi(twin), "0212345678"}), account(SmsOptions{nhn(twin), "15881234"})};
}

Attempt to(ChannelRig& rig, const std::string& number) {
    Attempt attempt = rig.attempt(number);
    attempt.message.title = "안내";
    attempt.message.body = "카드 혜택이 도착했습니다";
    attempt.message.template_id = "KA01TP01";
    attempt.message.variables = {{"name", "김하나"}};
    return attempt;
}

std::string number(int person) {
    std::string text = std::to_string(person);
    return "0102" + std::string(7 - text.size(), '0') + text;
}

}  // namespace

TEST_CASE("every vendor takes a batch and answers for each recipient of it") {
    const TempDir dir;
    Twin twin(dir);
    for (const ChannelOptions& options : all_four(twin)) {
        CAPTURE(options.kind());
        ChannelRig rig(options);
        std::vector<Attempt> batch;
        for (int person = 0; person < 40; ++person) batch.push_back(to(rig, number(person)));
        batch.push_back(to(rig, "12"));  // no number: refused here
        batch.push_back(to(rig, "+82 10-9876-5432"));
        batch.push_back(to(rig, number(0)));  // two people may share a number
        rig.submit(batch);
        REQUIRE(rig.wait_told(batch.size()));
        std::set<std::string> ids;
        for (const auto& [delivery, outcome] : rig.outcomes()) {
            CAPTURE(delivery);
            CAPTURE(outcome.text);
            if (delivery == 41) {
                CHECK(outcome.kind == OutcomeClass::invalid_recipient);
            } else {
                CHECK(outcome.kind == OutcomeClass::accepted);
                CHECK(outcome.reason == Reason::queued);
                ids.insert(outcome.provider_id);
            }
        }
        CHECK(ids.size() == 42);
        CHECK(rig.told_twice() == 0);
    }
    const auto taken = twin.taken();
    CHECK(taken.size() == 41);
    CHECK(taken.at("01098765432") == 4);
    CHECK(taken.at(number(0)) == 8);
}

TEST_CASE("a vendor that takes the messages and never answers leaves as little doubt as it allows") {
    const TempDir dir;
    Twin twin(dir);
    REQUIRE(twin.fault("provider=hang"));
    const auto options = all_four(twin);
    const auto outcome_of = [&](ChannelOptions one) {
        one.timeout = 400ms;
        ChannelRig rig(one);
        return rig.send(to(rig, number(7)));
    };
    // The group itself is asked.
    CHECK(outcome_of(options[0]).reason == Reason::queued);
    CHECK(outcome_of(options[2]).reason == Reason::queued);
    // The repeat is refused by its key.
    const Outcome repeated = outcome_of(options[1]);
    CHECK(repeated.kind == OutcomeClass::accepted);
    CHECK(repeated.reason == Reason::duplicate);
    // Nothing helps here.
    CHECK(outcome_of(options[3]).reason == Reason::ambiguous_submit);
    CHECK(twin.taken().at(number(7)) == 4);
}

TEST_CASE("a vendor out of order has taken nothing, and garbage is no yes") {
    const TempDir dir;
    Twin twin(dir);
    const auto options = all_four(twin);
    for (const char* fault : {"provider=500", "provider=503", "provider=429"}) {
        REQUIRE(twin.fault(fault));
        for (const ChannelOptions& one : options) {
            ChannelRig rig(one);
            const Outcome outcome = rig.send(to(rig, number(1)));
            CHECK((outcome.kind == OutcomeClass::transient || outcome.kind == OutcomeClass::throttled));
        }
    }
    CHECK(twin.taken().empty());
    REQUIRE(twin.fault("provider=garbage"));
    for (const ChannelOptions& one : options) {
        ChannelRig rig(one);
        const Outcome outcome = rig.send(to(rig, number(1)));
        CHECK((outcome.kind == OutcomeClass::accepted || outcome.reason == Reason::ambiguous_submit));
    }
    CHECK(twin.taken().at(number(1)) == 4);
}

TEST_CASE("a wrong secret pauses the account") {
    const TempDir dir;
    Twin twin(dir);
    SolapiAccount at_solapi = solapi(twin);
    NhnAccount at_nhn = nhn(twin);
    at_solapi.api_secret = at_nhn.secret_key = Secret("wrong");
    for (const auto& options :
         {account(AlimtalkOptions{at_solapi, "KA01PF1"}), account(SmsOptions{at_nhn, "15881234"})}) {
        ChannelRig rig(options);
        const Outcome outcome = rig.send(to(rig, number(1)));
        CHECK(outcome.reason == Reason::credential);
        CHECK(outcome.pause_account);
        CHECK(outcome.text.find("wrong") == std::string::npos);
    }
}

TEST_CASE("a campaign by Alimtalk: few requests, everybody once, the template filled from the audience") {
    const TempDir dir;
    Twin twin(dir);
    std::string people = "customer_id,phone,name\n";
    constexpr int count = 1200;
    for (int person = 0; person < count; ++person) {
        people += "c" + std::to_string(person) + "," + number(person) + ",김" + std::to_string(person) + "\n";
    }
    dir.write("people.csv", people);
    const std::string path = dir.write("campaign.toml", R"([[channel]]
name = "kakao"
kind = "alimtalk"
vendor = "nhn"
app_key = "appkey"
secret_key = "env:TIDEGATE_TEST_SECRET"
sender = ")" + sender_key + R"("
url = ")" + twin.url("nhn") + R"("
template = "CARD01"
variables = { name = "{{name|고객}}" }
[campaign]
id = "card"
purpose = "informational"
[audience]
file = "people.csv"
key = "customer_id"
[audience.address]
phone = "phone"
[cohorts]
count = 1
[limits]
per_second = 1000
)");
    ::setenv("TIDEGATE_TEST_SECRET", "twin-secret", 1);
    const CliResult checked = cli(dir, {"check", path});
    CHECK(checked.code == 0);
    const CliResult ran = cli(dir, {"run", path, "--json", "--progress", "none"});
    CAPTURE(ran.err);
    CHECK(ran.code == 0);
    REQUIRE(ran.json.is_object());
    CHECK(ran.json["outcomes"]["accepted"] == count);
    CHECK(broken_promises(ran.json).empty());
    std::set<std::string> requests;
    for (const Arrival& one : twin.arrivals()) requests.insert(one.id.substr(0, one.id.find('/')));
    // 100 ms of 1,000 messages a second are 100; a request for each tick of the feeder would make hundreds.
    CHECK(requests.size() < 40);
    CHECK(twin.taken().size() == count);
    for (const auto& [address, times] : twin.taken()) CHECK(times == 1);
}

TEST_CASE("the sample campaigns of every vendor pass the check") {
    const TempDir dir;
    for (const char* name : {"SOLAPI_SECRET", "NHN_KAKAO_SECRET", "NHN_SMS_SECRET"}) ::setenv(name, "made-up", 1);
    const std::string samples = source_dir() + "/examples/campaigns";
    for (const char* file :
         {"webhook/campaign.toml", "alimtalk/solapi.toml", "alimtalk/nhn.toml", "alimtalk/advertisement.toml"}) {
        CAPTURE(file);
        const CliResult checked = cli(dir, {"check", samples + "/" + file});
        CAPTURE(checked.err);
        CHECK(checked.code == 0);
        CHECK(checked.out.find("warning") == std::string::npos);
    }
}

namespace {

/// Alimtalk first, a text for those it did not reach; either vendor.
std::string route(const Twin& twin, bool solapi_first, const std::string& purpose = "informational") {
    const auto vendor = [&](bool at_solapi) {
        return at_solapi
                   ? "vendor = \"solapi\"\napi_key = \"NCSKEY\"\napi_secret = \"env:TIDEGATE_TEST_SECRET\"\nurl = \"" +
                         twin.url("solapi") + "\"\n"
                   : "vendor = \"nhn\"\napp_key = \"appkey\"\nsecret_key = \"env:TIDEGATE_TEST_SECRET\"\nurl = \"" +
                         twin.url("nhn") + "\"\n";
    };
    return "[[channel]]\nname = \"kakao\"\nkind = \"alimtalk\"\n" + vendor(solapi_first) + "sender = \"" + sender_key +
           "\"\ntemplate = \"CARD01\"\n[[channel]]\nname = \"text\"\nkind = \"sms\"\n" + vendor(!solapi_first) +
           "sender = \"15881234\"\n[campaign]\nid = \"card\"\npurpose = \"" + purpose +
           "\"\n[audience]\nfile = \"people.csv\"\nkey = \"id\"\n[audience.address]\nphone = \"phone\"\n"
           "[message]\nbody = \"카드가 도착합니다\"\n[cohorts]\ncount = 1\n";
}

/// Two whom Alimtalk reaches, one who has no Kakao, one whom nothing reaches.
const std::string four = "id,phone\na,01020000001\nb,01020000002\nc,01030190003\nd,01030200004\n";

}  // namespace

TEST_CASE("reports come later: delivered, or on to the next channel through the gate") {
    for (const bool solapi_first : {true, false}) {
        CAPTURE(solapi_first);
        const TempDir dir;
        Twin twin(dir, {"--report-after", "100ms"});
        ::setenv("TIDEGATE_TEST_SECRET", "twin-secret", 1);
        dir.write("people.csv", solapi_first ? "id,phone\na,01020000001\nb,01020000002\nc,01031040003\n"
                                             : four.substr(0, four.find("\nd,") + 1));
        const std::string path = dir.write("campaign.toml", route(twin, solapi_first));

        CliResult ran = cli(dir, {"run", path, "--json", "--progress", "none"});
        CAPTURE(ran.err);
        CHECK(ran.code == 0);
        CHECK(ran.json["state"] == "awaiting_reports");
        CHECK(ran.json["outcomes"]["accepted"] == 3);

        std::this_thread::sleep_for(200ms);
        CliResult collected = cli(dir, {"collect", path, "--json"});
        CAPTURE(collected.err);
        CHECK(collected.code == 4);
        CHECK(collected.json ==
              nlohmann::json{{"delivered", 2}, {"undelivered", 1}, {"unknown", 0}, {"awaiting", 0}, {"to_resend", 1}});
        CHECK(cli(dir, {"report", path, "--json"}).json["outcomes"]["pending"] == 1);

        ran = cli(dir, {"run", path, "--json", "--progress", "none"});
        CHECK(ran.code == 0);
        CHECK(ran.json["outcomes"]["delivered"] == 2);
        CHECK(ran.json["outcomes"]["accepted"] == 1);
        std::this_thread::sleep_for(200ms);
        collected = cli(dir, {"collect", path, "--json"});
        CHECK(collected.code == 0);
        const CliResult report = cli(dir, {"report", path, "--json"});
        CHECK(report.json["state"] == "completed");
        CHECK(report.json["outcomes"]["delivered"] == 3);
        CHECK(broken_promises(report.json).empty());
        // Nothing is left to ask for, and asking changes nothing.
        CHECK(cli(dir, {"collect", path, "--json"}).json["delivered"] == 0);
        for (const auto& [address, times] : twin.taken()) CHECK(times == (address.starts_with("0103") ? 2 : 1));
    }
}

TEST_CASE("--wait-reports goes the whole way in one command") {
    const TempDir dir;
    Twin twin(dir, {"--report-after", "100ms"});
    ::setenv("TIDEGATE_TEST_SECRET", "twin-secret", 1);
    dir.write("people.csv", four);
    const std::string path = dir.write("campaign.toml", route(twin, false));
    const CliResult ran = cli(dir, {"run", path, "--json", "--progress", "none", "--wait-reports", "30s"});
    CAPTURE(ran.err);
    CHECK(ran.code == 0);
    CHECK(ran.json["state"] == "completed");
    // "d" has blocked Alimtalk: an informational message goes on by text.
    CHECK(ran.json["outcomes"]["delivered"] == 4);
    CHECK(broken_promises(ran.json).empty());
}

TEST_CASE("a report that does not come keeps its recipient accepted, and a vendor that is away loses nothing") {
    const TempDir dir;
    Twin twin(dir, {"--report-after", "1h"});
    ::setenv("TIDEGATE_TEST_SECRET", "twin-secret", 1);
    dir.write("people.csv", four);
    const std::string path = dir.write("campaign.toml", route(twin, true));
    CHECK(cli(dir, {"run", path, "--json", "--progress", "none", "--wait-reports", "1s"}).json["state"] ==
          "awaiting_reports");
    const CliResult early = cli(dir, {"collect", path, "--json"});
    CHECK(early.code == 0);
    CHECK(early.json["awaiting"] == 4);
    twin.kill();
    const CliResult away = cli(dir, {"collect", path});
    CHECK(away.code == 5);
    CHECK(away.err.find("cannot be asked for reports") != std::string::npos);
    CHECK(cli(dir, {"report", path, "--json"}).json["outcomes"]["accepted"] == 4);
}
