#include "net/redis_tls.hpp"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <climits>

#include "net/openssl.hpp"

namespace tidegate::net {
namespace {

bool is_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> ignored = {};
    return ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

}  // namespace

struct RedisTrust::Impl {
    Owned<SSL_CTX, SSL_CTX_free> context;
};

Result<RedisTrust> RedisTrust::load(const std::string& ca) {
    RedisTrust made;
    made.impl_ = std::make_shared<Impl>();
    made.impl_->context.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* const context = made.impl_->context.get();
    must(context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_verify_paths(context);
    const bool trusted = ca.empty() || SSL_CTX_load_verify_file(context, ca.c_str()) == 1;
    forget_openssl_errors();
    if (!trusted)
        return Error{Errc::not_found, "holds no readable certificate in PEM form", ca, "name the authority's file"};
    return made;
}

struct RedisTls::Impl {
    std::shared_ptr<RedisTrust::Impl> trust;  // outlives the session
    Owned<SSL, SSL_free> session;
    BIO* from_wire = nullptr;  // both owned by the session
    BIO* to_wire = nullptr;
    bool finished = false;
};

RedisTls::RedisTls(const RedisTrust& trust, const std::string& host) : impl_(std::make_unique<Impl>()) {
    impl_->trust = trust.impl_;
    impl_->session.reset(SSL_new(trust.impl_->context.get()));
    SSL* const session = impl_->session.get();
    must(session != nullptr);
    impl_->from_wire = BIO_new(BIO_s_mem());
    impl_->to_wire = BIO_new(BIO_s_mem());
    must(impl_->from_wire != nullptr && impl_->to_wire != nullptr);
    SSL_set_bio(session, impl_->from_wire, impl_->to_wire);
    SSL_set_connect_state(session);
    if (is_address(host)) {
        must(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str()) == 1);
    } else {
        SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        must(SSL_set1_host(session, host.c_str()) == 1 && SSL_set_tlsext_host_name(session, host.c_str()) == 1);
    }
}

RedisTls::~RedisTls() = default;

void RedisTls::take(std::string_view wire_bytes) {
    if (wire_bytes.empty()) return;
    must(wire_bytes.size() <= INT_MAX &&
         BIO_write(impl_->from_wire, wire_bytes.data(), static_cast<int>(wire_bytes.size())) ==
             static_cast<int>(wire_bytes.size()));
}

Result<void> RedisTls::advance(std::string& plain, std::string& to_wire, std::string& received) {
    SSL* const session = impl_->session.get();
    forget_openssl_errors();
    int worked = SSL_do_handshake(session);
    if (worked == 1 && !plain.empty()) {
        std::size_t taken = 0;
        worked = SSL_write_ex(session, plain.data(), plain.size(), &taken);
        plain.erase(0, taken);
    }
    std::array<char, 16 * 1024> buffer;
    while (worked == 1) {
        std::size_t got = 0;
        worked = SSL_read_ex(session, buffer.data(), buffer.size(), &got);
        if (worked == 1) received.append(buffer.data(), got);
    }
    const int reason = SSL_get_error(session, worked);
    // Also after a failure: the alert tells the peer's administrator what was wrong.
    while (BIO_ctrl_pending(impl_->to_wire) > 0) {
        const int count = BIO_read(impl_->to_wire, buffer.data(), static_cast<int>(buffer.size()));
        if (count <= 0) break;
        to_wire.append(buffer.data(), static_cast<std::size_t>(count));
    }
    forget_openssl_errors();
    if (reason == SSL_ERROR_ZERO_RETURN) impl_->finished = true;
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_ZERO_RETURN) return {};
    if (const long verdict = SSL_get_verify_result(session); verdict != X509_V_OK)
        return Error{Errc::refused, std::string("certificate: ") + X509_verify_cert_error_string(verdict), "TLS",
                     "name the authority that signed it, and the host as the certificate names it"};
    return Error{Errc::unavailable, "the TLS session broke", "TLS", "is it a TLS port?"};
}

bool RedisTls::established() const {
    return SSL_is_init_finished(impl_->session.get()) == 1;
}

bool RedisTls::finished() const {
    return impl_->finished;
}

}  // namespace tidegate::net
