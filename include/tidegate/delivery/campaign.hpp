#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidegate/audience/recipient.hpp"
#include "tidegate/base/rate.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"
#include "tidegate/cohort/plan.hpp"
#include "tidegate/delivery/on_unknown.hpp"
#include "tidegate/message/message.hpp"
#include "tidegate/pacing/first_come.hpp"
#include "tidegate/pacing/options.hpp"

namespace tidegate {

struct Site;

/// One step of the route. Order is fail-over order; `also` steps are sent besides, not instead.
struct SendStep {
    std::string channel{};  ///< name of a channel of the site
    bool also = false;      ///< true: sent besides the other steps, not instead
    /// what this step says otherwise; an empty field leaves the campaign's. The `ttl` is the campaign's alone.
    Message message{};
    /// How long this step's messages wait for an account that is down before they go on to the next step. An account
    /// that needs a person (credentials, balance, blocked) is not waited for. Advertisements wait without end.
    Duration patience = std::chrono::seconds(30);

    bool operator==(const SendStep&) const = default;
};

/// Who gets it.
struct AudienceOptions {
    std::string file{};                   ///< empty when the host hands over its own source
    std::string key = "key";              ///< column of the identity
    bool all_devices = false;             ///< repeated keys: false = duplicates, true = one delivery an address
    double max_malformed = 0.001;         ///< share of rows; above it nothing is sent
    std::vector<std::string> suppress{};  ///< files; re-read while running
    std::string consent{};                ///< column; required for advertising
    std::string night_consent{};          ///< column; absent = nobody at night
    std::vector<Address> addresses{};     ///< address type and, in `value`, its column

    bool operator==(const AudienceOptions&) const = default;
};

/// An instant everybody waits for, such as the opening of a first-come sale. Only as many are told before it as the
/// backends can serve when all of them come at once; nobody is told while they are being served; the rest afterwards.
struct EventOptions {
    WallTime at{};       ///< the instant; required
    RushOptions rush{};  ///< how those who were told come
    std::optional<std::uint64_t>
        stock{};  ///< pieces there are; only the plan uses it, to say how many come for nothing

    bool operator==(const EventOptions&) const = default;
};

/// What the marketer owns.
struct Campaign {
    std::string id{};                        ///< 1..100 of [A-Za-z0-9._-]; names the ledger, seeds the cohorts
    Purpose purpose = Purpose::advertising;  ///< decides consents and hours
    std::string zone = "Asia/Seoul";         ///< IANA zone for permitted hours
    std::optional<WallTime> starts{};        ///< nothing leaves before; absent = at once
    std::optional<WallTime> deadline{};      ///< nothing leaves after; absent = none
    int priority = 5;                        ///< 0..9, 9 first
    OnUnknown on_unknown = OnUnknown::resend_if_collapsible;  ///< what becomes of doubt
    AudienceOptions audience{};                               ///< who gets it
    Message message{};                                        ///< what they get
    std::vector<SendStep> send{};                             ///< route, in fail-over order; at least one step
    CohortOptions cohorts{};                                  ///< how it is staggered
    ResponseOptions response{};                               ///< belief about how people react
    std::optional<EventOptions> event{};                      ///< absent: nobody waits for an instant
    std::map<std::string, Impact> impact{};                   ///< by backend name
    Rate per_second = Rate::unlimited();                      ///< the campaign's own cap in messages/s
    Secret ledger_key{};  ///< 32 bytes: seals personal data in the ledger; empty = unsealed
    /// Who sends it, as recipients know them: the name that Korean law wants in every advertisement. Default empty: it
    /// cannot be checked, and `check` says so.
    std::string sender{};

    bool operator==(const Campaign&) const = default;

    /// All faults at once, against the site it will run on: unknown channels and backends, ranges, templates, purposes.
    TIDEGATE_EXPORT Faults validate(const Site& site) const;
    /// Which columns of the audience mean what. Call only when the message compiles.
    TIDEGATE_EXPORT AudienceMapping mapping() const;
};

}  // namespace tidegate
