#include "net/transfer.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace tidegate::net {
namespace {

constexpr std::size_t most_header_bytes = 64 * 1024;

/// From this version on, "prior knowledge" over TLS means: offer h2 alone (curl's change log, 8.10.0).
constexpr unsigned h2_only_offer = 0x080a00;
constexpr unsigned clear_reuse_fixed = 0x080000;

bool breaks_line(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    return out;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    while (!text.empty() && blank.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    while (!text.empty() && blank.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
    return text;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
    Transfer& transfer = *static_cast<Transfer*>(user);
    std::string& body = transfer.result.response.body;
    const std::size_t room = transfer.request.max_response - std::min(body.size(), transfer.request.max_response);
    body.append(data, std::min(size, room));
    if (size <= room) return size;
    transfer.cut = true;
    return 0;  // ends the transfer
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
    Transfer& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(data, size);
    auto& headers = transfer.result.response.headers;
    if (line.starts_with("HTTP/")) {
        headers.clear();  // what came before belonged to an interim answer (1xx)
        transfer.headers_whole = false;
        return size;
    }
    if (trimmed(line).empty()) transfer.headers_whole = true;
    const auto colon = line.find(':');
    transfer.header_bytes += size;
    if (colon == 0 || colon == std::string_view::npos || transfer.header_bytes > most_header_bytes) return size;
    headers.emplace_back(lower(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
    return size;
}

int on_ready(void* user, char*, char*, int, int local_port) {
    return static_cast<Transfer*>(user)->about_to_leave(local_port) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/// Whether the connection under this handle agreed on HTTP/2. None when libcurl cannot tell.
std::optional<bool> agreed_on_http2(CURL* easy) {
    curl_tlssessioninfo* session = nullptr;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == nullptr ||
        session->backend != CURLSSLBACKEND_OPENSSL || session->internals == nullptr) {
        return std::nullopt;
    }
    const unsigned char* protocol = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(static_cast<const SSL*>(session->internals), &protocol, &length);
    return length == 2 && std::equal(protocol, protocol + 2, "h2");
}

/// libcurl's own words, except where they would quote the URL or say less than OpenSSL knows.
std::string words_for(CURL* easy, CURLcode code, const char* detail) {
    long verdict = X509_V_OK;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR) {
        curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
    }
    if (verdict != X509_V_OK) {
        return std::string("the server's certificate is not accepted: ") + X509_verify_cert_error_string(verdict);
    }
    std::string text = *detail == '\0' || code == CURLE_URL_MALFORMAT ? curl_easy_strerror(code) : detail;
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return text;
}

}  // namespace

bool Transfer::prepare(CURL* handle, PoolSetup& pool, TimePoint now) {
    easy = handle;
    setup = &pool;
    const auto left_over = std::chrono::ceil<std::chrono::milliseconds>(request.timeout - (now - handed_over));
    if (left_over <= std::chrono::milliseconds::zero()) {
        abandon("timed out before it could be sent");
        return false;
    }
    secure = lower(request.url.substr(0, 8)) == "https://";
    http2_only = pool.options().http2_only;
    if (breaks_line(request.url) || !is_token(request.method)) {
        abandon("the method or the URL has a character that does not belong there");
        return false;
    }
    long version = secure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    const bool can_offer_h2_alone = curl_version_info(CURLVERSION_NOW)->version_num >= h2_only_offer;
    if (http2_only && (!secure || can_offer_h2_alone)) version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;

    // libcurl 7.88 cannot use a clear-text connection a second time with prior knowledge (fixed in 8.0.0).
    const bool once_only = http2_only && !secure && curl_version_info(CURLVERSION_NOW)->version_num < clear_reuse_fixed;

    // A timeout of nought would mean none at all; more than a day is more than anybody waits.
    const long limit = static_cast<long>(std::min<std::int64_t>(left_over.count(), 24 * 3600 * 1000));
    const bool taken = curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str()) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, limit) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, limit) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, once_only ? 1L : 0L) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, once_only ? 1L : 0L) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_PRIVATE, this) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error.data()) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_WRITEDATA, this) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_HEADERDATA, this) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready) == CURLE_OK &&
                       curl_easy_setopt(easy, CURLOPT_PREREQDATA, this) == CURLE_OK && set_method();
    if (!taken) {
        abandon("libcurl refused an option; it must be 7.80 or later with HTTP/2 and OpenSSL");
        return false;
    }
    return set_headers();
}

