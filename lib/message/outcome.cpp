#include "tidegate/message/outcome.hpp"

#include <utility>

namespace tidegate {
namespace {

constexpr std::size_t max_text_bytes = 200;

std::string shortened(std::string text) {
    if (text.size() <= max_text_bytes) return text;
    std::size_t end = max_text_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // keep characters whole
    text.resize(end);
    return text;
}

}  // namespace

std::string_view to_string(OutcomeClass kind) {
    switch (kind) {
        case OutcomeClass::accepted:
            return "accepted";
        case OutcomeClass::invalid_recipient:
            return "invalid_recipient";
        case OutcomeClass::rejected:
            return "rejected";
        case OutcomeClass::throttled:
            return "throttled";
        case OutcomeClass::transient:
            return "transient";
        case OutcomeClass::unknown:
            return "unknown";
    }
    return "unknown";
}

std::string_view to_string(Reason reason) {
    switch (reason) {
        case Reason::queued:
            return "queued";
        case Reason::delivered:
            return "delivered";
        case Reason::delivered_fallback:
            return "delivered_fallback";
        case Reason::duplicate:
            return "duplicate";
        case Reason::gone:
            return "gone";
        case Reason::malformed:
            return "malformed";
        case Reason::wrong_app:
            return "wrong_app";
        case Reason::opted_out:
            return "opted_out";
        case Reason::not_capable:
            return "not_capable";
        case Reason::unreachable:
            return "unreachable";
        case Reason::payload:
            return "payload";
        case Reason::template_missing:
            return "template_missing";
        case Reason::template_mismatch:
            return "template_mismatch";
        case Reason::config:
            return "config";
        case Reason::client_bug:
            return "client_bug";
        case Reason::credential:
            return "credential";
        case Reason::account_blocked:
            return "account_blocked";
        case Reason::balance:
            return "balance";
        case Reason::policy:
            return "policy";
        case Reason::expired:
            return "expired";
        case Reason::rate:
            return "rate";
        case Reason::quota:
            return "quota";
        case Reason::device_rate:
            return "device_rate";
        case Reason::token_minting:
            return "token_minting";
        case Reason::server:
            return "server";
        case Reason::network:
            return "network";
        case Reason::shutdown:
            return "shutdown";
        case Reason::ambiguous_submit:
            return "ambiguous_submit";
        case Reason::unmapped:
            return "unmapped";
        case Reason::pending:
            return "pending";
    }
    return "unmapped";
}

Outcome accepted(std::string provider_id) {
    Outcome outcome;
    outcome.kind = OutcomeClass::accepted;
    outcome.reason = Reason::queued;
    outcome.provider_id = std::move(provider_id);
    return outcome;
}

Outcome ambiguous(std::string text) {
    Outcome outcome;
    outcome.kind = OutcomeClass::unknown;
    outcome.reason = Reason::ambiguous_submit;
    outcome.scope = Scope::recipient;
    outcome.reconcile = true;
    outcome.text = shortened(std::move(text));
    return outcome;
}

Outcome not_sent(std::string text) {
    Outcome outcome;
    outcome.kind = OutcomeClass::transient;
    outcome.reason = Reason::network;
    outcome.scope = Scope::connection;
    outcome.reconnect = true;
    outcome.text = shortened(std::move(text));
    return outcome;
}

}  // namespace tidegate
