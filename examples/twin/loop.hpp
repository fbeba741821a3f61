#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "tidegate/base/clock.hpp"

namespace twin {

using tidegate::Duration;
using tidegate::TimePoint;

/// A file descriptor that closes itself.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    ~Fd() { close(); }
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept;
    int get() const { return fd_; }
    int release();
    void close();
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/// Something the loop watches.
class Pollable {
  public:
    virtual ~Pollable() = default;
    virtual void ready(std::uint32_t events) = 0;
};

/// One thread's event loop: epoll, and timers exact to the clock's own grain.
/// Threads: confined to one thread.
class Loop {
  public:
    Loop();
    ~Loop();

    void watch(int fd, std::uint32_t events, Pollable* who);
    void change(int fd, std::uint32_t events, Pollable* who);
    void forget(int fd);
    /// Destroys `who` after the current batch of events, which may still name it.
    void retire(std::unique_ptr<Pollable> who);

    /// Runs `task` at `when`; tasks of one instant run in the order they were given.
    void at(TimePoint when, std::function<void()> task);
    /// Runs `task(instant)` every `period` until the loop ends; `instant` is the one it was due at.
    void every(Duration period, std::function<void(TimePoint)> task);

    /// Serves until `stop`.
    void run();
    void stop() { stopped_ = true; }
    static TimePoint now() { return std::chrono::steady_clock::now(); }

  private:
    struct Timer {
        TimePoint when;
        std::uint64_t order;
        std::function<void()> task;
        bool operator>(const Timer& other) const {
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    void arm();
    void run_due();
    void repeat(TimePoint when, Duration period, std::shared_ptr<std::function<void(TimePoint)>> task);

    Fd epoll_, alarm_;
    TimePoint armed_{};
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
    std::vector<std::unique_ptr<Pollable>> retired_;
    std::uint64_t order_ = 0;
    bool stopped_ = false;
};

/// A listening socket on 127.0.0.1; port 0 lets the kernel choose. Throws std::runtime_error.
Fd listen_on_loopback(std::uint16_t port);
std::uint16_t port_of(int listener);

}  // namespace twin
