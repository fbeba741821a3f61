#pragma once

#include <curl/curl.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/http.hpp"
#include "net/openssl.hpp"

namespace tidegate::net {

/// libcurl's global initialisation, once for the process and never undone.
void initialise_curl();

/// What all handles of a pool have in common: options, and what was read from files for them.
class PoolSetup {
  public:
    explicit PoolSetup(PoolOptions options);

    const PoolOptions& options() const { return options_; }
    /// Why no request of this pool can be sent; empty when it can.
    const std::string& fault() const { return fault_; }
    /// Sets what does not change from one request to the next. False when libcurl lacks something we insist on.
    /// The handle must not outlive this.
    bool configure(CURL* easy);

    /// A request is about to leave by the connection with this local port.
    void used(long local_port) { ended_.erase(local_port); }
    /// Whether the server has ended that connection, as the kernel knows it; `socket` was its own while it lived.
    bool ended_by_server(long local_port, curl_socket_t socket) const;

  private:
    static int close_socket(void* self, curl_socket_t socket);
    static CURLcode give_trust(CURL*, void* ssl_context, void* self);
    /// The system's certificates and our anchors, read at the first connection and again after a day. Null when there
    /// is no memory.
    X509_STORE* trust();

    PoolOptions options_;
    std::vector<Owned<X509, X509_free>> anchors_;
    std::string fault_;
    Owned<X509_STORE, X509_STORE_free> trust_;
    TimePoint trust_read_{};
    std::unordered_map<long, bool> ended_;  // by local port: whether the server had, when libcurl closed its end
};

/// One request, from `HttpPool::send` to its callback.
struct Transfer {
    HttpRequest request;
    HttpDone done;
    std::uint64_t id = 0;
    TimePoint handed_over;
    HttpResult result;

    CURL* easy = nullptr;                        ///< on loan from the pool while under way
    PoolSetup* setup = nullptr;                  ///< of the pool
    curl_socket_t socket = CURL_SOCKET_BAD;      ///< it left by this one,
    long local_port = 0;                         ///< from this port
    std::optional<bool>* multiplexes = nullptr;  ///< told what the connection speaks when it is ready
    curl_slist* headers = nullptr;
    std::array<char, CURL_ERROR_SIZE> error = {};
    std::size_t header_bytes = 0;
    bool http2_only = false;
    bool secure = false;
    bool left = false;           ///< libcurl may have written some of it: from here on a failure is ambiguous
    bool over_http2 = false;     ///< the connection it left by speaks HTTP/2
    bool held_back = false;      ///< libcurl was about to send it a second time and was kept from it
    bool refused = false;        ///< and that because the server had refused the stream
    bool downgraded = false;     ///< the server offered HTTP/1.1 where only HTTP/2 will do
    bool headers_whole = false;  ///< the blank line after the headers of the last answer has come
    bool cut = false;            ///< the body was longer than the request wanted

    Transfer() = default;
    ~Transfer() { curl_slist_free_all(headers); }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// Borrows a handle of the pool and sets what this request needs on it. False, with a reason in `result`, when it
    /// cannot be sent as it is.
    bool prepare(CURL* handle, PoolSetup& setup, TimePoint now);
    /// Called by libcurl when a connection is ready, right before it writes the request: the last moment at which the
    /// request can be held back. False holds it back.
    bool about_to_leave(long local_port);
    /// Fills `result` when libcurl is through with it.
    void conclude(CURLcode code);
    /// Fills `result` when we gave it up ourselves.
    void abandon(std::string why);

  private:
    bool set_method();
    bool set_headers();
};

}  // namespace tidegate::net
