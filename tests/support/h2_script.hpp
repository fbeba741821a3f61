#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/certificate.hpp"
#include "support/raw_server.hpp"

namespace tidegate::test {

/// What a TLS server that speaks HTTP/2 needs to know; shared by its connections.
class H2Identity {
  public:
    explicit H2Identity(const TestCertificates& certificates)
        : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
        SSL_CTX_set_alpn_select_cb(context_.get(), &select_h2, nullptr);
        if (SSL_CTX_use_certificate_chain_file(context_.get(), certificates.certificate_file.c_str()) != 1 ||
            SSL_CTX_use_PrivateKey_file(context_.get(), certificates.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
            throw std::runtime_error("cannot use the test certificate");
        }
    }
    SSL_CTX* context() const { return context_.get(); }

  private:
    static int select_h2(SSL*, const unsigned char** out, unsigned char* length, const unsigned char*, unsigned,
                         void*) {
        static constexpr unsigned char h2[] = {'h', '2'};
        *out = h2;
        *length = 2;
        return SSL_TLSEXT_ERR_OK;
    }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

/// The server's side of one HTTP/2 connection without TLS, frame by frame, for answers that no well-behaved server
/// gives. It decodes no header compression; a request is known by its stream number. Source: RFC 9113 sections 4 and 6.
class H2Script {
  public:
    struct Frame {
        std::uint8_t type = 0, flags = 0;
        std::uint32_t stream = 0;
        std::string payload;
    };
    enum Type : std::uint8_t { data = 0, headers = 1, rst_stream = 3, settings = 4, ping = 6, goaway = 7 };
    static constexpr std::uint32_t refused_stream = 7, internal_error = 2;

    /// Shakes hands, reads the client's preface and sends our settings.
    H2Script(int socket, const H2Identity& identity, std::optional<std::uint32_t> max_streams = std::nullopt)
        : socket_(socket), tls_(SSL_new(identity.context()), &SSL_free) {
        SSL_set_fd(tls_.get(), socket);
        if (SSL_accept(tls_.get()) != 1 || !take(24)) return;
        send(settings, 0, 0, max_streams ? std::string("\0\x03", 2) + number(*max_streams) : "");
    }

    /// The next frame; answers SETTINGS and PING by itself. None when the connection ended.
    std::optional<Frame> next() {
        for (;;) {
            const auto head = take(9);
            if (!head) return std::nullopt;
            const auto byte = [&](std::size_t i) {
                return static_cast<std::uint32_t>(static_cast<unsigned char>((*head)[i]));
            };
            Frame frame;
            frame.type = static_cast<std::uint8_t>(byte(3));
            frame.flags = static_cast<std::uint8_t>(byte(4));
            frame.stream = (byte(5) & 0x7f) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
            const auto payload = take(byte(0) << 16 | byte(1) << 8 | byte(2));
            if (!payload) return std::nullopt;
            frame.payload = *payload;
            if (frame.type == settings && (frame.flags & 1) == 0) send(settings, 1, 0, "");
            if (frame.type == ping && (frame.flags & 1) == 0) send(ping, 1, 0, frame.payload);
            if (frame.type != settings && frame.type != ping) return frame;
        }
    }

    /// The stream of the next request that has come whole (END_STREAM); 0 when the connection ended.
    std::uint32_t next_request() {
        while (const auto frame = next()) {
            if ((frame->type == headers || frame->type == data) && (frame->flags & 1) != 0) return frame->stream;
        }
        return 0;
    }

    bool send(Type type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
        const auto size = static_cast<std::uint32_t>(payload.size());
        std::string frame = number(size).substr(1);
        frame += static_cast<char>(type);
        frame += static_cast<char>(flags);
        frame += number(stream);
        frame += payload;
        return SSL_write(tls_.get(), frame.data(), static_cast<int>(frame.size())) > 0;
    }

    /// ":status: 200", no body: index 8 of the static table (RFC 7541 appendix A).
    bool answer(std::uint32_t stream) { return send(headers, 0x5, stream, "\x88"); }
    bool reset(std::uint32_t stream, std::uint32_t code) { return send(rst_stream, 0, stream, number(code)); }
    bool go_away(std::uint32_t last_stream) { return send(goaway, 0, 0, number(last_stream) + number(0)); }

    /// Ends the connection in good order (FIN).
    void hang_up() { ::shutdown(socket_, SHUT_RDWR); }
    /// Ends the connection with a TCP reset.
    void slam() {
        const linger now = {1, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        const sockaddr unspecified = {AF_UNSPEC, {}};
        (void)::connect(socket_, &unspecified, sizeof unspecified);  // dissolves the association: the kernel sends RST
    }

  private:
    static std::string number(std::uint32_t value) {
        std::string out;
        for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
        return out;
    }

    std::optional<std::string> take(std::size_t size) {
        while (pending_.size() < size) {
            char buffer[4096];
            const int got = SSL_read(tls_.get(), buffer, sizeof buffer);
            if (got <= 0) return std::nullopt;
            pending_.append(buffer, static_cast<std::size_t>(got));
        }
        std::string out = pending_.substr(0, size);
        pending_.erase(0, size);
        return out;
    }

    int socket_;
    std::unique_ptr<SSL, decltype(&SSL_free)> tls_;
    std::string pending_;
};

}  // namespace tidegate::test
