// What providers answer: whatever it is, it becomes an outcome that contradicts neither itself nor the taxonomy, and
// neither an address nor a token gets into what is kept.
//
// Input: the status; a line; Retry-After; a line; the body.
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "channel/answer.hpp"
#include "channel/apns_protocol.hpp"
#include "channel/fcm_protocol.hpp"
#include "channel/webhook_protocol.hpp"
#include "fuzz/fuzz.hpp"
#include "tidegate/base/text.hpp"

using namespace tidegate;
using tidegate::fuzz::require;

namespace {

constexpr std::string_view address = "c0ffee00112233445566778899aabbcc";
const WallTime now{std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)};

bool contains(std::string_view text, std::string_view word) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

void check(const Outcome& outcome, const net::HttpResponse& response) {
    require(outcome.text.size() <= 200 && outcome.code.size() <= 64 && outcome.provider_id.size() <= 200,
            "what is kept is short");
    for (const auto& kept : {outcome.text, outcome.code, outcome.provider_id}) {
        require(valid_utf8(kept) && fuzz::printable(kept), "what is kept is printable UTF-8");
        require(!contains(kept, address), "no address is kept");
    }
    const bool condemned = outcome.kind == OutcomeClass::invalid_recipient;
    const bool can_come_again = outcome.kind == OutcomeClass::throttled || outcome.kind == OutcomeClass::transient;
    require(outcome.failover_ok == condemned, "fail-over exactly where the address is at fault");
    require(!(outcome.drop_address || outcome.quarantine_address) || condemned, "only a bad address is dropped");
    require(!condemned || outcome.scope == Scope::recipient, "a bad address is one recipient's");
    require(!outcome.drop_address || outcome.reason == Reason::gone, "dropped is who is gone");
    require(!outcome.invalid_since || outcome.reason == Reason::gone, "a date of death only for the dead");
    if (outcome.invalid_since) require(!format_wall_time(*outcome.invalid_since).empty(), "the date can be written");
    require(!outcome.abort_campaign || outcome.kind == OutcomeClass::rejected, "only a rejection stops a campaign");
    require(!outcome.pause_account || outcome.scope == Scope::account, "a pause is the account's");
    require(!outcome.refresh_credential || can_come_again, "a renewed credential is tried again");
    require(!outcome.retry_after || can_come_again, "waiting is for those who come again");
    if (outcome.retry_after) {
        require(*outcome.retry_after >= Duration::zero() && *outcome.retry_after <= std::chrono::hours(24 * 366),
                "a wait is no longer than a year");
    }
    require(outcome.min_backoff >= Duration::zero() && outcome.min_backoff <= std::chrono::minutes(15),
            "documented back-offs end at 15 minutes");
    require(outcome.http_status == response.status, "the status is kept");
    if (outcome.kind == OutcomeClass::accepted) {
        require(response.status >= 200 && response.status <= 299, "accepted only when the status says so");
    }
    if (response.status >= 200 && response.status <= 299) {
        require(
            outcome.kind == OutcomeClass::accepted || outcome.kind == OutcomeClass::unknown || response.status != 200,
            "a success is taken or unknown");
    }
}

void check_grant(const net::HttpResult& result) {
    const channel::FcmGrant grant = channel::fcm_grant(result, now);
    if (!grant.access_token.empty()) {
        require(result.response.status == 200, "a token comes with 200");
        require(grant.lifetime >= std::chrono::seconds(1) && grant.lifetime <= std::chrono::hours(24),
                "a token lives a second to a day");
        require(std::all_of(grant.access_token.begin(), grant.access_token.end(),
                            [](char c) { return c > 0x20 && c < 0x7F; }),
                "a token fits a header");
        return;
    }
    const Outcome& refusal = grant.refusal;
    require(refusal.kind != OutcomeClass::accepted && refusal.kind != OutcomeClass::unknown &&
                refusal.kind != OutcomeClass::invalid_recipient,
            "without a token nothing was sent, nothing is in doubt and no address is at fault");
    require(refusal.text.size() <= 200 && valid_utf8(refusal.text) && fuzz::printable(refusal.text),
            "what is kept is short and printable");
    if (result.response.status == 200) {
        const auto body = nlohmann::json::parse(result.response.body, nullptr, false);
        const bool told = body.is_object() && body.contains("access_token") && body["access_token"].is_string();
        const std::string token = told ? body["access_token"].get<std::string>() : std::string();
        // A shorter one may stand in our own words.
        if (token.size() > 40) require(refusal.text.find(token) == std::string::npos, "a token is never quoted");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest = fuzz::text_of(data, size);
    net::HttpResult result;
    result.transport = net::Transport::ok;
    net::HttpResponse& response = result.response;
    for (const char c : fuzz::take_part(rest, "\n").substr(0, 3)) {
        if (c >= '0' && c <= '9') response.status = response.status * 10 + (c - '0');
    }
    response.http2 = true;
    const std::string_view wait = fuzz::take_part(rest, "\n");
    response.headers = {{"apns-id", std::string(wait)}, {"retry-after", std::string(wait)}};
    response.body = rest;

    const Outcome apns = channel::apns_outcome(response, address, now);
    const Outcome fcm = channel::fcm_outcome(response, address, now);
    const std::string_view addresses[] = {address};
    const Outcome webhook = channel::webhook_outcome(response, addresses, now);
    for (const Outcome* outcome : {&apns, &fcm, &webhook}) check(*outcome, response);
    require(fcm == channel::fcm_outcome(response, "fid:" + std::string(address), now),
            "an installation id is treated like a token");
    if (response.status != 200 && rest.find("UNREGISTERED") == std::string_view::npos &&
        rest.find('\\') == std::string_view::npos) {
        require(!fcm.drop_address, "only Firebase's own word drops an address");
    }

    check_grant(result);
    result.transport = net::Transport::ambiguous;
    check_grant(result);
    result.error = rest;
    const Outcome lost = channel::transport_outcome(result, addresses);
    require(lost.kind == OutcomeClass::unknown && lost.reconcile, "an answer that did not come leaves doubt");
    require(!contains(lost.text, address) && lost.text.size() <= 200, "no address is kept");
    return 0;
}
