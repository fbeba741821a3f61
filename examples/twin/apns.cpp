#include "apns.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "measures.hpp"

namespace twin {

namespace {

constexpr std::uint32_t kMaxStreams = 1000;
constexpr std::size_t kMaxBody = 64 * 1024;

int choose_h2(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned int length,
              void*) {
    static constexpr unsigned char kH2[] = {2, 'h', '2'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, size, kH2, sizeof kH2, offered, length) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

nghttp2_nv header(std::string_view name, std::string_view value) {
    nghttp2_nv nv{};
    nv.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    nv.namelen = name.size();
    nv.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    nv.valuelen = value.size();
    return nv;
}

}  // namespace

struct ApnsEndpoint::Impl final : Pollable {
    class Connection;

    Impl(Loop& on, Mailbox& box) : loop(on), mailbox(box), tls(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
        nghttp2_option_new(&session_options);
#if TWIN_NGHTTP2_LIMITS_RESETS
        // libcurl 7.88 sends RST_STREAM for every stream, ended ones too; past 1000 of them nghttp2's guard against
        // rapid resets would say GOAWAY to a sender who did nothing wrong.
        nghttp2_option_set_stream_reset_rate_limit(session_options, 1'000'000'000, 1'000'000'000);
#endif
    }

    void ready(std::uint32_t) override;

    Loop& loop;
    Mailbox& mailbox;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls;
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* session_options = nullptr;
    Fd listening;
    std::unordered_map<Connection*, std::unique_ptr<Connection>> connections;
    std::uint64_t count = 0;

    ~Impl() override;
};

class ApnsEndpoint::Impl::Connection final : public Pollable {
  public:
    Connection(Impl& owner, Fd fd) : owner_(owner), fd_(std::move(fd)), ssl_(SSL_new(owner.tls.get()), SSL_free) {
        SSL_set_fd(ssl_.get(), fd_.get());
        SSL_set_accept_state(ssl_.get());
    }
    ~Connection() override { nghttp2_session_del(session_); }

    int fd() const { return fd_.get(); }

    void ready(std::uint32_t) override {
        if (gone_) return;
        ERR_clear_error();
        if (!greeted_ && !greet()) return;
        if (!receive() || !transmit()) close();
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                         const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
        auto& stream = static_cast<Connection*>(self)->streams_[frame->hd.stream_id];
        stream.headers.emplace(std::string(reinterpret_cast<const char*>(name), name_size),
                               std::string(reinterpret_cast<const char*>(value), value_size));
        return 0;
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                       void* self) {
        auto& stream = static_cast<Connection*>(self)->streams_[id];
        if (stream.body.size() < kMaxBody) stream.body.append(reinterpret_cast<const char*>(data), size);
        return 0;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
        if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            static_cast<Connection*>(self)->judge(frame->hd.stream_id);
        }
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
        static_cast<Connection*>(self)->streams_.erase(id);
        return 0;
    }

  private:
    struct Stream {
        ApnsHeaders headers;
        std::string body, answer;
        std::size_t sent = 0;
    };

