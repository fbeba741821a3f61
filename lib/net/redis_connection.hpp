#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/redis_link.hpp"
#include "net/redis_socket.hpp"

namespace tidegate::net {

/// A `RedisLink` on a socket. It opens no thread and never blocks but in `wait`: somebody calls `advance` now and then.
/// Threads: one.
class RedisConnection {
  public:
    /// Errors: the trust anchor cannot be read.
    static Result<RedisConnection> make(RedisOptions options, std::uint64_t seed);

    /// Moves on as far as it goes without waiting.
    void advance(TimePoint now);
    /// Sleeps until there may be something to do, at most until `limit` has passed.
    void wait(TimePoint now, Duration limit);

    /// Closes now; see `RedisLink::leave`.
    void leave(std::string why, TimePoint now) { act(link_.leave(std::move(why), now)); }

    RedisLink& link() { return link_; }
    const RedisLink& link() const { return link_; }
    /// Asks and waits. For start-up and for an operator's command; never in a control loop.
    Result<RedisReply> ask(const std::vector<std::string>& arguments, const Clock& clock, Duration patience);

  private:
    RedisConnection(RedisOptions options, std::optional<RedisTrust> trust, std::uint64_t seed);
    bool act(const RedisLink::Action& action);

    RedisLink link_;
    std::unique_ptr<RedisSocket> socket_;
};

}  // namespace tidegate::net
