#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <utility>

#include "net/transfer.hpp"

namespace tidegate::net {
namespace {

/// Sets options and remembers whether libcurl took all of them.
class Setter {
  public:
    explicit Setter(CURL* easy) : easy_(easy) {}

    template <class Value>
    void operator()(CURLoption option, Value value) {
        good_ = good_ && curl_easy_setopt(easy_, option, value) == CURLE_OK;
    }
    bool good() const { return good_; }

  private:
    CURL* easy_;
    bool good_ = true;
};

constexpr auto trust_lasts = std::chrono::hours(24);

curl_blob blob_of(const Secret& secret) {
    // libcurl reads it only; the pool's options outlive its handles.
    return {const_cast<char*>(secret.reveal().data()), secret.reveal().size(), CURL_BLOB_NOCOPY};
}

bool readable(const char* path) {
    return path != nullptr && ::access(path, R_OK) == 0;
}

long local_port_of(curl_socket_t socket) {
    sockaddr_storage address = {};
    socklen_t size = sizeof address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    return 0;
}

/// Neither end has closed it.
bool established(curl_socket_t socket) {
    tcp_info info = {};
    socklen_t size = sizeof info;
    return ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_ESTABLISHED;
}

}  // namespace

void initialise_curl() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

PoolSetup::PoolSetup(PoolOptions options) : options_(std::move(options)) {
    if (options_.ca.empty()) return;
    const Owned<BIO, BIO_free> file(BIO_new_file(options_.ca.c_str(), "r"));
    while (file) {
        Owned<X509, X509_free> anchor(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
        if (!anchor) break;
        anchors_.push_back(std::move(anchor));
    }
    forget_openssl_errors();
    if (anchors_.empty()) {
        fault_ = "the trust anchor \"" + options_.ca + "\" " +
                 (file ? "holds no certificate in PEM form" : "cannot be read");
    }
}

int PoolSetup::close_socket(void* self, curl_socket_t socket) {
    if (const long port = local_port_of(socket); port != 0) {
        static_cast<PoolSetup*>(self)->ended_[port] = !established(socket);
    }
    return ::close(socket);
}

bool PoolSetup::ended_by_server(long local_port, curl_socket_t socket) const {
    const auto closed = ended_.find(local_port);
    if (closed != ended_.end()) return closed->second;
    return local_port_of(socket) != local_port || !established(socket);
}

CURLcode PoolSetup::give_trust(CURL*, void* ssl_context, void* self) {
    X509_STORE* const trust = static_cast<PoolSetup*>(self)->trust();
    if (trust == nullptr) return CURLE_SSL_CACERT_BADFILE;
    SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(ssl_context), trust);
    return CURLE_OK;
}

X509_STORE* PoolSetup::trust() {
    const TimePoint now = std::chrono::steady_clock::now();
    if (trust_ && now - trust_read_ < trust_lasts) return trust_.get();
    trust_.reset(X509_STORE_new());
    trust_read_ = now;
    if (!trust_) return nullptr;
    // As libcurl does it: an intermediate certificate in the bundle may end the chain.
    X509_STORE_set_flags(trust_.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    const curl_version_info_data* const built = curl_version_info(CURLVERSION_NOW);
    if (built->age >= CURLVERSION_SEVENTH) {
        if (readable(built->cainfo)) X509_STORE_load_file(trust_.get(), built->cainfo);
        if (readable(built->capath)) X509_STORE_load_path(trust_.get(), built->capath);
    }
    for (const auto& anchor : anchors_) {
        if (X509_STORE_add_cert(trust_.get(), anchor.get()) != 1) trust_.reset();
        if (!trust_) break;
    }
    forget_openssl_errors();
    return trust_.get();
}

bool PoolSetup::configure(CURL* easy) {
    Setter set(easy);
    set(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    set(CURLOPT_QUICK_EXIT, 1L);  // giving up a request must not wait for the resolver's thread
#endif
    // The environment decides nothing: no proxies from http_proxy, no .netrc.
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PATH_AS_IS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_CLOSESOCKETFUNCTION, &PoolSetup::close_socket);
    set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
    set(CURLOPT_BUFFERSIZE, 4096L);  // answers are short and there may be thousands of handles
    // Made and freed for each body over HTTP/2; the default of 64 KiB sends the allocator tidying up every time.
    set(CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    set(CURLOPT_PIPEWAIT, 1L);
    set(CURLOPT_MAXAGE_CONN, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(options_.max_idle).count()));
    if (options_.fresh_dns) set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);

    // What is trusted comes from us: libcurl would read the system's bundle anew for each connection.
    set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    set(CURLOPT_SSL_CTX_FUNCTION, &PoolSetup::give_trust);
    set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(this));
    if (!options_.client_certificate.empty()) {
        curl_blob certificate = blob_of(options_.client_certificate);
        curl_blob key = blob_of(options_.client_key.empty() ? options_.client_certificate : options_.client_key);
        set(CURLOPT_SSLCERTTYPE, "PEM");
        set(CURLOPT_SSLKEYTYPE, "PEM");
        set(CURLOPT_SSLCERT_BLOB, &certificate);
        set(CURLOPT_SSLKEY_BLOB, &key);
    }
    return set.good();
}

}  // namespace tidegate::net