    bool greet() {
        const int result = SSL_do_handshake(ssl_.get());
        if (result != 1) {
            const int error = SSL_get_error(ssl_.get(), result);
            if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
                want(error == SSL_ERROR_WANT_WRITE);
            } else {
                close();
            }
            return false;
        }
        const unsigned char* protocol = nullptr;
        unsigned int size = 0;
        SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
        if (size != 2 || std::memcmp(protocol, "h2", 2) != 0) return close(), false;
        greeted_ = true;
        nghttp2_session_server_new2(&session_, owner_.callbacks, this, owner_.session_options);
        const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams}};
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
        // Small bodies by the thousand: the default window of a connection would hold them up.
        nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 4 << 20);
        return true;
    }

    bool receive() {
        std::array<std::uint8_t, 16 * 1024> buffer;
        for (;;) {
            const int got = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
            if (got <= 0) {
                const int error = SSL_get_error(ssl_.get(), got);
                return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
            }
            if (nghttp2_session_mem_recv(session_, buffer.data(), static_cast<std::size_t>(got)) < 0) return false;
        }
    }

    bool transmit() {
        for (;;) {
            if (out_.size() < 64 * 1024) {
                const std::uint8_t* data = nullptr;
                const ssize_t size = nghttp2_session_mem_send(session_, &data);
                if (size < 0) return false;
                out_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
                if (size > 0) continue;
            }
            if (out_.empty()) break;
            const int sent = SSL_write(ssl_.get(), out_.data(), static_cast<int>(out_.size()));
            if (sent <= 0) {
                const int error = SSL_get_error(ssl_.get(), sent);
                if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) return false;
                want(true);
                return true;
            }
            out_.erase(0, static_cast<std::size_t>(sent));
        }
        want(false);
        return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
    }

    void judge(std::int32_t id) {
        auto& stream = streams_[id];
        auto verdict = judge_apns(stream.headers, stream.body, epoch_seconds());
        if (verdict.id.empty()) {
            char text[40];
            std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012llx",
                          static_cast<unsigned long long>(++owner_.count));
            verdict.id = text;
        }
        const auto reply = settle(owner_.mailbox, "apns", verdict);
        if (!reply) return;
        stream.answer = reply->body;
        const std::string status = std::to_string(reply->status);
        const std::array headers{header(":status", status), header("apns-id", verdict.id)};
        nghttp2_data_provider provider{};
        provider.read_callback = &Connection::read_answer;
        nghttp2_submit_response(session_, id, headers.data(), headers.size(),
                                stream.answer.empty() ? nullptr : &provider);
    }

    static ssize_t read_answer(nghttp2_session*, std::int32_t id, std::uint8_t* buffer, std::size_t room,
                               std::uint32_t* flags, nghttp2_data_source*, void* self) {
        auto& stream = static_cast<Connection*>(self)->streams_[id];
        const std::size_t size = std::min(room, stream.answer.size() - stream.sent);
        std::copy_n(stream.answer.data() + stream.sent, size, buffer);
        stream.sent += size;
        if (stream.sent == stream.answer.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(size);
    }

    void want(bool to_write) {
        if (to_write == writing_) return;
        writing_ = to_write;
        owner_.loop.change(fd_.get(), to_write ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
    }

    void close() {
        if (gone_) return;
        gone_ = true;
        owner_.loop.forget(fd_.get());
        const auto found = owner_.connections.find(this);
        auto self = std::move(found->second);
        owner_.connections.erase(found);
        owner_.loop.retire(std::move(self));
    }

    Impl& owner_;
    Fd fd_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    nghttp2_session* session_ = nullptr;
    std::unordered_map<std::int32_t, Stream> streams_;
    std::string out_;
    bool greeted_ = false, writing_ = false, gone_ = false;
};

ApnsEndpoint::Impl::~Impl() {
    nghttp2_option_del(session_options);
    nghttp2_session_callbacks_del(callbacks);
}

void ApnsEndpoint::Impl::ready(std::uint32_t) {
    for (;;) {
        Fd fd(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) return;
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto connection = std::make_unique<Connection>(*this, std::move(fd));
        loop.watch(connection->fd(), EPOLLIN, connection.get());
        connections.emplace(connection.get(), std::move(connection));
    }
}

ApnsEndpoint::ApnsEndpoint(Loop& loop, std::uint16_t port, Mailbox& mailbox, const std::string& certificate,
                           const std::string& key)
    : impl_(std::make_unique<Impl>(loop, mailbox)) {
    SSL_CTX* tls = impl_->tls.get();
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(tls, choose_h2, nullptr);
    if (SSL_CTX_use_certificate_chain_file(tls, certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        throw std::runtime_error("cannot use the certificate " + certificate + " with the key " + key);
    }
    nghttp2_session_callbacks_new(&impl_->callbacks);
    nghttp2_session_callbacks_set_on_header_callback(impl_->callbacks, &Impl::Connection::on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(impl_->callbacks, &Impl::Connection::on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(impl_->callbacks, &Impl::Connection::on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(impl_->callbacks, &Impl::Connection::on_close);
    impl_->listening = listen_on_loopback(port);
    loop.watch(impl_->listening.get(), EPOLLIN, impl_.get());
}

ApnsEndpoint::~ApnsEndpoint() = default;

std::uint16_t ApnsEndpoint::port() const {
    return port_of(impl_->listening.get());
}

}  // namespace twin
