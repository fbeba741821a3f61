#pragma once

#include <string>
#include <variant>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/rate.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"
#include "tidegate/channel/vendor_options.hpp"

namespace tidegate {

/// Apple Push Notification service. Token authentication (`key`, `key_id`, `team_id`) or certificate authentication.
/// Source: Apple, "Sending notification requests to APNs".
struct ApnsOptions {
    Secret key{};                                    ///< PKCS#8 PEM, EC P-256 (the .p8 file's content)
    std::string key_id{};                            ///< 10 characters
    std::string team_id{};                           ///< 10 characters
    Secret certificate{};                            ///< PEM; instead of a token
    Secret private_key{};                            ///< PEM
    std::string topic{};                             ///< bundle id
    std::string push_type = "alert";                 ///< "alert" or "background"
    int apns_priority = 10;                          ///< 10 now, 5 power aware
    std::string url = "https://api.push.apple.com";  ///< overridable, so that a test can stand in

    bool operator==(const ApnsOptions&) const = default;
};

/// Firebase Cloud Messaging, HTTP v1, OAuth2 with a service account.
/// Source: Firebase, "FCM HTTP v1 API"; RFC 7523.
struct FcmOptions {
    Secret credentials{};                            ///< the service account's JSON; its `token_uri` is honoured
    std::string priority = "HIGH";                   ///< Android: "HIGH" or "NORMAL"
    std::string url = "https://fcm.googleapis.com";  ///< overridable, so that a test can stand in

    bool operator==(const FcmOptions&) const = default;
};

/// POSTs one JSON document for each message to the host's own service.
struct WebhookOptions {
    std::string url{};        ///< http:// or https://
    Secret secret{};          ///< HMAC-SHA256 over "<timestamp>.<body>" in `Tidegate-Signature`; empty = unsigned
    bool idempotent = false;  ///< the receiver drops repeats of `Idempotency-Key`: doubt may be settled by resending

    bool operator==(const WebhookOptions&) const = default;
};

/// A channel of the host's own, registered with `GateOptions::channels` under the same name.
struct CustomOptions {
    bool operator==(const CustomOptions&) const = default;
};

/// One provider account.
struct ChannelOptions {
    std::string name{};  ///< unique in the site
    /// which kind it is, with its keys
    std::variant<ApnsOptions, FcmOptions, WebhookOptions, AlimtalkOptions, SmsOptions, CustomOptions> provider =
        CustomOptions{};
    Rate per_second = Rate::unlimited();  ///< account cap, shared by all campaigns
    std::size_t in_flight = 500;          ///< messages under way at once; also bounds what a crash leaves in doubt
    Duration timeout = std::chrono::seconds(15);  ///< for one request
    std::string ca{};                             ///< extra trust anchor, PEM file

    bool operator==(const ChannelOptions&) const = default;

    /// "apns", "fcm", "webhook", "alimtalk", "sms" or "custom".
    TIDEGATE_EXPORT std::string kind() const;
    /// All faults at once, keys and credentials parsed; `where` names the key. Never prints a secret.
    TIDEGATE_EXPORT Faults validate() const;
};

}  // namespace tidegate
