#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http_server.hpp"
#include "mailbox.hpp"

namespace twin {

/// How the practice vendors of Alimtalk and SMS behave.
struct KoreaOptions {
    std::string secret = "twin-secret";  ///< signs Solapi's requests, and is NHN's secret key
    double report_after_s = 0.5;         ///< from being taken to the final word
};

/// One message a vendor took: reported `report_after_s` later.
struct Taken {
    std::string vendor_id, number, mark, kind;  ///< kind as Solapi spells it: "ATA", "SMS", "LMS"
    TimePoint at{};
};

/// Bytes in EUC-KR as the C library writes them; -1 when it cannot.
int euckr_bytes(std::string_view utf8);
/// The report about 010-3CCC-... says 3CCC when it was an Alimtalk, about 010-4CCC-... when it was a text; whoever else
/// there is has got it.
std::string report_code(const Taken& message, std::string_view arrived);
/// Digits only, as vendors want a subscriber's number.
bool subscriber(std::string_view number);
std::string iso_now();

/// Solapi's messages API v4 as far as tidegate and the public SDK use it: groups, send-many, list. A signature is good
/// once and for fifteen minutes.
/// Source: Solapi developer documentation and the public Node SDK.
class SolapiEndpoint {
  public:
    SolapiEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox, KoreaOptions options);
    std::uint16_t port() const { return server_.port(); }

  private:
    struct Group {
        std::string status = "PENDING";
        bool duplicates = false;
        std::vector<Taken> messages;
        std::size_t failed = 0;
    };
    void handle(HttpServer::Ticket ticket, const HttpRequest& request);
    /// Nothing = never answered.
    std::optional<HttpReply> route(const HttpRequest& request);
    std::optional<HttpReply> signature_fault(const HttpRequest& request);
    std::optional<HttpReply> group_request(const HttpRequest& request, std::string_view id, std::string_view what);
    std::optional<HttpReply> send_many(const nlohmann::json& body);
    nlohmann::json add(const std::string& id, Group& group, const nlohmann::json& message);
    /// What an injected fault makes of a sending; nothing when all is well.
    std::optional<std::optional<HttpReply>> send(Group& group);
    nlohmann::json describe(const std::string& id, const Group& group) const;
    nlohmann::json list(const HttpRequest& request) const;

    Mailbox& mailbox_;
    KoreaOptions options_;
    std::map<std::string, Group, std::less<>> groups_;
    std::unordered_map<std::string, TimePoint> signatures_;
    std::uint64_t count_ = 0;
    HttpServer server_;
};

/// NHN Cloud: KakaoTalk Bizmessage v2.3 (Alimtalk) and SMS v3.0 on one port. An idempotency key is good for ten
/// minutes. Source: NHN Cloud, API guides of both products.
class NhnEndpoint {
  public:
    NhnEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox, KoreaOptions options);
    std::uint16_t port() const { return server_.port(); }

  private:
    struct Sent : Taken {
        std::string request;
        int sequence = 0;
    };
    void handle(HttpServer::Ticket ticket, const HttpRequest& request);
    std::optional<HttpReply> route(const HttpRequest& request);
    std::optional<HttpReply> alimtalk(const HttpRequest& request, const nlohmann::json& body);
    std::optional<HttpReply> sms(const nlohmann::json& body, std::string_view way);
    /// Takes every recipient with a number; the results, one for each.
    nlohmann::json take(const nlohmann::json& recipients, const std::string& request, std::string_view channel,
                        std::string_view kind, int bad_number);
    HttpReply results(const HttpRequest& request, bool of_sms) const;

    Mailbox& mailbox_;
    KoreaOptions options_;
    std::vector<Sent> sent_;
    std::unordered_map<std::string, TimePoint> keys_;
    std::uint64_t count_ = 0;
    HttpServer server_;
};

/// What the injected fault of the moment answers instead of the vendor; `taken` says whether it took the messages
/// all the same. Nothing inside = no answer at all.
struct Disturbance {
    bool taken = false;
    std::optional<HttpReply> reply;
};
std::optional<Disturbance> disturbance(const Mailbox& mailbox);

}  // namespace twin
