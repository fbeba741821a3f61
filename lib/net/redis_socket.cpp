#include "net/redis_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace tidegate::net {
namespace {

std::string in_words(int error) {
    return std::error_code(error, std::generic_category()).message();
}

}  // namespace

/// The addresses of a host. `getaddrinfo` blocks for as long as the name servers let it, so it runs on a thread of its
/// own, which outlives an asker that has gone.
class RedisSocket::Lookup {
  public:
    explicit Lookup(RedisEndpoint of) : of_(std::move(of)) {
        found_->host = of_.host;
        found_->service = std::to_string(of_.port);
        // An address needs no thread, and must work where no interface but loopback is up.
        if (found_->ask(AI_NUMERICHOST | AI_NUMERICSERV)) {
            found_->answered = true;
            return;
        }
        try {
            std::thread([found = found_] {
                found->ask(AI_ADDRCONFIG | AI_NUMERICSERV);
                found->answered = true;
            }).detach();
        } catch (const std::system_error&) {  // no thread to be had: as if nobody knew the host, to be tried again
            found_->answered = true;
        }
    }
    const RedisEndpoint& of() const { return of_; }
    bool answered() const { return found_->answered; }
    /// The rest only once answered.
    bool known() const { return found_->all != nullptr; }
    /// The next address, null after the last one.
    const addrinfo* next() {
        const addrinfo* const one = std::exchange(begun_, true) ? rest_ : found_->all;
        rest_ = one == nullptr ? nullptr : one->ai_next;
        return one;
    }

  private:
    struct Found {
        std::string host, service;
        addrinfo* all = nullptr;
        std::atomic<bool> answered{false};

        bool ask(int flags) {
            addrinfo hints = {};
            hints.ai_socktype = SOCK_STREAM;
            hints.ai_flags = flags;
            return ::getaddrinfo(host.c_str(), service.c_str(), &hints, &all) == 0;
        }
        ~Found() {
            if (all != nullptr) ::freeaddrinfo(all);
        }
    };

    const RedisEndpoint of_;
    const std::shared_ptr<Found> found_ = std::make_shared<Found>();
    const addrinfo* rest_ = nullptr;
    bool begun_ = false;
};

RedisSocket::RedisSocket(std::optional<RedisTrust> trust) : trust_(std::move(trust)) {}

RedisSocket::~RedisSocket() {
    close();
}

void RedisSocket::open(const RedisEndpoint& to) {
    close();
    to_ = to;
    // A name server that is slow is asked once, not again with every attempt.
    const bool same = unanswered_ && unanswered_->of() == to;
    lookup_ = same ? std::move(unanswered_) : std::make_unique<Lookup>(to);
    unanswered_.reset();
}

void RedisSocket::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    connected_ = opened_ = false;
    if (lookup_ && !lookup_->answered()) unanswered_ = std::move(lookup_);
    lookup_.reset();
    tls_.reset();
    wire_.clear();
}

/// Begins to connect to the next address; false when there is none left.
bool RedisSocket::connect_next() {
    while (const addrinfo* const one = lookup_->next()) {
        if (socket_ >= 0) ::close(socket_);
        socket_ = ::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket_ < 0) continue;
        const int on = 1, patience_ms = 10'000, idle_s = 5;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        // A subscription says nothing for hours and may not ask; only the kernel can tell that its peer has gone.
        ::setsockopt(socket_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        ::setsockopt(socket_, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        ::setsockopt(socket_, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof idle_s);
        ::setsockopt(socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
        if (::connect(socket_, one->ai_addr, one->ai_addrlen) == 0 || errno == EINPROGRESS) return true;
    }
    return false;
}

RedisSocket::Moved RedisSocket::move(std::string& outgoing) {
    Moved moved;
    if (!lookup_) return moved;
    if (socket_ < 0) {
        if (!lookup_->answered()) return moved;
        if (!lookup_->known()) {
            moved.ended = "is a host that nobody knows";
            return moved;
        }
        if (!connect_next()) {
            moved.ended = "cannot be reached";
            return moved;
        }
    }
    if (!connected_) {
        pollfd waiting = {socket_, POLLOUT, 0};
        if (::poll(&waiting, 1, 0) <= 0) return moved;
        int error = 0;
        socklen_t length = sizeof error;
        ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0) {
            if (!connect_next()) moved.ended = "cannot be reached: " + in_words(error);
            return moved;
        }
        connected_ = true;
        if (trust_) tls_ = std::make_unique<RedisTls>(*trust_, to_.host);
    }
    moved.ended = exchange(outgoing, moved);
    return moved;
}

std::optional<std::string> RedisSocket::exchange(std::string& outgoing, Moved& moved) {
    std::optional<std::string> ended;
    if (tls_) {
        std::string bytes;
        ended = receive(bytes);
        tls_->take(bytes);
        const Result<void> stepped = tls_->advance(outgoing, wire_, moved.received);
        const std::optional<std::string> unsent = send_some(wire_);
        if (!stepped) return stepped.error().what;
        if (tls_->finished()) ended = "closed the connection";
        if (!ended) ended = unsent;
    } else {
        ended = send_some(outgoing);
        const std::optional<std::string> unread = receive(moved.received);
        if (!ended) ended = unread;
    }
    if (!opened_ && (!tls_ || tls_->established())) opened_ = moved.opened = true;
    return ended;
}

std::optional<std::string> RedisSocket::send_some(std::string& bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0)
            bytes.erase(0, static_cast<std::size_t>(sent));
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return std::nullopt;
        else if (errno != EINTR)
            return "broke the connection: " + in_words(errno);
    }
    return std::nullopt;
}

std::optional<std::string> RedisSocket::receive(std::string& bytes) {
    std::array<char, 16 * 1024> buffer;
    for (;;) {
        const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
        if (got > 0)
            bytes.append(buffer.data(), static_cast<std::size_t>(got));
        else if (got == 0)
            return "closed the connection";
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return std::nullopt;
        else if (errno != EINTR)
            return "broke the connection: " + in_words(errno);
        if (bytes.size() > std::size_t{1024} * 1024) return std::nullopt;  // the rest next time
    }
}

void RedisSocket::wait(Duration limit, bool writing) const {
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(std::max(limit, Duration::zero()));
    if (socket_ < 0) {  // a lookup has no descriptor to wait for
        std::this_thread::sleep_for(std::min(milliseconds, std::chrono::milliseconds(5)));
        return;
    }
    const bool more = writing || !connected_ || !wire_.empty();
    pollfd waiting = {socket_, static_cast<short>(POLLIN | (more ? POLLOUT : 0)), 0};
    ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(milliseconds.count(), 60'000)));
}

}  // namespace tidegate::net
