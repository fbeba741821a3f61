#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "net/http.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::channel {

/// Consequences of an answer; they combine with `|`.
namespace consequence {
inline constexpr unsigned drop = 1, quarantine = 2, abort = 4, pause = 8, refresh = 16, reconnect = 32, failover = 64,
                          reconcile = 128;
}

/// One row of a provider's answer table.
struct AnswerRow {
    std::string_view code;
    OutcomeClass kind;
    Reason reason;
    Scope scope;
    unsigned consequences = 0;
    Duration min_backoff{0};
};

const AnswerRow* find_row(std::span<const AnswerRow> table, std::string_view code);

/// The row as an outcome: flags set, and fail-over allowed where the address itself is at fault or the row says so.
Outcome outcome_of(const AnswerRow& row);

/// What a status alone allows to say: 5xx is transient, 429 throttled, anything else `unknown`/`unmapped`.
Outcome outcome_of_status(int status);

/// Adds what every outcome of an answer carries: status, code and text scrubbed of `addresses`, and Retry-After for
/// those who may come again.
void describe(Outcome& outcome, const net::HttpResponse& response, std::string_view code, std::string_view text,
              std::span<const std::string_view> addresses, WallTime now);

/// Whether the provider has spoken: a whole answer, or one that broke off after a status of success, which is all there
/// is to know. An answer over the wrong protocol is nobody's word.
bool has_spoken(const net::HttpResult& result, bool http2_only);

/// A body that is not even the beginning of a JSON object. Under a status of success it shows that somebody else spoke,
/// such as a proxy's page: whether the message was taken nobody knows.
bool foreign(std::string_view body);

/// The outcome of a request that got no answer.
Outcome transport_outcome(const net::HttpResult& result, std::span<const std::string_view> addresses);

/// What our own check refused: the address when that is at fault, else the payload.
Outcome refused_here(const Error& error, bool address_at_fault);

/// A second refusal right after the remedy for the first one: now a person has to act.
Outcome as_credential_fault(Outcome outcome);

}  // namespace tidegate::channel
