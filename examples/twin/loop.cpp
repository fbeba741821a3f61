#include "loop.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace twin {

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.release();
    }
    return *this;
}

int Fd::release() {
    return std::exchange(fd_, -1);
}

void Fd::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

void control(int epoll, int op, int fd, std::uint32_t events, Pollable* who) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = who;
    if (::epoll_ctl(epoll, op, fd, &event) != 0) fail("epoll_ctl");
}

}  // namespace

Loop::Loop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), alarm_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    if (!epoll_ || !alarm_) fail("event loop");
    watch(alarm_.get(), EPOLLIN, nullptr);
}

Loop::~Loop() = default;

void Loop::watch(int fd, std::uint32_t events, Pollable* who) {
    control(epoll_.get(), EPOLL_CTL_ADD, fd, events, who);
}

void Loop::change(int fd, std::uint32_t events, Pollable* who) {
    control(epoll_.get(), EPOLL_CTL_MOD, fd, events, who);
}

void Loop::forget(int fd) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::retire(std::unique_ptr<Pollable> who) {
    retired_.push_back(std::move(who));
}

void Loop::at(TimePoint when, std::function<void()> task) {
    timers_.push({when, order_++, std::move(task)});
}

void Loop::every(Duration period, std::function<void(TimePoint)> task) {
    repeat(now() + period, period, std::make_shared<std::function<void(TimePoint)>>(std::move(task)));
}

void Loop::repeat(TimePoint when, Duration period, std::shared_ptr<std::function<void(TimePoint)>> task) {
    at(when, [this, when, period, task = std::move(task)] {
        (*task)(when);
        repeat(when + period, period, task);
    });
}

void Loop::arm() {
    const TimePoint next = timers_.empty() ? TimePoint::max() : timers_.top().when;
    if (next == armed_) return;
    armed_ = next;
    itimerspec spec{};
    if (next != TimePoint::max()) {
        // A zero itimerspec would disarm the timer; an instant of the past fires at once.
        const auto ns = std::max<std::int64_t>(next.time_since_epoch().count(), 1);
        spec.it_value.tv_sec = ns / 1'000'000'000;
        spec.it_value.tv_nsec = ns % 1'000'000'000;
    }
    if (::timerfd_settime(alarm_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) != 0) fail("timerfd_settime");
}

void Loop::run_due() {
    // Only what was due when the turn began: a task that schedules the past must not starve the sockets.
    const TimePoint turn = now();
    while (!stopped_ && !timers_.empty() && timers_.top().when <= turn) {
        auto task = std::move(const_cast<Timer&>(timers_.top()).task);
        timers_.pop();
        task();
    }
}

void Loop::run() {
    std::array<epoll_event, 512> events;
    while (!stopped_) {
        arm();
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        run_due();
        for (int i = 0; i < count && !stopped_; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            if (auto* who = static_cast<Pollable*>(event.data.ptr)) {
                who->ready(event.events);
            } else {
                std::uint64_t expirations = 0;
                if (::read(alarm_.get(), &expirations, sizeof expirations) == sizeof expirations) armed_ = {};
            }
        }
        retired_.clear();
    }
}

Fd listen_on_loopback(std::uint16_t port) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) fail("socket");
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        fail("cannot use port " + std::to_string(port) + " of 127.0.0.1");
    }
    if (::listen(fd.get(), 16384) != 0) fail("listen");
    return fd;
}

std::uint16_t port_of(int listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

}  // namespace twin
