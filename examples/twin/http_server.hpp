#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loop.hpp"

namespace twin {

/// One request as it stands in the connection's buffer: valid during the handler's call only.
struct HttpRequest {
    std::string_view method;
    std::string_view target;  ///< path and query
    std::string_view body;
    std::vector<std::pair<std::string_view, std::string_view>> headers;

    std::string_view path() const { return target.substr(0, target.find('?')); }
    /// First value by name, any case; empty when absent.
    std::string_view header(std::string_view name) const;
};

struct HttpReply {
    int status = 200;
    std::string body;
    std::string type = "application/json";
    std::string extra;  ///< further header lines, each ended by CRLF
};

/// A small HTTP/1.1 server on loopback: keep-alive, one request of a connection at a time, bodies with a length only.
/// It is here because one thread of it serves tens of thousands of requests per second, which leaves the machine to
/// what is being watched.
class HttpServer {
  public:
    /// Names a request that waits for its answer; the client may be gone when it comes.
    using Ticket = std::uint64_t;
    using Handler = std::function<void(Ticket, const HttpRequest&)>;

    HttpServer(Loop& loop, std::uint16_t port, Handler handler);
    ~HttpServer();

    std::uint16_t port() const;
    /// Answers once, now or later. False when the client has gone.
    bool answer(Ticket ticket, const HttpReply& reply);
    /// Closes the connection without a word.
    void hang_up(Ticket ticket);
    std::size_t connections() const { return connections_.size(); }

  private:
    class Connection;
    class Listener;
    void accept_all();
    void drop(Connection& connection);

    Loop& loop_;
    Handler handler_;
    Fd listening_;
    std::unique_ptr<Listener> listener_;
    std::unordered_map<Ticket, std::unique_ptr<Connection>> connections_;
    Ticket last_ = 0;
};

bool same_letters(std::string_view a, std::string_view b);
/// The value of `name` in `a=1&b=2`, percent-decoded; empty when absent.
std::string form_value(std::string_view form, std::string_view name);
/// Every name and value of a form or query string, decoded.
std::vector<std::pair<std::string, std::string>> parse_form(std::string_view form);

}  // namespace twin
