#include "channel/answer.hpp"

#include <algorithm>

#include "channel/json_text.hpp"

namespace tidegate::channel {

const AnswerRow* find_row(std::span<const AnswerRow> table, std::string_view code) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const AnswerRow& row) { return row.code == code; });
    return found == table.end() ? nullptr : &*found;
}

Outcome outcome_of(const AnswerRow& row) {
    Outcome outcome;
    outcome.kind = row.kind;
    outcome.reason = row.reason;
    outcome.scope = row.scope;
    outcome.drop_address = (row.consequences & consequence::drop) != 0;
    outcome.quarantine_address = (row.consequences & consequence::quarantine) != 0;
    outcome.failover_ok =
        row.kind == OutcomeClass::invalid_recipient || (row.consequences & consequence::failover) != 0;
    outcome.abort_campaign = (row.consequences & consequence::abort) != 0;
    outcome.pause_account = (row.consequences & consequence::pause) != 0;
    outcome.refresh_credential = (row.consequences & consequence::refresh) != 0;
    outcome.reconnect = (row.consequences & consequence::reconnect) != 0;
    outcome.reconcile = (row.consequences & consequence::reconcile) != 0;
    outcome.min_backoff = row.min_backoff;
    return outcome;
}

Outcome outcome_of_status(int status) {
    Outcome outcome;
    if (status >= 500 && status <= 599) {
        outcome.kind = OutcomeClass::transient;
        outcome.reason = Reason::server;
        outcome.scope = Scope::provider;
    } else if (status == 429) {
        outcome.kind = OutcomeClass::throttled;
        outcome.reason = Reason::rate;
        outcome.scope = Scope::account;
    }
    return outcome;
}

void describe(Outcome& outcome, const net::HttpResponse& response, std::string_view code, std::string_view text,
              std::span<const std::string_view> addresses, WallTime now) {
    outcome.http_status = response.status;
    outcome.code = scrub(code, addresses, 64);
    outcome.text = scrub(text, addresses);
    if (outcome.kind == OutcomeClass::throttled || outcome.kind == OutcomeClass::transient) {
        outcome.retry_after = response.retry_after(now);
    }
}

bool has_spoken(const net::HttpResult& result, bool http2_only) {
    if (result.transport == net::Transport::ok) return true;
    const int status = result.response.status;
    return result.transport == net::Transport::ambiguous && status >= 200 && status <= 299 &&
           (result.response.http2 || !http2_only);
}

bool foreign(std::string_view body) {
    const auto first = body.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && body[first] != '{';
}

Outcome transport_outcome(const net::HttpResult& result, std::span<const std::string_view> addresses) {
    const std::string text = scrub(result.error, addresses);
    if (result.transport == net::Transport::ambiguous) return ambiguous(text);
    Outcome outcome = not_sent(text);
    outcome.min_backoff = std::max<Duration>(outcome.min_backoff, std::chrono::seconds(1));
    return outcome;
}

Outcome refused_here(const Error& error, bool address_at_fault) {
    Outcome outcome =
        address_at_fault
            ? outcome_of(
                  {"", OutcomeClass::invalid_recipient, Reason::malformed, Scope::recipient, consequence::quarantine})
            : outcome_of({"", OutcomeClass::rejected, Reason::payload, Scope::message, consequence::abort});
    outcome.text = scrub(error.what, {});
    return outcome;
}

Outcome as_credential_fault(Outcome outcome) {
    outcome.kind = OutcomeClass::rejected;
    outcome.reason = Reason::credential;
    outcome.scope = Scope::account;
    outcome.pause_account = true;
    outcome.refresh_credential = false;
    outcome.reconnect = false;
    outcome.retry_after.reset();
    return outcome;
}

}  // namespace tidegate::channel
