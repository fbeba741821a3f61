#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.hpp"
#include "tidegate/base/secret.hpp"
#include "tidegate/message/attempt.hpp"
#include "tidegate/message/outcome.hpp"

namespace tidegate::channel {

/// One batch on its way to a vendor: what to ask next, and in the end what became of each attempt. It asks one thing at
/// a time and ends after a few. Pure: the channel carries its requests.
class Conversation {
  public:
    virtual ~Conversation() = default;
    /// The first request.
    virtual net::HttpRequest open(WallTime now) = 0;
    /// Hears the answer. The next request, or nothing once every outcome is known.
    virtual std::optional<net::HttpRequest> hear(const net::HttpResult& result, WallTime now) = 0;
    /// One for each attempt, in their order; asked once `hear` has returned nothing, or when the request it returned
    /// will not be sent any more.
    virtual std::vector<Outcome> outcomes() const = 0;
};

/// What a report names its message by: campaign, delivery and attempt.
struct Reference {
    std::string campaign;  ///< `campaign_mark` of its id
    DeliveryId delivery = 0;
    std::uint32_t attempt = 0;

    bool operator==(const Reference&) const = default;
};

/// The vendor's later word about one message: `phase` is `report`. Kind `unknown` with reason `pending`, and `accepted`
/// with `queued`, say that there is none yet.
struct VendorReport {
    Reference about;
    Outcome outcome;

    bool operator==(const VendorReport&) const = default;
};

/// One page of reports, and what to give back for the next; empty after the last.
struct ReportPage {
    std::vector<VendorReport> reports;
    std::string next;
};

/// A request's headers as the host's ingress has them; names in any case.
using Headers = std::span<const std::pair<std::string, std::string>>;

/// Whether the first header of one of these names is what the secret makes it; in constant time. Errors: `refused`,
/// also without a secret.
Result<void> check_report_secret(const Secret& secret, std::string_view expected, Headers headers,
                                 std::initializer_list<std::string_view> names);
/// A body that is no report of the vendor's.
Error no_report();

/// How one vendor takes one kind of message. Immutable; any thread.
class VendorProtocol {
  public:
    virtual ~VendorProtocol() = default;
    /// Recipients in one request.
    virtual std::size_t batch_limit() const = 0;
    /// Errors: `refused` when the message is at fault, `invalid` when only the address is.
    virtual Result<void> check(const Attempt& attempt) const = 0;
    /// Attempts with the same value may share a request.
    virtual std::string shared_part(const Attempt& attempt) const = 0;
    virtual std::unique_ptr<Conversation> converse(std::vector<Attempt> batch) const = 0;
    /// Asks what became of the messages of one of its own requests: the part of their `provider_id` before the slash.
    /// `page` is empty, or what the page before gave.
    virtual net::HttpRequest ask_reports(const std::string& request, const std::string& page, WallTime now) const = 0;
    /// Errors: an answer that is none.
    virtual Result<ReportPage> read_reports(const net::HttpResponse& response, const std::string& page) const = 0;
    /// Reports the vendor posted to the host's own ingress; none when they are about something else. Errors: `refused`
    /// when they cannot be shown to be the vendor's, `invalid` for a body that is none of its. Neither repeats anything
    /// of what came or was expected.
    virtual Result<std::vector<VendorReport>> hear_reports(Headers headers, std::string_view body) const = 0;
};

/// A subscriber's number as vendors want it: "+82 10-1234-5678" is "01012345678", as on suppression lists. Nothing when
/// it is no Korean number.
std::optional<std::string> phone_number(std::string_view written);

/// What a vendor gives back with its report: which campaign, delivery and attempt it is about. At most 60 characters.
std::string reference_of(const Attempt& attempt);
std::optional<Reference> parse_reference(std::string_view text);
/// Stands for a campaign's id, whatever its length: 16 hexadecimal digits.
std::string campaign_mark(std::string_view campaign);

/// A text as it goes out: SMS, or LMS when it does not fit. Errors: `refused` with what is wrong with it.
struct ShortMessage {
    bool lms = false;
    std::string title;  ///< of an LMS
    std::string body;

    bool operator==(const ShortMessage&) const = default;
};
Result<ShortMessage> short_message(const RenderedMessage& message);
/// Source: the vendors' forms.
inline constexpr std::size_t sms_bytes = 90, lms_bytes = 2000, lms_title_bytes = 40;

/// The outcome of a request the vendor refused as a whole, by its HTTP status alone.
Outcome refused_request(const net::HttpResponse& response, std::string_view code, std::string_view text,
                        std::span<const std::string_view> addresses, WallTime now);

}  // namespace tidegate::channel
