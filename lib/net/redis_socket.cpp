#include "net/redis_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace tidegate::net {
namespace {

/// One question to glibc's resolver thread. It may not be freed before it is answered.
struct Question {
    std::string host, port;
    addrinfo hints = {};
    gaicb request = {};

    ~Question() {
        if (request.ar_result != nullptr) ::freeaddrinfo(request.ar_result);
    }
};

/// Questions whose asker has gone wait here for their answer.
void leave_behind(std::unique_ptr<Question> question) {
    static std::mutex mutex;
    static auto* const left = new std::vector<std::unique_ptr<Question>>;  // the resolver may outlive static objects
    const std::lock_guard lock(mutex);
    std::erase_if(*left, [](const auto& old) { return ::gai_error(&old->request) != EAI_INPROGRESS; });
    if (question && ::gai_cancel(&question->request) == EAI_NOTCANCELED) left->push_back(std::move(question));
}

std::string in_words(int error) {
    return std::error_code(error, std::generic_category()).message();
}

}  // namespace

struct RedisSocket::Lookup {
    std::unique_ptr<Question> question = std::make_unique<Question>();
    const addrinfo* next = nullptr;
    bool answered = false;

    ~Lookup() {
        if (!answered) leave_behind(std::move(question));
    }
    Lookup(const Lookup&) = delete;
    explicit Lookup(const RedisEndpoint& to) {
        question->host = to.host;
        question->port = std::to_string(to.port);
        question->hints.ai_socktype = SOCK_STREAM;
        question->hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
        question->request.ar_name = question->host.c_str();
        question->request.ar_service = question->port.c_str();
        question->request.ar_request = &question->hints;

        // An address needs no thread, and must work where no interface but loopback is up.
        addrinfo numeric = question->hints;
        numeric.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
        if (::getaddrinfo(question->request.ar_name, question->request.ar_service, &numeric,
                          &question->request.ar_result) == 0) {
            answered = true;
            next = question->request.ar_result;
            return;
        }
        gaicb* list[] = {&question->request};
        if (::getaddrinfo_a(GAI_NOWAIT, list, 1, nullptr) != 0) answered = true;
    }
    /// Whether the answer is there; `next` stays null when there is no such host.
    bool poll() {
        if (answered) return true;
        const int state = ::gai_error(&question->request);
        if (state == EAI_INPROGRESS) return false;
        answered = true;
        next = state == 0 ? question->request.ar_result : nullptr;
        return true;
    }
};

RedisSocket::RedisSocket(std::optional<RedisTrust> trust) : trust_(std::move(trust)) {}

RedisSocket::~RedisSocket() {
    close();
}

void RedisSocket::open(const RedisEndpoint& to) {
    close();
    to_ = to;
    lookup_ = std::make_unique<Lookup>(to);
}

void RedisSocket::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    connected_ = opened_ = false;
    lookup_.reset();
    tls_.reset();
    wire_.clear();
}

/// Begins to connect to the next address; false when there is none left.
bool RedisSocket::connect_next() {
    while (lookup_->next != nullptr) {
        const addrinfo& one = *std::exchange(lookup_->next, lookup_->next->ai_next);
        if (socket_ >= 0) ::close(socket_);
        socket_ = ::socket(one.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket_ < 0) continue;
        const int on = 1, patience_ms = 10'000, idle_s = 5;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        // A subscription says nothing for hours and may not ask; only the kernel can tell that its peer has gone.
        ::setsockopt(socket_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        ::setsockopt(socket_, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        ::setsockopt(socket_, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof idle_s);
        ::setsockopt(socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
        if (::connect(socket_, one.ai_addr, one.ai_addrlen) == 0 || errno == EINPROGRESS) return true;
    }
    return false;
}

RedisSocket::Moved RedisSocket::move(std::string& outgoing) {
    Moved moved;
    if (!lookup_) return moved;
    if (socket_ < 0) {
        if (!lookup_->poll()) return moved;
        if (lookup_->next == nullptr) {
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
    if (socket_ < 0) {  // the resolver has no descriptor to wait for
        std::this_thread::sleep_for(std::min(milliseconds, std::chrono::milliseconds(5)));
        return;
    }
    const bool more = writing || !connected_ || !wire_.empty();
    pollfd waiting = {socket_, static_cast<short>(POLLIN | (more ? POLLOUT : 0)), 0};
    ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(milliseconds.count(), 60'000)));
}

}  // namespace tidegate::net
