#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string_view>

#include "channel/in_flight.hpp"
#include "net/http.hpp"
#include "tidegate/channel/channel.hpp"

namespace tidegate::channel {

/// Where to connect, how often, and how cautiously to begin.
struct LaneOptions {
    std::size_t in_flight = 500;
    std::size_t connections = 8;
    std::size_t per_request = 1;      ///< attempts that one request may carry
    bool always_multiplexed = false;  ///< HTTP/2 or nothing; otherwise learnt from the answers
    bool warm_up = false;             ///< one request at a time until the first success on the pool
};

/// What every HTTP channel shares: how much may be on the wire, completion exactly once, a bounded stop.
/// Threads: every member from any thread; `stop` never from a completion.
class Lane {
  public:
    Lane(const Clock& clock, std::shared_ptr<net::HttpPool> pool, LaneOptions options);

    /// 0 once stopped.
    InFlight::Ticket open(DeliveryId delivery, std::shared_ptr<const Completion> done);
    void send(net::HttpRequest request, net::HttpDone done) { pool_->send(std::move(request), std::move(done)); }
    /// Completes, and learns from the answer how much the next moment may bear.
    void finish(InFlight::Ticket ticket, Outcome outcome);
    /// What the protocol of this answer allows: one request for each connection, or streams.
    void saw(const net::HttpResult& result);
    std::size_t room() const;
    void renew_connections();
    /// Waits for answers until shortly before `deadline`, then cancels; what is still open at `deadline` ends
    /// `ambiguous`.
    void stop(TimePoint deadline);

    bool stopped() const { return stopped_; }
    bool always_multiplexed() const { return options_.always_multiplexed; }
    const Clock& clock() const { return clock_; }

  private:
    const Clock& clock_;
    const std::shared_ptr<net::HttpPool> pool_;
    const LaneOptions options_;
    InFlight in_flight_;
    std::atomic<bool> warm_;
    std::atomic<bool> multiplexed_;
    std::atomic<bool> stopped_{false};
};

/// One remedy (a new token, a new connection) for one kind of refusal, tried once: the answers to everything sent
/// before the remedy belong to the old state, a refusal after it means that the remedy is none. Pure; not synchronised.
class Remedy {
  public:
    enum class Step {
        again,   ///< others have applied the remedy meanwhile: just try again
        apply,   ///< apply the remedy now, then try again
        give_up  ///< it has been applied and did not help
    };

    /// Stamps a request: give it back with its answer.
    std::uint64_t epoch() const { return epoch_; }
    /// `once`: a second refusal without a success between them is final.
    Step refused(std::uint64_t sent_in, bool once);
    void succeeded(std::uint64_t sent_in);

  private:
    std::uint64_t epoch_ = 1;
    bool probation_ = false;
};

}  // namespace tidegate::channel
