#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/redis_address.hpp"
#include "net/redis_tls.hpp"
#include "tidegate/base/clock.hpp"

namespace tidegate::net {

/// One TCP (and TLS) connection that never blocks: every call moves what can be moved now. A name is looked
/// up on a thread of its own, at most one at a time and two when the name changes. Threads: one.
class RedisSocket {
  public:
    /// With trust the connection is TLS.
    explicit RedisSocket(std::optional<RedisTrust> trust);
    ~RedisSocket();

    void open(const RedisEndpoint& to);
    void close();

    struct Moved {
        bool opened = false;  ///< since the last call
        std::string received{};
        std::optional<std::string> ended{};  ///< why there is no connection (any more)
        bool progress() const { return opened || !received.empty() || ended; }
    };
    /// Writes from the front of `outgoing`, reads what is there.
    Moved move(std::string& outgoing);
    /// Sleeps until something can be moved, at most `limit`. `writing`: there are bytes to send.
    void wait(Duration limit, bool writing) const;

  private:
    class Lookup;
    bool connect_next();
    std::optional<std::string> exchange(std::string& outgoing, Moved& moved);
    std::optional<std::string> send_some(std::string& bytes);
    std::optional<std::string> receive(std::string& bytes);

    std::optional<RedisTrust> trust_;
    RedisEndpoint to_;
    std::unique_ptr<Lookup> lookup_;
    std::unique_ptr<Lookup> unanswered_;  // of an attempt that was given up
    std::unique_ptr<RedisTls> tls_;
    std::string wire_;  // encrypted, not yet sent
    int socket_ = -1;
    bool connected_ = false, opened_ = false;
};

}  // namespace tidegate::net
