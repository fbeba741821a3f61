#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "http_server.hpp"
#include "loop.hpp"
#include "tidegate/base/rng.hpp"

namespace twin {

struct BankOptions {
    std::uint16_t port = 0;
    double capacity = 400;  ///< requests/s with every worker busy
    std::size_t workers = 8;
    double jitter = 0.5;       ///< sigma of the log-normal service time
    double queue_seconds = 6;  ///< requests beyond this much work are turned away with 503
    bool collapse = false;     ///< a row lock whose contention takes capacity past the knee
    std::uint64_t seed = 1;
};

/// The bank's application server: a pool of workers behind a bounded queue. A worker is a time, not a thread, so the
/// machine's own cores do not decide the capacity. Like most thread pools it does not notice a customer who has gone:
/// the work is done all the same, which is what makes an overload outlast its cause.
///
/// With `collapse`, contention on a hot row builds up by 0.1 a second while utilisation is over 0.88, fades by 1/30 a
/// second once it is under 0.70 with an empty queue, and takes up to half of the capacity.
/// Source: the "lock collapse" plant of tidegate's pacing notes.
class Bank {
  public:
    Bank(Loop& loop, const BankOptions& options);

    std::uint16_t port() const { return server_.port(); }
    /// Share of the nominal capacity that is there: a deploy, a lost replica.
    void set_factor(double factor) { factor_ = factor; }
    double factor() const { return factor_; }
    /// Requests/s the workers do now.
    double capacity() const;
    std::size_t queued() const { return queue_.size(); }
    std::size_t busy() const { return busy_; }
    double utilisation() const { return utilisation_; }
    double contention() const { return contention_; }
    /// The leading signal: sessions waiting for the row lock; about 40 is where it hurts. 0 without `collapse`.
    double lock_waits() const;
    std::uint64_t arrived() const { return arrived_; }
    std::uint64_t turned_away() const { return turned_away_; }
    std::uint64_t answered_nobody() const { return answered_nobody_; }

  private:
    void arrive(HttpServer::Ticket ticket);
    void start(HttpServer::Ticket ticket, TimePoint when);
    void finish(HttpServer::Ticket ticket, TimePoint when);
    void look_around(double seconds);

    Loop& loop_;
    BankOptions options_;
    tidegate::Rng rng_;
    std::deque<HttpServer::Ticket> queue_;
    std::size_t busy_ = 0;
    double factor_ = 1, utilisation_ = 0, contention_ = 0;
    std::uint64_t arrived_ = 0, turned_away_ = 0, answered_nobody_ = 0, arrived_before_ = 0;
    HttpServer server_;
};

}  // namespace twin
