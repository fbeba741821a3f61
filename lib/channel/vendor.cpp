#include "channel/vendor.hpp"

#include <algorithm>
#include <charconv>

#include "audience/identity.hpp"
#include "channel/answer.hpp"
#include "channel/vendor_codes.hpp"
#include "message/euckr.hpp"
#include "net/crypto.hpp"

namespace tidegate::channel {
namespace {

template <class Number>
std::optional<Number> whole(std::string_view text) {
    Number value = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || problem != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

Error unfit(std::string what, std::string hint) {
    return {Errc::refused, std::move(what), {}, std::move(hint)};
}

Result<std::size_t> fitting(const std::string& text, const char* field, std::size_t most) {
    const message::EuckrLength length = message::euckr_length(text);
    if (length.outside) {
        return unfit(std::string(field) + " holds a character phones cannot show by SMS (" +
                         message::to_string(*length.outside) + ")",
                     "use characters of KS X 1001: no emoji, no rare syllables");
    }
    if (length.bytes > most) {
        return unfit(std::string(field) + " takes " + std::to_string(length.bytes) + " bytes of EUC-KR, " +
                         std::to_string(most) + " are the most",
                     "shorten it; a Korean character takes two");
    }
    return length.bytes;
}

}  // namespace

Result<void> check_report_secret(const Secret& secret, std::string_view expected, Headers headers,
                                 std::initializer_list<std::string_view> names) {
    if (secret.empty()) {
        return Error{Errc::refused, "reports are not taken for this account", {}, "give it a report_secret"};
    }
    const auto same = [](std::string_view a, std::string_view b) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
    };
    for (const std::string_view name : names) {
        const auto found =
            std::find_if(headers.begin(), headers.end(), [&](const auto& header) { return same(header.first, name); });
        if (found != headers.end() && net::equal_constant_time(found->second, expected)) return {};
    }
    return Error{Errc::refused,
                 "the report cannot be shown to be the vendor's",
                 {},
                 "report_secret must be the one that stands in the vendor's console"};
}

Error no_report() {
    return {Errc::invalid, "the body is no report of this vendor", {}, "hand over the request's body unchanged"};
}

std::optional<std::string> phone_number(std::string_view written) {
    std::string digits = audience::normal_identity(written);
    const bool numeric = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!numeric || !digits.starts_with('0') || digits.starts_with("00")) return std::nullopt;
    if (digits.size() < 9 || digits.size() > 12) return std::nullopt;
    return digits;
}

std::string campaign_mark(std::string_view campaign) {
    return net::sha256_hex(campaign).substr(0, 16);
}

std::string reference_of(const Attempt& attempt) {
    return "tg-" + campaign_mark(attempt.campaign) + "-" + std::to_string(attempt.delivery) + "-" +
           std::to_string(attempt.number);
}

std::optional<Reference> parse_reference(std::string_view text) {
    if (!text.starts_with("tg-") || text.size() < 22 || text[19] != '-') return std::nullopt;
    const std::string_view rest = text.substr(20);
    const std::size_t dash = rest.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto delivery = whole<DeliveryId>(rest.substr(0, dash));
    const auto attempt = whole<std::uint32_t>(rest.substr(dash + 1));
    if (!delivery || !attempt) return std::nullopt;
    return Reference{std::string(text.substr(3, 16)), *delivery, *attempt};
}

Result<ShortMessage> short_message(const RenderedMessage& message) {
    if (message.body.empty()) return unfit("the text is empty", "write [message] body");
    const auto body = fitting(message.body, "the text", lms_bytes);
    if (!body) return body.error();
    if (*body <= sms_bytes) return ShortMessage{false, {}, message.body};
    if (const auto title = fitting(message.title, "the title", lms_title_bytes); !title) return title.error();
    return ShortMessage{true, message.title, message.body};
}

Outcome refused_request(const net::HttpResponse& response, std::string_view code, std::string_view text,
                        std::span<const std::string_view> addresses, WallTime now) {
    Outcome outcome = outcome_of_status(response.status);
    switch (response.status) {
        case 400:
        case 413:
        case 422:
            outcome = outcome_of({"", OutcomeClass::rejected, Reason::payload, Scope::campaign, consequence::abort});
            break;
        case 401:
        case 403:
            outcome = outcome_of({"", OutcomeClass::rejected, Reason::credential, Scope::account, consequence::pause});
            break;
        case 404:
        case 405:
            outcome = outcome_of({"", OutcomeClass::rejected, Reason::config, Scope::campaign, consequence::abort});
            break;
        default:
            break;
    }
    if (outcome.kind == OutcomeClass::transient || outcome.kind == OutcomeClass::throttled) {
        outcome.min_backoff = std::chrono::seconds(1);
    }
    describe(outcome, response, code, text, addresses, now);
    outcome.text = hide_numbers(outcome.text);
    return outcome;
}

}  // namespace tidegate::channel
