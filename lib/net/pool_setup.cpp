#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
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

curl_blob blob_of(const Secret& secret) {
    // libcurl reads it only; the pool's options outlive its handles.
    return {const_cast<char*>(secret.reveal().data()), secret.reveal().size(), CURL_BLOB_NOCOPY};
}

bool readable(const char* path) {
    return path != nullptr && ::access(path, R_OK) == 0;
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

CURLcode PoolSetup::add_trust(CURL*, void* ssl_context, void* self) {
    X509_STORE* const store = SSL_CTX_get_cert_store(static_cast<SSL_CTX*>(ssl_context));
    for (const auto& anchor : static_cast<const PoolSetup*>(self)->anchors_) {
        if (store == nullptr || X509_STORE_add_cert(store, anchor.get()) != 1) {
            forget_openssl_errors();
            return CURLE_SSL_CACERT_BADFILE;
        }
    }
    return CURLE_OK;
}

bool PoolSetup::configure(CURL* easy) const {
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
    set(CURLOPT_BUFFERSIZE, 4096L);  // answers are short and there may be thousands of handles
    set(CURLOPT_PIPEWAIT, 1L);
    set(CURLOPT_MAXAGE_CONN, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(options_.max_idle).count()));
    if (options_.fresh_dns) set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);

    if (!anchors_.empty()) {
        set(CURLOPT_SSL_CTX_FUNCTION, &PoolSetup::add_trust);
        set(CURLOPT_SSL_CTX_DATA, const_cast<void*>(static_cast<const void*>(this)));
        const curl_version_info_data* const built = curl_version_info(CURLVERSION_NOW);
        // Without a system bundle libcurl would refuse to start TLS at all; our own anchor is enough then.
        if (built->age >= CURLVERSION_SEVENTH && !readable(built->cainfo) && !readable(built->capath)) {
            set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
            set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
        }
    }
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
