#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/export.hpp"

namespace tidegate {

/// The one taxonomy every provider's answers are mapped to.
enum class OutcomeClass : std::uint8_t {
    accepted,           ///< the provider has it
    invalid_recipient,  ///< this address, for good
    rejected,           ///< this message or this account; the same again will not help
    throttled,          ///< too fast: later
    transient,          ///< not sent, for now
    unknown             ///< it may have been sent
};

/// The finer reason, grouped by the class it goes with.
enum class Reason : std::uint8_t {
    // accepted
    queued,              ///< taken by the provider
    delivered,           ///< on the device
    delivered_fallback,  ///< on the device by the provider's other way
    duplicate,           ///< it had this one already
    // invalid_recipient
    gone,         ///< unregistered: the app was removed
    malformed,    ///< not an address of this kind
    wrong_app,    ///< an address of another app or environment
    opted_out,    ///< refused at the provider
    not_capable,  ///< this device cannot show it
    unreachable,  ///< no way to this number or account
    // rejected
    payload,            ///< too large or not understood
    template_missing,   ///< not registered at the vendor
    template_mismatch,  ///< text and registered template differ
    config,             ///< a setting of ours: topic, sender, project
    client_bug,         ///< a request the provider does not accept from anyone
    credential,         ///< key, certificate or token
    account_blocked,    ///< a person at the provider must act
    balance,            ///< prepaid money is used up
    policy,             ///< hours, content or country
    expired,            ///< its time to live ran out
    // throttled
    rate,           ///< requests a second
    quota,          ///< messages a day or a month
    device_rate,    ///< too many to one device
    token_minting,  ///< too many new provider tokens
    // transient
    server,    ///< the provider says it is at fault
    network,   ///< no connection, or one that broke before the request left
    shutdown,  ///< the connection is being closed
    // unknown
    ambiguous_submit,  ///< the request left and no answer came
    unmapped,          ///< an answer this version does not know
    pending            ///< a report says: not decided yet
};

/// What the answer is about: how far its consequence reaches.
enum class Scope : std::uint8_t { recipient, message, campaign, connection, account, provider };

/// `submit`: the answer to our request. `report`: the later word of a two-phase provider.
enum class Phase : std::uint8_t { submit, report };

/// The result of one attempt. A value; never an `Error`, whatever the provider said.
struct Outcome {
    OutcomeClass kind = OutcomeClass::unknown;  ///< how delivery goes on
    Reason reason = Reason::unmapped;           ///< why, finer
    Scope scope = Scope::recipient;             ///< how far it reaches
    Phase phase = Phase::submit;                ///< whose word it is

    bool drop_address = false;        ///< proven dead: export for deletion
    bool quarantine_address = false;  ///< delete only on repetition
    bool failover_ok = false;         ///< the next channel may be tried for this reason
    bool abort_campaign = false;      ///< shared by every message: stop when it repeats
    bool pause_account = false;       ///< the account cannot send until a person acts
    bool refresh_credential = false;  ///< renew the token, retry once
    bool reconnect = false;           ///< use a new connection
    bool reconcile = false;           ///< ask the provider before doing anything else

    std::optional<Duration> retry_after{};    ///< the provider's own word (Retry-After)
    Duration min_backoff{0};                  ///< lowest first delay documented for this answer
    int http_status = 0;                      ///< 0 = none
    std::string code{};                       ///< raw provider code
    std::string text{};                       ///< raw provider text, at most 200 bytes, no addresses
    std::string provider_id{};                ///< the provider's id for the message, when it gave one
    std::optional<WallTime> invalid_since{};  ///< when the provider says the address died

    bool operator==(const Outcome&) const = default;
};

/// As reports spell it.
TIDEGATE_EXPORT std::string_view to_string(OutcomeClass kind);
/// As exports spell it.
TIDEGATE_EXPORT std::string_view to_string(Reason reason);

/// An accepted outcome with the provider's id.
TIDEGATE_EXPORT Outcome accepted(std::string provider_id = {});
/// The request left and no answer came: nobody knows.
TIDEGATE_EXPORT Outcome ambiguous(std::string text);
/// Nothing left this machine, or the peer refused before processing: safe to send again.
TIDEGATE_EXPORT Outcome not_sent(std::string text);

}  // namespace tidegate
