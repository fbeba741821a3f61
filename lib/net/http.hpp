#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::net {

struct HttpRequest {
    std::string method = "POST";
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    Duration timeout = std::chrono::seconds(15);        ///< from hand-over to the last byte
    std::size_t max_response = std::size_t{64} * 1024;  ///< a longer body is cut here and the transfer ends normally
};

struct HttpResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case, in order of arrival
    std::string body;
    bool http2 = false;

    /// First value of a header by its lower-case name; empty when absent.
    std::string header(std::string_view name) const;
    /// Retry-After as a duration from `now` (seconds or HTTP-date, RFC 9110 section 10.2.3); absent or nonsense: none.
    std::optional<Duration> retry_after(WallTime now) const;
};

/// How far a failed request got; decides whether sending again could double.
enum class Transport : std::uint8_t {
    ok,        ///< there is a response
    not_sent,  ///< nothing was processed: DNS, connect, TLS, refused stream
    ambiguous  ///< the request left, the answer did not come (what came of it is in the response)
};

struct HttpResult {
    Transport transport = Transport::not_sent;
    HttpResponse response;
    std::string error;  ///< for people; no header values, no bodies
    Duration elapsed{0};
};

using HttpDone = std::function<void(HttpResult)>;

/// How a pool of connections behaves. One pool for each (host, credential): libcurl would otherwise share connections
/// between credentials it cannot see.
struct PoolOptions {
    std::string ca;                         ///< extra trust anchor beside the system's, PEM file; empty = none
    Secret client_certificate, client_key;  ///< PEM
    bool http2_only = false;                ///< a response over anything else is an error
    std::size_t max_connections = 8;
    std::size_t max_h2_connections = 8;  ///< of these, once the peer is known to speak HTTP/2
    std::size_t max_streams = 500;       ///< per connection; the server's SETTINGS may lower it
    bool fresh_dns = false;              ///< resolve before each connection (APNs asks for it)
    Duration max_idle = std::chrono::hours(4);
};

struct PoolCore;
struct LoopCore;

/// Requests to one place with one credential. Exceptions out of a callback end there.
/// Threads: every member from any thread; callbacks run on the loop's thread, one at a time.
class HttpPool {
  public:
    /// Ends everything: callbacks that are due run inside, on the calling thread, after one that is running has
    /// returned; so hold no lock that a callback takes. None runs later.
    ~HttpPool();
    HttpPool(const HttpPool&) = delete;
    HttpPool& operator=(const HttpPool&) = delete;
    /// Never blocks. `done` is called exactly once; when the loop has been destroyed, inside this call.
    void send(HttpRequest request, HttpDone done);
    /// Requests queued or under way.
    std::size_t active() const;
    /// New requests use new connections (after a credential changed).
    void renew_connections();
    /// Ends everything sent before this call; their `done` calls say not_sent or ambiguous as it was. On the loop's
    /// thread they have run when this returns, from another thread they run at the loop's next turn.
    void cancel_all();

  private:
    friend class HttpLoop;
    explicit HttpPool(std::shared_ptr<PoolCore> core);
    std::shared_ptr<PoolCore> core_;
};

/// The event loop under every pool: epoll and libcurl's socket interface. Owns no thread: somebody calls `run`.
class HttpLoop {
  public:
    /// Throws `std::runtime_error` when the system has no descriptors left.
    HttpLoop();
    /// Ends what is under way in pools that still live, as their destructors would. Tasks not yet run are dropped.
    ~HttpLoop();
    HttpLoop(const HttpLoop&) = delete;
    HttpLoop& operator=(const HttpLoop&) = delete;

    std::unique_ptr<HttpPool> pool(PoolOptions options);
    /// Moves transfers and calls back. Returns once callbacks or tasks have run, soon after `wake`, or after `max_wait`
    /// at the latest. One thread. SIGPIPE is kept from this thread meanwhile.
    void run(Duration max_wait);
    /// From any thread.
    void wake();
    /// Runs `task` on the loop's thread at its next turn. From any thread.
    void post(std::function<void()> task);

  private:
    std::shared_ptr<LoopCore> core_;
};

/// One request on a loop of its own, waited for. For command lines and tests; never on a Gate's threads.
HttpResult fetch(const HttpRequest& request, const PoolOptions& options = {});

}  // namespace tidegate::net
