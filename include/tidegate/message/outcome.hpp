#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/export.hpp"

namespace tidegate {

/// The one taxonomy every provider's answers are mapped to.
enum class OutcomeClass : std::uint8_t { accepted, invalid_recipient, rejected, throttled, transient, unknown };

enum class Reason : std::uint8_t {
    // accepted
    queued,
    delivered,
    delivered_fallback,
    duplicate,
    // invalid_recipient
    gone,
    malformed,
    wrong_app,
    opted_out,
    not_capable,
    unreachable,
    // rejected
    payload,
    template_missing,
    template_mismatch,
    config,
    client_bug,
    credential,
    account_blocked,
    balance,
    policy,
    expired,
    // throttled
    rate,
    quota,
    device_rate,
    token_minting,
    // transient
    server,
    network,
    shutdown,
    // unknown
    ambiguous_submit,
    unmapped,
    pending
};

/// What the answer is about: how far its consequence reaches.
enum class Scope : std::uint8_t { recipient, message, campaign, connection, account, provider };

/// `submit`: the answer to our request. `report`: the later word of a two-phase provider.
enum class Phase : std::uint8_t { submit, report };

/// The result of one attempt. A value; never an `Error`, whatever the provider said.
struct Outcome {
    OutcomeClass kind = OutcomeClass::unknown;
    Reason reason = Reason::unmapped;
    Scope scope = Scope::recipient;
    Phase phase = Phase::submit;

    bool drop_address = false;        ///< proven dead: export for deletion
    bool quarantine_address = false;  ///< delete only on repetition
    bool failover_ok = false;         ///< the next channel may be tried for this reason
    bool abort_campaign = false;      ///< shared by every message: stop when it repeats
    bool pause_account = false;       ///< the account cannot send until a person acts
    bool refresh_credential = false;  ///< renew the token, retry once
    bool reconnect = false;           ///< use a new connection
    bool reconcile = false;           ///< ask the provider before doing anything else

    std::optional<Duration> retry_after;  ///< the provider's own word (Retry-After)
    Duration min_backoff{0};              ///< lowest first delay documented for this answer
    int http_status = 0;
    std::string code;         ///< raw provider code
    std::string text;         ///< raw provider text, at most 200 bytes, no addresses
    std::string provider_id;  ///< the provider's id for the message, when it gave one
    std::optional<WallTime> invalid_since;

    bool operator==(const Outcome&) const = default;
};

TIDEGATE_EXPORT std::string_view to_string(OutcomeClass kind);
TIDEGATE_EXPORT std::string_view to_string(Reason reason);

/// An accepted outcome with the provider's id.
TIDEGATE_EXPORT Outcome accepted(std::string provider_id = {});
/// The request left and no answer came: nobody knows.
TIDEGATE_EXPORT Outcome ambiguous(std::string text);
/// Nothing left this machine, or the peer refused before processing: safe to send again.
TIDEGATE_EXPORT Outcome not_sent(std::string text);

}  // namespace tidegate
