#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/redis_address.hpp"
#include "net/redis_codec.hpp"
#include "tidegate/base/clock.hpp"
#include "tidegate/base/rng.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::net {

/// How to reach a Redis and how patient to be with it.
struct RedisOptions {
    RedisAddress address{};
    Secret password{};           ///< for `address.user`, or for the default user; empty = no AUTH
    Secret sentinel_password{};  ///< of the sentinels themselves; empty = no AUTH there
    std::string ca{};            ///< extra trust anchor beside the system's, PEM file; empty = none
    std::string subscribe{};     ///< a channel to listen to; such a connection takes no requests
    Duration connect_timeout = std::chrono::seconds(1);        ///< name, TCP, TLS and greeting together
    Duration reply_timeout = std::chrono::milliseconds(500);   ///< from `request` to the whole answer
    Duration shortest_rest = std::chrono::milliseconds(50);    ///< after the first failure
    Duration longest_rest = std::chrono::milliseconds(2'000);  ///< what doubling ends at; each rest is jittered
};

/// The conversation with one Redis as a pure machine: events with `now` in, bytes and actions out. It finds the master,
/// enters, checks that it is one, and then answers one request at a time. After any time-out, error of the protocol or
/// sign that the server is no master any more it asks for the connection to be closed, so an answer that comes late can
/// never be read as another's.
class RedisLink {
  public:
    struct Tick {};    ///< time has passed
    struct Opened {};  ///< the connection stands, TLS included
    struct Received {
        std::string bytes;
    };
    struct Ended {
        std::string why;
    };  ///< could not be opened, or was closed by others
    using Event = std::variant<Tick, Opened, Received, Ended>;

    struct Wait {};  ///< nothing to do before `wake_at`
    struct Open {
        RedisEndpoint to;
    };
    struct Close {};  ///< and forget what was read or not yet written
    using Action = std::variant<Wait, Open, Close>;

    RedisLink(RedisOptions options, std::uint64_t seed);

    Action resume(const Event& event, TimePoint now);
    /// When a Tick is due at the latest.
    TimePoint wake_at() const { return deadline_; }
    /// Bytes for the peer; the driver takes from the front what it could write.
    std::string& outgoing() { return outgoing_; }

    /// Connected to a verified master and free.
    bool ready() const { return state_ == State::ready; }
    bool busy() const { return state_ == State::busy; }
    /// Only when `ready`. Its answer, or why there is none, comes through `take_answer` exactly once.
    void request(std::span<const std::string> arguments, TimePoint now);
    std::optional<Result<RedisReply>> take_answer();
    /// Leaves a server that answers, but not as it should; the master is looked for anew.
    Action leave(std::string why, TimePoint now) { return fail(std::move(why), now); }
    /// Messages of the subscribed channel, oldest first.
    std::vector<std::string> take_messages();

    /// Whom the connection is with, or was last meant for.
    const RedisEndpoint& peer() const { return peer_; }
    /// The latest failure; empty after a good answer.
    const std::string& trouble() const { return trouble_; }

  private:
    enum class State : std::uint8_t { resting, opening, greeting, ready, busy };
    enum class Step : std::uint8_t { entered, database, role, master, subscribed };

    Action open(TimePoint now);
    void greet();
    void say(Step step, std::initializer_list<std::string> arguments);
    Action received(const std::string& bytes, TimePoint now);
    Action greeted(const RedisReply& reply, TimePoint now);
    void answered(RedisReply reply, TimePoint now);
    void pushed(RedisReply reply);
    Action fail(std::string why, TimePoint now);

    RedisOptions options_;
    Rng chance_;
    State state_ = State::resting;
    TimePoint deadline_ = TimePoint::min();  // end of the rest, or of patience
    std::size_t next_endpoint_ = 0;
    std::optional<RedisEndpoint> master_;  // as a sentinel named it; spent when used
    bool at_sentinel_ = false;
    RedisEndpoint peer_;
    RedisReader reader_;
    std::string outgoing_;
    std::deque<Step> expected_;
    std::optional<Result<RedisReply>> answer_;
    std::vector<std::string> messages_;
    std::string trouble_;
    int failures_ = 0;  // in a row
};

}  // namespace tidegate::net
