#include "http_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace twin {

namespace {

constexpr std::size_t kMaxHead = 32 * 1024;
constexpr std::size_t kMaxBody = std::size_t{16} * 1024 * 1024;  // ten thousand messages of a vendor's batch

const char* phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 429:
            return "Too Many Requests";
        case 500:
            return "Internal Server Error";
        case 503:
            return "Service Unavailable";
        default:
            return "Status";
    }
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::string decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

}  // namespace

bool same_letters(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::pair<std::string, std::string>> parse_form(std::string_view form) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!form.empty()) {
        const auto end = std::min(form.find('&'), form.size());
        const auto field = form.substr(0, end);
        const auto equals = std::min(field.find('='), field.size());
        if (!field.empty()) {
            out.emplace_back(decode(field.substr(0, equals)),
                             equals < field.size() ? decode(field.substr(equals + 1)) : std::string());
        }
        form.remove_prefix(std::min(end + 1, form.size()));
    }
    return out;
}

std::string form_value(std::string_view form, std::string_view name) {
    for (auto& [key, value] : parse_form(form)) {
        if (key == name) return value;
    }
    return {};
}

std::string_view HttpRequest::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (same_letters(key, name)) return value;
    }
    return {};
}

class HttpServer::Listener final : public Pollable {
  public:
    explicit Listener(HttpServer& server) : server_(server) {}
    void ready(std::uint32_t) override { server_.accept_all(); }

  private:
    HttpServer& server_;
};

class HttpServer::Connection final : public Pollable {
  public:
    Connection(HttpServer& server, Fd fd, Ticket id) : server_(server), fd_(std::move(fd)), id_(id) {}

    int fd() const { return fd_.get(); }
    Ticket id() const { return id_; }

    void ready(std::uint32_t events) override {
        if (gone_) return;
        if ((events & EPOLLOUT) != 0 && !flush()) return close();
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) == 0) return;
        char buffer[16 * 1024];
        for (;;) {
            const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
            if (got > 0) {
                in_.append(buffer, static_cast<std::size_t>(got));
                if (in_.size() > kMaxHead + kMaxBody) return close();
                if (static_cast<std::size_t>(got) < sizeof buffer) break;
            } else if (got < 0 && errno == EAGAIN) {
                break;
            } else if (got < 0 && errno == EINTR) {
                continue;
            } else {
                return close();
            }
        }
        serve();
    }

    void answer(const HttpReply& reply) {
        waiting_ = false;
        out_ += "HTTP/1.1 " + std::to_string(reply.status) + ' ' + phrase(reply.status) +
                "\r\nContent-Type: " + reply.type + "\r\nContent-Length: " + std::to_string(reply.body.size()) +
                "\r\n" + reply.extra;
        if (close_after_) out_ += "Connection: close\r\n";
        out_ += "\r\n";
        out_ += reply.body;
        if (!flush()) return close();
        // An answer given inside the handler returns to serve(), which takes the next request itself.
        if (!serving_) serve();
    }

    void close() {
        if (gone_) return;
        gone_ = true;
        server_.drop(*this);
    }

  private:
    void serve() {
        serving_ = true;
        while (!gone_ && !waiting_ && !close_after_ && take_one()) {
        }
        serving_ = false;
    }

    void refuse(int status) {
        close_after_ = true;
        answer({status, R"({"error":"the twin does not understand this request"})", "application/json", {}});
    }

    /// Handles the first request of the buffer if it is complete.
    bool take_one() {
        const auto head_end = in_.find("\r\n\r\n");
        if (head_end == std::string::npos) {
            if (in_.size() > kMaxHead) refuse(413);
            return false;
        }
        HttpRequest request;
        const std::string_view head(in_.data(), head_end);
        const auto line_end = std::min(head.find("\r\n"), head.size());
        const auto line = head.substr(0, line_end);
        const auto first = line.find(' '), last = line.rfind(' ');
        if (first == std::string_view::npos || first == last) return refuse(400), false;
        request.method = line.substr(0, first);
        request.target = line.substr(first + 1, last - first - 1);
        std::size_t at = line_end;
        while (at < head.size()) {
            at += 2;
            const auto end = std::min(head.find("\r\n", at), head.size());
            const auto field = head.substr(at, end - at);
            const auto colon = field.find(':');
            if (colon == std::string_view::npos) return refuse(400), false;
            request.headers.emplace_back(field.substr(0, colon), trim(field.substr(colon + 1)));
            at = end;
        }
        std::size_t length = 0;
        if (const auto text = request.header("content-length"); !text.empty()) {
            const auto parsed = std::from_chars(text.data(), text.data() + text.size(), length);
            if (parsed.ec != std::errc() || length > kMaxBody) return refuse(413), false;
        }
        if (!request.header("transfer-encoding").empty()) return refuse(411), false;
        const std::size_t total = head_end + 4 + length;
        if (in_.size() < total) return false;
        request.body = std::string_view(in_).substr(head_end + 4, length);
        close_after_ = same_letters(request.header("connection"), "close") || line.substr(last + 1) == "HTTP/1.0";
        waiting_ = true;
        server_.handler_(id_, request);
        in_.erase(0, total);
        return true;
    }

    bool flush() {
        while (!out_.empty()) {
            const ssize_t sent = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
            if (sent < 0) {
                if (errno == EINTR) continue;
                if (errno != EAGAIN) return false;
                if (!writing_) server_.loop_.change(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, this);
                writing_ = true;
                return true;
            }
            out_.erase(0, static_cast<std::size_t>(sent));
        }
        if (writing_) server_.loop_.change(fd_.get(), EPOLLIN | EPOLLRDHUP, this);
        writing_ = false;
        return !(close_after_ && !waiting_);
    }

    HttpServer& server_;
    Fd fd_;
    Ticket id_;
    std::string in_, out_;
    bool waiting_ = false, writing_ = false, serving_ = false, close_after_ = false, gone_ = false;
};

HttpServer::HttpServer(Loop& loop, std::uint16_t port, Handler handler)
    : loop_(loop),
      handler_(std::move(handler)),
      listening_(listen_on_loopback(port)),
      listener_(std::make_unique<Listener>(*this)) {
    loop_.watch(listening_.get(), EPOLLIN, listener_.get());
}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
    return port_of(listening_.get());
}

void HttpServer::accept_all() {
    for (;;) {
        Fd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) return;
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const Ticket id = ++last_;
        auto connection = std::make_unique<Connection>(*this, std::move(fd), id);
        loop_.watch(connection->fd(), EPOLLIN | EPOLLRDHUP, connection.get());
        connections_.emplace(id, std::move(connection));
    }
}

void HttpServer::drop(Connection& connection) {
    loop_.forget(connection.fd());
    const auto found = connections_.find(connection.id());
    auto owned = std::move(found->second);
    connections_.erase(found);
    loop_.retire(std::move(owned));
}

bool HttpServer::answer(Ticket ticket, const HttpReply& reply) {
    const auto found = connections_.find(ticket);
    if (found == connections_.end()) return false;
    found->second->answer(reply);
    return true;
}

void HttpServer::hang_up(Ticket ticket) {
    if (const auto found = connections_.find(ticket); found != connections_.end()) found->second->close();
}

}  // namespace twin
