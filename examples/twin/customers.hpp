#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "loop.hpp"

namespace twin {

/// Customers' phones: one HTTP/1.1 GET at a time over a kept connection, given up after a patience. Every customer
/// waits for real, in a socket of its own.
class Customers {
  public:
    struct Answer {
        std::uint64_t id = 0;
        int status = 0;  ///< 0: gave up waiting; -1: the connection broke
        Duration waited{0};
        TimePoint at{};
    };
    using Done = std::function<void(const Answer&)>;

    Customers(Loop& loop, std::uint16_t port, Duration patience, std::size_t max_connections, Done done);
    ~Customers();

    /// Starts one request and returns its id; `Done` is called exactly once for it, never from inside.
    std::uint64_t request();
    std::size_t waiting() const { return waiting_.size(); }
    /// How long those have waited, in seconds, who have waited for longer than `age`.
    std::vector<float> waiting_longer(TimePoint now, Duration age) const;

  private:
    class Phone;
    struct Wait {
        TimePoint since{};
        Phone* phone = nullptr;  ///< null while none is free
    };
    void give_phone(std::uint64_t id, Wait& wait);
    void end(std::uint64_t id, int status);
    void put_away(Phone& phone);
    void impatience(TimePoint now);

    Loop& loop_;
    std::uint16_t port_;
    Duration patience_;
    std::size_t max_connections_;
    Done done_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Wait> waiting_;  ///< ids grow with time, so this is also the order of patience
    std::deque<std::uint64_t> phoneless_;
    std::map<Phone*, std::unique_ptr<Phone>> phones_;
    std::vector<Phone*> idle_;
};

}  // namespace twin
