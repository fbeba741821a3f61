// The tables of Korean vendors. Sources: Solapi, "message status codes"; NHN Cloud, "error codes" of KakaoTalk
// Bizmessage and of SMS, with Kakao's result codes as NHN publishes them.

#include "channel/vendor_codes.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "channel/json_text.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::channel {
namespace {

constexpr auto accepted = OutcomeClass::accepted;
constexpr auto invalid = OutcomeClass::invalid_recipient;
constexpr auto rejected = OutcomeClass::rejected;
constexpr auto throttled = OutcomeClass::throttled;
constexpr auto transient = OutcomeClass::transient;
constexpr auto unknown = OutcomeClass::unknown;

using namespace consequence;

constexpr CodeRow solapi[] = {
    {"2000 3000", accepted, Reason::queued},
    {"4000", accepted, Reason::delivered},
    {"1026", accepted, Reason::duplicate, Scope::recipient, reconcile},
    {"1010 1011 1013 1014 1023 1025 1027..1029 1031..1034 2011 3011", rejected, Reason::payload, Scope::message, abort},
    {"1020", rejected, Reason::credential, Scope::account, pause},
    {"1021 1022", rejected, Reason::client_bug, Scope::campaign, abort},
    {"1030 2230", rejected, Reason::balance, Scope::account, pause},
    {"1041 3101 3106", rejected, Reason::config, Scope::campaign, abort},
    {"1042 3105", rejected, Reason::template_missing, Scope::campaign, abort},
    {"1043..1053 3103", rejected, Reason::template_mismatch, Scope::message, abort | failover},
    {"1024 1058 2024 3012 3014 3024 3048 3053 3058", transient, Reason::server, Scope::provider, failover},
    {"1060 2060 1061 2061", invalid, Reason::opted_out},
    {"1062 2062 3013 3059", rejected, Reason::config, Scope::campaign, abort},
    {"2063", rejected, Reason::account_blocked, Scope::account, pause},
    {"1064 2064", rejected, Reason::policy, Scope::campaign, abort},
    {"2254 3054 3055", rejected, Reason::policy, Scope::message},
    {"3010", invalid, Reason::malformed, Scope::recipient, quarantine},
    {"3032", invalid, Reason::gone, Scope::recipient, drop},
    {"3031 3040..3046 3051 3056 3057", invalid, Reason::unreachable},
    {"3047", invalid, Reason::opted_out},
    {"3050 3060 3102 3104", invalid, Reason::not_capable},
    {"3052", unknown, Reason::unmapped},
    {"3107", invalid, Reason::unreachable},
    {"3108", rejected, Reason::policy, Scope::message},
};

constexpr CodeRow kakao[] = {
    {"1000", accepted, Reason::delivered},
    {"1001 3023", rejected, Reason::client_bug, Scope::campaign, abort},
    {"1002..1004 1011..1016 4103 4104", rejected, Reason::credential, Scope::account, pause},
    {"1006 1007 1021..1025 1027", rejected, Reason::account_blocked, Scope::account, pause | abort},
    {"1020 3008 4121", invalid, Reason::malformed, Scope::recipient, quarantine},
    {"1028 3050", rejected, Reason::config, Scope::campaign, abort},
    {"1030 1033 4100..4102 4110 4120 4130 4132", rejected, Reason::payload, Scope::message, abort},
    {"2003", invalid, Reason::not_capable},
    {"3005 4161", unknown, Reason::pending},
    {"3011", unknown, Reason::unmapped},
    {"3013 3014 3024..3026 3028..3041 4144", rejected, Reason::payload, Scope::message, abort},
    {"3015 4133 4134", rejected, Reason::template_missing, Scope::campaign, abort},
    {"3016 3027 3042..3046", rejected, Reason::template_mismatch, Scope::message, abort | failover},
    {"3018 3021", invalid, Reason::unreachable},
    {"3019", invalid, Reason::not_capable},
    {"3020", invalid, Reason::opted_out},
    {"3022", rejected, Reason::policy, Scope::message},
    {"4131", accepted, Reason::duplicate, Scope::recipient, reconcile},
    {"4138 4156", throttled, Reason::quota, Scope::account},
    {"4143", rejected, Reason::expired, Scope::message},
    {"2001 2005 3000 3006 3010 3012 4000 4001 4122 4137 4139..4142 9998 9999", transient, Reason::server,
     Scope::provider, failover},
};

constexpr CodeRow nhn_alimtalk[] = {
    {"0", accepted, Reason::queued},
    {"-1005", accepted, Reason::duplicate, Scope::recipient, reconcile},
    {"-1000..-1002 -4004 -4005", rejected, Reason::credential, Scope::account, pause},
    {"-1003 -1006 -1014 -1019 -1024 -2017 -2502 -4029", rejected, Reason::config, Scope::campaign, abort},
    {"-1027", rejected, Reason::account_blocked, Scope::account, pause},
    {"-3003 -3005", rejected, Reason::template_missing, Scope::campaign, abort},
    {"-3004 -3010 -3011 -3033 -3042 -3043 -3046 -3049", rejected, Reason::template_mismatch, Scope::message,
     abort | failover},
    {"-5000 -4019", invalid, Reason::malformed, Scope::recipient, quarantine},
    {"-3301", invalid, Reason::opted_out},
    {"-8008", rejected, Reason::policy, Scope::message, abort},
    {"-7000 -9999", transient, Reason::server, Scope::provider, reconcile},
    {"-9992 -9998", rejected, Reason::client_bug, Scope::campaign, abort},
    // The vendor's further -30xx are errors of form; the listed ones above come first.
    {"4 -1028 -2000..-2005 -2018 -2019 -2032..-2037 -3000..-3099 -4200 -8006 -9993 -9994 -9996 -9997", rejected,
     Reason::payload, Scope::message, abort},
};

constexpr CodeRow nhn_sms[] = {
    {"0", accepted, Reason::queued},
    {"-1000..-1002 -1004 -4004 -4005", rejected, Reason::credential, Scope::account, pause},
    {"-1008 -2313", rejected, Reason::account_blocked, Scope::account, pause},
    {"-1003 -2312 -6000 -6004", rejected, Reason::config, Scope::campaign, abort},
    {"-2018 -2019", invalid, Reason::malformed, Scope::recipient, quarantine},
    {"-6001", invalid, Reason::opted_out},
    {"-6003", rejected, Reason::policy, Scope::message, abort},
    {"-2016 -9992 -9998", rejected, Reason::client_bug, Scope::campaign, abort},
    {"-2052", throttled, Reason::quota, Scope::account, pause},
    {"-2045..-2051 -2053", rejected, Reason::policy, Scope::recipient},
    {"-2021 -9999", transient, Reason::server, Scope::provider, reconcile},
    {"4 -2000..-2005 -2014 -2015 -2023 -8000 -9993 -9994 -9996 -9997", rejected, Reason::payload, Scope::message,
     abort},
};

constexpr CodeRow sms_results[] = {
    {"1000", accepted, Reason::delivered},
    {"E915", accepted, Reason::duplicate, Scope::recipient, reconcile},
    {"1001 3011 3015", transient, Reason::server, Scope::provider, failover},
    {"1002 3003", invalid, Reason::malformed, Scope::recipient, quarantine},
    {"1003 3017..3019", rejected, Reason::config, Scope::campaign, abort},
    {"1019 2000", rejected, Reason::expired, Scope::message},
    {"2001..2005 2007 3000 3004 3005 3008", invalid, Reason::unreachable},
    {"2006 3013 3014 E900 E999", unknown, Reason::unmapped},
    {"3001", invalid, Reason::gone, Scope::recipient, drop},
    {"3002 3007 3010", invalid, Reason::not_capable},
    {"3006", invalid, Reason::opted_out},
    {"3009 3016", rejected, Reason::payload, Scope::message, abort},
    {"3012 E919", rejected, Reason::policy, Scope::message},
};

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

CodeTable solapi_codes() {
    return solapi;
}
CodeTable nhn_alimtalk_codes() {
    return nhn_alimtalk;
}
CodeTable kakao_codes() {
    return kakao;
}
CodeTable nhn_sms_codes() {
    return nhn_sms;
}
CodeTable nhn_sms_results() {
    return sms_results;
}

std::string hide_numbers(std::string_view text) {
    constexpr std::size_t shortest = 9;  // digits of a Korean number
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    std::string out;
    while (!text.empty()) {
        std::size_t length = 0, digits = 0;
        while (length < text.size() && (digit(text[length]) || (digits > 0 && text[length] == '-'))) {
            digits += digit(text[length++]) ? 1 : 0;
        }
        if (length == 0) {
            out += text.front();
            text.remove_prefix(1);
            continue;
        }
        out += digits >= shortest ? mask(text.substr(0, length)) : std::string(text.substr(0, length));
        text.remove_prefix(length);
    }
    return out;
}

bool names(const CodeRow& row, std::string_view code) {
    std::string_view left = row.codes;
    while (!left.empty()) {
        const std::string_view word = left.substr(0, left.find(' '));
        left.remove_prefix(std::min(left.size(), word.size() + 1));
        if (word == code) return true;
        const std::size_t dots = word.find("..");
        if (dots == std::string_view::npos) continue;
        const auto from = number(word.substr(0, dots));
        const auto to = number(word.substr(dots + 2));
        const auto value = number(code);
        if (from && to && value && std::min(*from, *to) <= *value && *value <= std::max(*from, *to)) return true;
    }
    return false;
}

Outcome outcome_of_code(CodeTable table, std::string_view code, std::string_view text,
                        std::span<const std::string_view> addresses) {
    Outcome outcome;  // unknown, unmapped
    const auto row = std::find_if(table.begin(), table.end(), [&](const CodeRow& one) { return names(one, code); });
    if (row != table.end()) outcome = outcome_of({code, row->kind, row->reason, row->scope, row->consequences});
    outcome.code = scrub(code, addresses, 64);
    outcome.text = hide_numbers(scrub(text, addresses));
    return outcome;
}

}  // namespace tidegate::channel
