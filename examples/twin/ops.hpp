#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "bank.hpp"
#include "crowd.hpp"
#include "http_server.hpp"
#include "mailbox.hpp"
#include "measures.hpp"

namespace twin {

/// What the telemetry answers in place of the truth.
enum class TelemetryFault : std::uint8_t { none, dead, frozen, nan };

/// The site's own port: Prometheus page, JSON reading, summary, and the knobs of what goes wrong.
class Ops {
  public:
    Ops(Loop& loop, std::uint16_t port, Bank& bank, Crowd& crowd, Mailbox& mailbox, Measures& measures);
    std::uint16_t port() const { return server_.port(); }
    /// The summary with the provider's side of it.
    std::string summary(bool with_series) const;

  private:
    void handle(HttpServer::Ticket ticket, const HttpRequest& request);
    void telemetry(HttpServer::Ticket ticket, bool as_page);
    HttpReply fault(const HttpRequest& request);
    std::string faults() const;
    std::string reading() const;

    Bank& bank_;
    Crowd& crowd_;
    Mailbox& mailbox_;
    Measures& measures_;
    TelemetryFault telemetry_ = TelemetryFault::none;
    std::string frozen_page_, frozen_reading_;
    HttpServer server_;
};

}  // namespace twin
