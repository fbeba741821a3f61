#pragma once

#include <string>
#include <variant>

#include "tidegate/base/secret.hpp"

namespace tidegate {

/// An account at Solapi (the platform of CoolSMS). Every request is signed anew with HMAC-SHA256; the clock must be
/// right to 15 minutes. Source: Solapi developer documentation, "API Key authentication", "Messages v4".
struct SolapiAccount {
    std::string api_key{};                       ///< names the key; stands in the clear in every request
    Secret api_secret{};                         ///< signs
    std::string url = "https://api.solapi.com";  ///< overridable, so that a test can stand in
    /// The secret of the webhook as the console has it; its SHA-1 stands in `X-Solapi-Secret`. Default empty: reports
    /// are fetched, and none is taken from the host's ingress.
    Secret report_secret{};

    bool operator==(const SolapiAccount&) const = default;
};

/// An appkey at NHN Cloud. KakaoTalk Bizmessage and SMS are two products there, each with an appkey of its own.
/// Source: NHN Cloud, "KakaoTalk Bizmessage, Alimtalk API v2.3", "SMS API v3.0".
struct NhnAccount {
    std::string app_key{};  ///< part of the path
    Secret secret_key{};    ///< sent as X-Secret-Key
    std::string url{};      ///< overridable, so that a test can stand in; empty = the product's own
    /// The webhook's signature as the console has it, sent as `X-Toast-Webhook-Signature`. Default empty: reports are
    /// fetched, and none is taken from the host's ingress.
    Secret report_secret{};

    bool operator==(const NhnAccount&) const = default;
};

/// Who carries it.
using VendorAccount = std::variant<SolapiAccount, NhnAccount>;

/// Kakao Alimtalk: information only, in a template Kakao has approved. Which template and what stands in it are the
/// message's `template_id` and `variables`. The vendor's own fall-back to SMS is always off: it would go around budget
/// and opt-outs; list a channel of kind "sms" behind this one instead.
struct AlimtalkOptions {
    VendorAccount vendor{};  ///< whose account
    std::string sender{};    ///< the Kakao channel: Solapi's pfId, NHN's senderKey (40 characters)

    bool operator==(const AlimtalkOptions&) const = default;
};

/// SMS up to 90 bytes of EUC-KR, LMS above (2,000 bytes, and a title of 40); which one is decided here, never by the
/// vendor.
struct SmsOptions {
    VendorAccount vendor{};  ///< whose account
    std::string sender{};    ///< the number registered beforehand; digits only

    bool operator==(const SmsOptions&) const = default;
};

}  // namespace tidegate
