#pragma once

#include <memory>
#include <string>

#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"
#include "tidegate/delivery/gate.hpp"

namespace tidegate::control {

/// Where the operator's surface listens.
struct ServerOptions {
    std::string listen{};  ///< "127.0.0.1:8700", "[::1]:0" (any free port) or "unix:/path"; loopback or unix only
    Secret token{};        ///< required in `Authorization: Bearer`; compared in constant time

    bool operator==(const ServerOptions&) const = default;
};

/// The operator's HTTP surface over one Gate: status, metrics, pause, resume, rate, abort, hold, opens, samples, and a
/// dashboard page. One thread for accepting and a few for answering. Routes are listed in lib/control/README.md.
/// Threads: `start` and the destructor from one thread.
class TIDEGATE_EXPORT Server {
  public:
    /// Errors: an address that is not loopback, a port in use, an empty token.
    static Result<std::unique_ptr<Server>> start(Gate& gate, ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// The address in use, with the port that was chosen.
    std::string address() const;

  private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Makes a random token file, mode 0600, and returns the token; reads it when it exists and is private.
/// Errors: cannot be made; exists and is readable by others.
TIDEGATE_EXPORT Result<Secret> make_token_file(const std::string& path);

}  // namespace tidegate::control
