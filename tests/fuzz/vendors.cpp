// What the vendors of Alimtalk and SMS answer: whatever it is, a conversation with them ends after a few requests with
// one outcome for each recipient, and neither a number nor the secret gets into what is kept.
//
// Input: the status; a line; the body. The same answer is given to every request of a conversation.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "channel/nhn_protocol.hpp"
#include "channel/solapi_protocol.hpp"
#include "fuzz/fuzz.hpp"
#include "tidegate/base/text.hpp"

using namespace tidegate;
using tidegate::fuzz::require;

namespace {

const WallTime now{std::chrono::sys_days(std::chrono::year(2026) / 11 / 28)};
constexpr std::string_view number = "01098765432", secret = "correct-horse-battery-staple";

std::vector<std::unique_ptr<channel::VendorProtocol>> protocols() {
    const auto salt = [] { return std::string("0123456789abcdef"); };
    const SolapiAccount solapi{"NCSKEY", Secret(std::string(secret)), "https://solapi.example"};
    const NhnAccount nhn{"appkey", Secret(std::string(secret)), "https://nhn.example"};
    const ChannelOptions options;
    std::vector<std::unique_ptr<channel::VendorProtocol>> all;
    all.push_back(std::make_unique<channel::SolapiProtocol>(options, AlimtalkOptions{solapi, "pf"}, solapi, salt));
    all.push_back(std::make_unique<channel::SolapiProtocol>(options, SmsOptions{solapi, "15881234"}, solapi, salt));
    all.push_back(std::make_unique<channel::NhnAlimtalkProtocol>(options, AlimtalkOptions{nhn, "key"}, nhn));
    all.push_back(std::make_unique<channel::NhnSmsProtocol>(options, SmsOptions{nhn, "15881234"}, nhn));
    return all;
}

std::vector<Attempt> two() {
    std::vector<Attempt> batch(2);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        batch[i].delivery = i + 1;
        batch[i].campaign = "card";
        batch[i].address = i == 0 ? std::string(number) : "010-1111-2222";
        batch[i].message.body = "카드";
        batch[i].message.template_id = "T1";
    }
    return batch;
}

void check(const Outcome& outcome) {
    require(outcome.text.size() <= 200 && outcome.code.size() <= 64 && outcome.provider_id.size() <= 200,
            "what is kept is short");
    for (const auto& kept : {outcome.text, outcome.code, outcome.provider_id}) {
        require(valid_utf8(kept) && fuzz::printable(kept), "what is kept is printable UTF-8");
        require(kept.find(secret) == std::string::npos, "the secret is never quoted");
    }
    require(outcome.text.find(number) == std::string::npos, "no number is kept");
    require(!outcome.drop_address || outcome.reason == Reason::gone, "dropped is who is gone");
    require(outcome.kind != OutcomeClass::unknown || !outcome.failover_ok, "doubt never goes on to another channel");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto all = protocols();
    std::string_view rest = fuzz::text_of(data, size);
    net::HttpResult result;
    result.transport = net::Transport::ok;
    for (const char c : fuzz::take_part(rest, "\n").substr(0, 3)) {
        if (c >= '0' && c <= '9') result.response.status = result.response.status * 10 + (c - '0');
    }
    result.response.body = rest;

    for (const auto& protocol : all) {
        const auto talk = protocol->converse(two());
        std::optional<net::HttpRequest> ask = talk->open(now);
        int asked = 0;
        for (; ask; ++asked) {
            require(asked < 8, "a conversation ends");
            require(ask->url.find(' ') == std::string::npos && ask->url.find('\n') == std::string::npos,
                    "what a vendor names fits a path");
            ask = talk->hear(result, now);
        }
        const std::vector<Outcome> outcomes = talk->outcomes();
        require(outcomes.size() == 2, "everybody has an outcome");
        for (const Outcome& outcome : outcomes) check(outcome);

        const auto page = protocol->read_reports(result.response, "");
        if (!page) continue;
        require(protocol->ask_reports("R 1", page->next, now).url.find(' ') == std::string::npos,
                "a page fits a query");
        for (const auto& report : page->reports) {
            require(report.outcome.phase == Phase::report, "a report says that it is one");
            check(report.outcome);
        }
    }
    return 0;
}
