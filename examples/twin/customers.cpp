#include "customers.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace twin {

namespace {
constexpr std::string_view kRequest = "GET /accounts HTTP/1.1\r\nHost: bank\r\n\r\n";
constexpr std::string_view kLength = "Content-Length: ";
}  // namespace

class Customers::Phone final : public Pollable {
  public:
    Phone(Customers& owner, Fd fd) : owner_(owner), fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }

    void ask(std::uint64_t id) {
        id_ = id;
        in_.clear();
        if (connected_) send_request();
    }

    void ready(std::uint32_t events) override {
        if (lost_) return;
        if (!connected_) {
            int error = 0;
            socklen_t size = sizeof error;
            ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
            if (error != 0 || (events & (EPOLLERR | EPOLLHUP)) != 0) return fail();
            connected_ = true;
            owner_.loop_.change(fd_.get(), EPOLLIN | EPOLLRDHUP, this);
            if (id_ != 0) send_request();
            return;
        }
        char buffer[4096];
        const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) return fail();
        in_.append(buffer, static_cast<std::size_t>(got));
        if (const int status = complete(); status != 0 && id_ != 0) {
            const auto id = std::exchange(id_, 0);
            owner_.idle_.push_back(this);
            owner_.end(id, status);
        }
    }

    /// Hangs up at once: a reset leaves no port waiting behind, and impatient customers come by the thousand.
    void hang_up() {
        const linger now{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        lost_ = true;
        owner_.put_away(*this);
    }

  private:
    void send_request() {
        if (::send(fd_.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(kRequest.size())) {
            fail();
        }
    }

    /// The status of a whole response in the buffer, or 0 while it is not whole.
    int complete() const {
        const auto end = in_.find("\r\n\r\n");
        if (end == std::string::npos || in_.size() < 12) return 0;
        int status = 0;
        std::from_chars(in_.data() + 9, in_.data() + 12, status);
        std::size_t length = 0;
        if (const auto at = in_.find(kLength); at != std::string::npos && at < end) {
            std::from_chars(in_.data() + at + kLength.size(), in_.data() + end, length);
        }
        return in_.size() >= end + 4 + length ? status : 0;
    }

    void fail() {
        const auto id = std::exchange(id_, 0);
        if (const auto wait = owner_.waiting_.find(id); wait != owner_.waiting_.end()) wait->second.phone = nullptr;
        hang_up();
        if (id != 0) owner_.loop_.at(Loop::now(), [owner = &owner_, id] { owner->end(id, -1); });
    }

    Customers& owner_;
    Fd fd_;
    std::uint64_t id_ = 0;
    std::string in_;
    bool connected_ = false, lost_ = false;
};

Customers::Customers(Loop& loop, std::uint16_t port, Duration patience, std::size_t max_connections, Done done)
    : loop_(loop), port_(port), patience_(patience), max_connections_(max_connections), done_(std::move(done)) {
    loop_.every(std::chrono::milliseconds(5), [this](TimePoint) { impatience(Loop::now()); });
}

Customers::~Customers() = default;

std::uint64_t Customers::request() {
    const auto id = ++last_;
    auto& wait = waiting_[id];
    wait.since = Loop::now();
    give_phone(id, wait);
    return id;
}

void Customers::give_phone(std::uint64_t id, Wait& wait) {
    if (!idle_.empty()) {
        wait.phone = idle_.back();
        idle_.pop_back();
        return wait.phone->ask(id);
    }
    if (phones_.size() >= max_connections_) return phoneless_.push_back(id);
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    const int on = 1;
    if (fd) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Out of descriptors or ports: this customer waits like one without signal.
    if (!fd ||
        (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS)) {
        return phoneless_.push_back(id);
    }
    auto phone = std::make_unique<Phone>(*this, std::move(fd));
    wait.phone = phone.get();
    loop_.watch(phone->fd(), EPOLLOUT, phone.get());
    wait.phone->ask(id);
    phones_.emplace(wait.phone, std::move(phone));
}

void Customers::put_away(Phone& phone) {
    std::erase(idle_, &phone);
    loop_.forget(phone.fd());
    const auto found = phones_.find(&phone);
    auto owned = std::move(found->second);
    phones_.erase(found);
    loop_.retire(std::move(owned));
}

void Customers::end(std::uint64_t id, int status) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    const TimePoint now = Loop::now();
    const Answer answer{id, status, now - found->second.since, now};
    waiting_.erase(found);
    while (!phoneless_.empty() && (!idle_.empty() || phones_.size() < max_connections_)) {
        const auto next = phoneless_.front();
        phoneless_.pop_front();
        if (const auto wait = waiting_.find(next); wait != waiting_.end()) {
            give_phone(next, wait->second);
            if (wait->second.phone == nullptr) break;
        }
    }
    done_(answer);
}

void Customers::impatience(TimePoint now) {
    while (!waiting_.empty() && waiting_.begin()->second.since + patience_ <= now) {
        const auto [id, wait] = *waiting_.begin();
        if (wait.phone != nullptr) wait.phone->hang_up();
        end(id, 0);
    }
}

std::vector<float> Customers::waiting_longer(TimePoint now, Duration age) const {
    std::vector<float> ages;
    for (const auto& [id, wait] : waiting_) {
        if (now - wait.since <= age) break;
        ages.push_back(static_cast<float>(tidegate::seconds_between(wait.since, now)));
    }
    return ages;
}

}  // namespace twin
