#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/free_port.hpp"

namespace tidegate::test {

/// A listening socket on 127.0.0.1 that gives each connection to a handler on a thread of its own. For answers that no
/// well-behaved server would give. The handler must return when its socket fails; the destructor shuts all sockets
/// down.
class RawServer {
  public:
    using Handler = std::function<void(int connection)>;

    explicit RawServer(Handler handler) : handler_(std::move(handler)) {
        listener_ = listen_on_loopback(port_);
        acceptor_ = std::thread([this] { accept_all(); });
    }

    ~RawServer() {
        ending_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        for (auto& connection : connections_) {
            ::shutdown(connection.socket, SHUT_RDWR);
            connection.thread.join();
            ::close(connection.socket);
        }
        ::close(listener_);
    }
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
    /// Connections accepted so far.
    int accepted() const { return accepted_; }

  private:
    struct Connection {
        int socket;
        std::thread thread;
    };

    void accept_all() {
        while (!ending_) {
            pollfd waiting = {listener_, POLLIN, 0};
            ::poll(&waiting, 1, 1000);
            if (ending_) return;
            if ((waiting.revents & POLLIN) == 0) continue;
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (socket < 0) continue;
            ++accepted_;
            connections_.push_back({socket, std::thread([this, socket] {
                                        handler_(socket);
                                        ::shutdown(socket, SHUT_RDWR);
                                    })});
        }
    }

    Handler handler_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> ending_ = false;
    std::atomic<int> accepted_ = 0;
    std::vector<Connection> connections_;  // grown by the acceptor alone, read after it has ended
    std::thread acceptor_;
};

/// Sends all of it; false when the peer has gone.
inline bool send_all(int socket, std::string_view data) {
    while (!data.empty()) {
        const ssize_t sent = ::send(socket, data.data(), data.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        data.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

/// One HTTP/1.1 request with its body (Content-Length only); empty when the peer closed first. What came after it stays
/// in `pending` for the next call.
inline std::string read_request(int socket, std::string& pending) {
    for (;;) {
        const auto head = pending.find("\r\n\r\n");
        if (head != std::string::npos) {
            std::string lower = pending.substr(0, head);
            for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
            const auto field = lower.find("\r\ncontent-length:");
            const std::size_t body = field == std::string::npos ? 0 : std::stoul(lower.substr(field + 17));
            const std::size_t whole = head + 4 + body;
            if (pending.size() >= whole) {
                std::string request = pending.substr(0, whole);
                pending.erase(0, whole);
                return request;
            }
        }
        char buffer[4096];
        const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
        if (got <= 0) return {};
        pending.append(buffer, static_cast<std::size_t>(got));
    }
}

inline std::string read_request(int socket) {
    std::string pending;
    return read_request(socket, pending);
}

}  // namespace tidegate::test