bool Transfer::set_method() {
    const std::string& method = request.method;
    const bool has_body = !request.body.empty() || method == "POST";
    if (has_body) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 0L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str()) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size())) ==
                   CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method == "POST" ? nullptr : method.c_str()) == CURLE_OK;
    }
    return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOBODY, method == "HEAD" ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                            method == "GET" || method == "HEAD" ? nullptr : method.c_str()) == CURLE_OK;
}

bool Transfer::set_headers() {
    bool has_type = false;
    const auto append = [this](const std::string& line) {
        curl_slist* const longer = curl_slist_append(headers, line.c_str());
        if (longer != nullptr) headers = longer;
        return longer != nullptr;
    };
    for (const auto& [name, value] : request.headers) {
        if (!is_token(name) || breaks_line(value)) {
            abandon("a header has a character that does not belong there");
            return false;
        }
        has_type = has_type || lower(name) == "content-type";
        // libcurl takes "Name:" for a wish to leave the header out.
        if (!append(value.empty() ? name + ";" : name + ": " + value)) {
            abandon("out of memory");
            return false;
        }
    }
    // "Expect: 100-continue" would cost a round trip; the type of a form would be a lie.
    const bool taken = append("Expect:") && (has_type || append("Content-Type:")) &&
                       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
    if (!taken) abandon("out of memory");
    return taken;
}

bool Transfer::about_to_leave(long port) {
    if (left) {
        // libcurl is about to send it again on its own account. Either the connection broke, and the server may have
        // acted on it; or the server refused the stream, which is a promise that it did not (RFC 9113 section 8.7).
        // The second leaves no trace of an error; nor does the first on a connection of many streams, where libcurl
        // tells one of them only. But then the server has ended the connection.
        long system_error = 0;
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &system_error);
        refused =
            over_http2 && error.front() == '\0' && system_error == 0 && !setup->ended_by_server(local_port, socket);
        left = !refused;
        held_back = true;
        return false;
    }
    if (secure) {
        const std::optional<bool> agreed = agreed_on_http2(easy);
        downgraded = http2_only && !agreed.value_or(true);
        if (downgraded) return false;
        over_http2 = agreed.value_or(false);
    } else {
        over_http2 = http2_only;
    }
    if (multiplexes != nullptr) *multiplexes = over_http2;
    left = true;
    local_port = port;
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket);
    setup->used(port);
    return true;
}

void Transfer::conclude(CURLcode code) {
    HttpResponse& response = result.response;
    long status = 0, version = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    response.status = static_cast<int>(status);
    response.http2 = version >= CURL_HTTP_VERSION_2_0;
    // libcurl is content with a connection that ends in the middle of the headers.
    const bool answered = headers_whole && (code == CURLE_OK || (cut && status >= 200));
    if (answered && (response.http2 || !http2_only)) {
        result.transport = Transport::ok;
    } else if (answered) {
        result.transport = Transport::ambiguous;
        result.error = "the answer came over something else than HTTP/2";
    } else if (downgraded) {
        abandon("the server does not speak HTTP/2");
    } else if (refused) {
        abandon("the server refused the stream");
    } else {
        abandon(held_back || code == CURLE_OK ? "the connection ended without a whole answer"
                                              : words_for(easy, code, error.data()));
    }
}

void Transfer::abandon(std::string why) {
    result.transport = left ? Transport::ambiguous : Transport::not_sent;
    result.error = std::move(why);
}

}  // namespace tidegate::net
