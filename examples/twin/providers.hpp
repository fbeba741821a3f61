#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "http_server.hpp"
#include "mailbox.hpp"

namespace twin {

/// A provider's word on one request, before any fault is injected.
struct Verdict {
    HttpReply reply;
    bool understood = false;  ///< there is an address to remember
    std::string address, id, key;
};

/// Remembers a judged request, injected faults included, and says what to answer; nothing = never. A provider that
/// hangs or talks nonsense has taken the message all the same: the hardest case for a sender that must neither lose nor
/// double.
std::optional<HttpReply> settle(Mailbox& mailbox, std::string_view channel, const Verdict& verdict);

/// Judges the body of an FCM `messages:send` request as strictly as the public documentation allows: unknown fields,
/// wrong types, more than one target and over-long payloads are INVALID_ARGUMENT; tokens beginning with "dead" are
/// UNREGISTERED. `id` becomes part of the name answered.
/// Source: Firebase, "FCM HTTP v1 API" reference.
Verdict judge_fcm(std::string_view project, std::string_view body, std::string_view id);

/// FCM and its OAuth token endpoint, on one port.
class FcmEndpoint {
  public:
    FcmEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox);
    std::uint16_t port() const { return server_.port(); }

  private:
    void handle(HttpServer::Ticket ticket, const HttpRequest& request);
    HttpReply grant(const HttpRequest& request);

    Mailbox& mailbox_;
    std::unordered_set<std::string> tokens_;
    std::uint64_t count_ = 0;
    HttpServer server_;
};

/// The host's own service behind a webhook channel: any path, JSON body with an `address`; a repeated
/// `Idempotency-Key` merges. With a secret, `Tidegate-Signature` must be an HMAC-SHA256 over
/// "<Tidegate-Timestamp>.<body>".
class WebhookEndpoint {
  public:
    WebhookEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox, std::string secret);
    std::uint16_t port() const { return server_.port(); }

  private:
    void handle(HttpServer::Ticket ticket, const HttpRequest& request);

    Mailbox& mailbox_;
    std::string secret_;
    std::uint64_t count_ = 0;
    HttpServer server_;
};

/// Whether `signature` ("v1=<hex>") is the one of "<time>.<body>".
bool signed_by(std::string_view secret, std::string_view time, std::string_view signature, std::string_view body);

}  // namespace twin
