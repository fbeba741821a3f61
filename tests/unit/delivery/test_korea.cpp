// Alimtalk and SMS in campaign files: what is read, what is refused, and where.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "delivery/step_message.hpp"
#include "support/temp_dir.hpp"
#include "tidegate/delivery/config.hpp"

using namespace tidegate;
using test::TempDir;

namespace {

const std::string kGood = R"([[channel]]
name = "kakao"
kind = "alimtalk"
vendor = "solapi"
api_key = "NCSKEY"
api_secret = "env:TIDEGATE_TEST_SECRET"
sender = "KA01PF1"
template = "KA01TP1"
variables = { name = "{{name|고객}}", day = "{{day}}" }
[[channel]]
name = "text"
kind = "sms"
vendor = "nhn"
app_key = "appkey"
secret_key = "env:TIDEGATE_TEST_SECRET"
sender = "15881234"
[campaign]
id = "card"
purpose = "informational"
[audience]
file = "people.csv"
[audience.address]
phone = "phone"
[message]
body = "카드가 {{day}}에 도착합니다"
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::vector<std::string> faults_of(const std::string& text) {
    ::setenv("TIDEGATE_TEST_SECRET", "sesame", 1);
    const TempDir dir;
    const auto loaded = load_campaign(dir.write("campaign.toml", text));
    std::vector<std::string> lines;
    if (loaded) return lines;
    for (const Error& fault : loaded.error()) {
        std::string line = fault.text();
        if (const auto at = line.find(dir.path() + "/"); at != std::string::npos) line.erase(at, dir.path().size() + 1);
        CHECK(line.find("sesame") == std::string::npos);
        lines.push_back(line);
    }
    return lines;
}

/// The one fault there is; all of them when there are others.
std::string fault_of(const std::string& text) {
    std::string all;
    for (const std::string& line : faults_of(text)) all += line + "\n";
    return all;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

LoadedCampaign load(const std::string& text) {
    const std::string fault = fault_of(text);
    CAPTURE(fault);
    REQUIRE(fault.empty());
    const TempDir dir;
    return *load_campaign(dir.write("campaign.toml", text));
}

}  // namespace

TEST_CASE("both kinds are read with either vendor's keys, and a channel's own template serves a silent campaign") {
    const LoadedCampaign loaded = load(kGood);
    const auto& alimtalk = std::get<AlimtalkOptions>(loaded.site.channels.at(0).provider);
    CHECK(alimtalk.sender == "KA01PF1");
    CHECK(std::get<SolapiAccount>(alimtalk.vendor).api_secret.reveal() == "sesame");
    const auto& sms = std::get<SmsOptions>(loaded.site.channels.at(1).provider);
    CHECK(std::get<NhnAccount>(sms.vendor).app_key == "appkey");
    REQUIRE(loaded.campaign.send.size() == 2);
    const Message kakao = delivery::message_of(loaded.campaign, loaded.campaign.send[0]);
    CHECK(kakao.template_id == "KA01TP1");
    CHECK(kakao.variables.at("name") == "{{name|고객}}");
    CHECK(loaded.campaign.send[1].message == Message{});
    CHECK(loaded.campaign.mapping().fields == std::vector<std::string>{"day", "name"});
    CHECK(loaded.warnings.size() == 1);  // no backend
}

TEST_CASE("a campaign's own template and variables go before the channel's") {
    const LoadedCampaign loaded = load(kGood + "template = \"KA01TP2\"\n[[send]]\nchannel = \"kakao\"\n" +
                                       "variables = { name = \"{{nick}}\" }\n[[send]]\nchannel = \"text\"\n"
                                       "body = \"문자로는 {{short}}\"\n");
    const Message kakao = delivery::message_of(loaded.campaign, loaded.campaign.send[0]);
    CHECK(kakao.template_id == "KA01TP2");
    CHECK(kakao.variables == std::map<std::string, std::string>{{"name", "{{nick}}"}});
    CHECK(kakao.body == loaded.campaign.message.body);
    CHECK(delivery::message_of(loaded.campaign, loaded.campaign.send[1]).body == "문자로는 {{short}}");
    CHECK(loaded.campaign.mapping().fields == std::vector<std::string>{"day", "nick", "short"});
}

TEST_CASE("each step is rendered from the same values") {
    const LoadedCampaign loaded = load(kGood);
    const auto messages = delivery::compile_messages(loaded.campaign);
    REQUIRE(messages);
    REQUIRE(messages->size() == 2);
    const std::vector<std::string> values{"12월 2일", ""};  // day, name
    CHECK((*messages)[0].render(values).variables ==
          std::map<std::string, std::string>{{"day", "12월 2일"}, {"name", "고객"}});
    CHECK((*messages)[0].render(values).template_id == "KA01TP1");
    CHECK((*messages)[1].render(values).body == "카드가 12월 2일에 도착합니다");
    CHECK((*messages)[1].render(values).variables.empty());
}

TEST_CASE("a vendor's keys are judged where they stand") {
    CHECK(has(fault_of(replaced(kGood, "vendor = \"solapi\"\n", "")), "channel[0].vendor"));
    CHECK(has(fault_of(replaced(kGood, "\"solapi\"", "\"aligo\"")), "campaign.toml:4"));
    CHECK(has(fault_of(replaced(kGood, "api_key = \"NCSKEY\"\n", "")), "channel[0].api_key"));
    CHECK(has(fault_of(replaced(kGood, "\"env:TIDEGATE_TEST_SECRET\"", "\"sesame1\"")), "campaign.toml:6"));
    CHECK(has(fault_of(replaced(kGood, "api_key", "app_key")), "app_key"));
    CHECK(has(fault_of(replaced(kGood, "\"15881234\"", "\"1588-1234\"")),
              "campaign.toml:16: channel[1].sender: not a sender number"));
    CHECK(has(fault_of(replaced(kGood, "\"15881234\"", "\"05012345678\"")), "not a sender number"));
    CHECK(has(fault_of(replaced(kGood, "\"KA01PF1\"", "\"\"")), "channel[0].sender"));
    CHECK(has(fault_of(replaced(kGood, "\"appkey\"", "\"../appkey\"")), "channel[1].app_key"));
    CHECK(has(fault_of(replaced(kGood, "phone = \"phone\"", "fcm = \"token\"")), "add phone = \"COLUMN\""));
}

TEST_CASE("an account's secret for reports and a step's patience are read") {
    ::setenv("TIDEGATE_TEST_SECRET", "sesame", 1);
    const TempDir dir;
    std::string text = replaced(kGood, "api_key = \"NCSKEY\"\n",
                                "api_key = \"NCSKEY\"\nreport_secret = \"env:TIDEGATE_TEST_SECRET\"\n");
    text += "[[send]]\nchannel = \"kakao\"\npatience = \"90s\"\n[[send]]\nchannel = \"text\"\n";
    const auto loaded = load_campaign(dir.write("campaign.toml", text));
    REQUIRE(loaded);
    const auto& kakao = std::get<AlimtalkOptions>(loaded->site.channels[0].provider);
    CHECK(std::get<SolapiAccount>(kakao.vendor).report_secret.equals("sesame"));
    CHECK(std::get<NhnAccount>(std::get<SmsOptions>(loaded->site.channels[1].provider).vendor).report_secret.empty());
    CHECK(loaded->campaign.send[0].patience == std::chrono::seconds(90));
    CHECK(loaded->campaign.send[1].patience == std::chrono::seconds(30));
}

TEST_CASE("Alimtalk wants a template and carries no advertisement") {
    CHECK(has(fault_of(replaced(kGood, "template = \"KA01TP1\"\n", "")), "channel \"kakao\": no template is named"));
    const std::string advertising = fault_of(replaced(kGood, "informational", "advertising"));
    CHECK(has(advertising, "channel \"kakao\": Alimtalk carries information only"));
    CHECK(has(advertising, "channel \"text\": an advertisement by SMS must begin with (광고)"));
    CHECK(has(advertising, "must end with a free way to refuse"));
}

TEST_CASE("an SMS's text is measured before anybody is sent to") {
    const std::string emoji = fault_of(replaced(kGood, "도착합니다", "도착합니다 😀"));
    CHECK(has(emoji, "the text holds a character phones cannot show by SMS: character 20, U+1F600"));
    // What stands in a hole's name is never sent.
    CHECK(fault_of(replaced(kGood, "카드가 {{day}}", "카드가 {{day😀|오늘}}")).empty());
    CHECK(has(fault_of(replaced(kGood, "카드가 {{day}}", "카드가 {{day|오늘😀}}")), "character 13, U+1F600"));
    std::string longer;
    for (int i = 0; i < 46; ++i) longer += "가";
    CHECK(
        has(fault_of(replaced(kGood, "카드가", longer)), "the text makes an LMS, and NHN sends none without a title"));
    CHECK(fault_of(replaced(replaced(kGood, "카드가", longer), "[message]", "[message]\ntitle = \"안내\"")).empty());
    for (int i = 0; i < 1000; ++i) longer += "가";
    CHECK(has(fault_of(replaced(kGood, "카드가", longer)), "2000 are the most"));
}

TEST_CASE("an advertisement by SMS with label and a free opt-out passes") {
    const std::string text =
        replaced(replaced(kGood.substr(kGood.find("[[channel]]\nname = \"text\"")), "informational", "advertising"),
                 "카드가 {{day}}에 도착합니다", "(광고) 한빛은행 적금 안내 무료수신거부 080-123-4567");
    const std::string agreed = replaced(text, "[audience]", "[audience]\nconsent = \"ok\"");
    CHECK(fault_of(agreed).empty());
    CHECK(fault_of(replaced(agreed, "id = \"card\"", "id = \"card\"\nsender = \"한빛은행\"")).empty());
    CHECK(has(fault_of(replaced(agreed, "id = \"card\"", "id = \"card\"\nsender = \"한강은행\"")),
              "an advertisement by SMS must name its sender, \"한강은행\""));
}

TEST_CASE("a hole leaves nothing but its default in the fixed part") {
    CHECK(delivery::fixed_part("a{{b}}c{{ d | 기본 }}e") == "ac기본e");
    CHECK(delivery::fixed_part("a{{b") == "a{{b");
    CHECK(delivery::fixed_part("") == "");
}
