#include "tidegate/channel/breaker.hpp"

#include <cstdio>

namespace tidegate {
namespace {

constexpr std::size_t judged_from = 200;

// Faults that, when they repeat, lie with the credentials, the message or the list as a whole. Everything that can be
// true of single people (dead, unreachable, opted out) stays out: an old list must not look like a broken account.
bool suspicious(const Outcome& outcome) {
    switch (outcome.reason) {
        case Reason::malformed:
        case Reason::wrong_app:
        case Reason::payload:
        case Reason::template_missing:
        case Reason::template_mismatch:
        case Reason::config:
        case Reason::client_bug:
        case Reason::credential:
        case Reason::account_blocked:
            return true;
        case Reason::unmapped:  // a 400 or 404 that gives no reason, or a code no table of ours lists
            return outcome.http_status == 400 || outcome.http_status == 404 || !outcome.code.empty();
        default:
            return false;
    }
}

std::string refusal(const Outcome& outcome) {
    std::string text(to_string(outcome.reason));
    std::string said;
    if (outcome.http_status != 0) said = std::to_string(outcome.http_status);
    if (!outcome.code.empty()) said += (said.empty() ? "" : " ") + outcome.code;
    if (!said.empty()) text += " (" + said + ")";
    return text;
}

}  // namespace

RatioBreaker::RatioBreaker(BreakerOptions options) : options_(options) {}

std::optional<std::string> RatioBreaker::record(const Outcome& outcome) {
    if (tripped_) return std::nullopt;
    if (outcome.pause_account) {
        tripped_ = true;
        return refusal(outcome) + ": the account cannot send until a person acts";
    }
    const bool counts = suspicious(outcome);
    // A busy or silent provider says nothing about the message; counting it would thin the share out.
    if (!counts && (outcome.kind == OutcomeClass::throttled || outcome.kind == OutcomeClass::transient ||
                    outcome.kind == OutcomeClass::unknown)) {
        return std::nullopt;
    }
    const auto slot = static_cast<std::uint8_t>(static_cast<unsigned>(outcome.reason) + 1U);
    recent_.push_back(counts ? slot : std::uint8_t{0});
    if (counts) ++count_.at(slot);
    while (recent_.size() > options_.window) {
        if (recent_.front() != 0) --count_.at(recent_.front());
        recent_.pop_front();
    }
    if (outcome.kind == OutcomeClass::accepted) streak_.fill(0);
    if (!counts) return std::nullopt;

    if (++streak_.at(slot) >= options_.in_a_row) {
        tripped_ = true;
        return refusal(outcome) + ": " + std::to_string(streak_.at(slot)) + " in a row without an accepted message";
    }
    const double share = static_cast<double>(count_.at(slot)) / static_cast<double>(recent_.size());
    if (recent_.size() >= judged_from && share >= options_.ratio) {
        tripped_ = true;
        char percent[32];
        std::snprintf(percent, sizeof percent, "%.1f%%", share * 100.0);
        return refusal(outcome) + ": " + percent + " of the last " + std::to_string(recent_.size()) + " answers";
    }
    return std::nullopt;
}

}  // namespace tidegate
