#include <doctest/doctest.h>
#include <signal.h>

#include <functional>
#include <map>
#include <set>

#include "support/h2_script.hpp"
#include "support/http_client.hpp"

using namespace tidegate;
using namespace tidegate::net;
using namespace tidegate::test;

TEST_CASE("2000 requests share one HTTP/2 connection") {
    const SecureServer server({"-v", "-m", "100"});
    HttpLoop loop;
    PoolOptions options = trusting(server);
    options.max_connections = 1;
    const auto pool = loop.pool(options);
    std::atomic<int> results = 0, good = 0;
    for (int i = 0; i < 2000; ++i) {
        pool->send(get(server.url(), 25s), [&](HttpResult r) {
            ++results;
            if (r.transport == Transport::ok && r.response.http2 && r.response.status == 200 &&
                r.response.body == "hello")
                ++good;
        });
    }
    CHECK(pool->active() == 2000);
    run_until(loop, results, 2000);
    CHECK(good == 2000);
    CHECK(pool->active() == 0);
    const std::string log = server.log();
    std::set<std::string> connections;  // every line of nghttpd's log starts with "[id=N]"
    for (auto at = log.find("[id="); at != std::string::npos; at = log.find("[id=", at + 1)) {
        if (log.compare(log.find(']', at), 8, "] [") != 0) connections.insert(log.substr(at, log.find(']', at) - at));
    }
    CHECK(log.find(":path: /index.html") != std::string::npos);
    CHECK(connections.size() <= 2);  // the other one is the knock of wait_for_port
}

TEST_CASE("a server that cannot prove who it is gets nothing") {
    const SecureServer server;
    const SecureServer stranger;
    PoolOptions options = trusting(server);
    CHECK(fetch(get(server.url()), options).transport == Transport::ok);
    options.ca = stranger.certificates.ca_file;
    const HttpResult wrong = fetch(get(server.url()), options);
    CHECK(wrong.transport == Transport::not_sent);
    CHECK_MESSAGE(wrong.error.find("certificate") != std::string::npos, wrong.error);
    CHECK(fetch(get(server.url())).transport == Transport::not_sent);  // the system knows no such authority
    options.ca = "/nonexistent/ca.pem";
    CHECK(fetch(get(server.url()), options).error.find("/nonexistent/ca.pem") != std::string::npos);
    options = trusting(server);
    std::string by_address = server.url();
    by_address.replace(by_address.find("localhost"), 9, "127.0.0.2");
    CHECK(fetch(get(by_address), options).transport == Transport::not_sent);
}

TEST_CASE("where only HTTP/2 will do, a server that has only HTTP/1.1 gets no request") {
    const TempDir dir;
    const TestCertificates certificates(dir);
    const auto [server, port] = spawn_server([&](std::uint16_t candidate) {
        return std::vector<std::string>{"openssl", "s_server",
                                        "-accept", "127.0.0.1:" + std::to_string(candidate),
                                        "-cert",   certificates.certificate_file,
                                        "-key",    certificates.key_file,
                                        "-alpn",   "http/1.1",
                                        "-www"};
    });
    PoolOptions options;
    options.ca = certificates.ca_file;
    const HttpRequest request = get("https://localhost:" + std::to_string(port) + "/");
    const HttpResult allowed = fetch(request, options);
    CHECK(allowed.transport == Transport::ok);
    CHECK_FALSE(allowed.response.http2);
    options.http2_only = true;
    const HttpResult refused = fetch(request, options);
    CHECK(refused.transport == Transport::not_sent);
    CHECK(refused.error == "the server does not speak HTTP/2");
}

TEST_CASE("a client certificate is shown to a server that asks for one") {
    const SecureServer server({"-v", "--verify-client"});
    PoolOptions options = trusting(server);
    options.client_certificate = Secret(server.certificates.certificate_pem);
    options.client_key = Secret(server.certificates.key_pem);
    CHECK(fetch(get(server.url()), options).transport == Transport::ok);
    options.client_key = Secret(ec_key_pem());  // does not belong to the certificate
    const HttpResult mismatched = fetch(get(server.url()), options);
    CHECK(mismatched.transport == Transport::not_sent);
    CHECK(mismatched.error.find("BEGIN") == std::string::npos);
}

namespace {

/// What became of `count` requests to a scripted HTTP/2 server. `act` gets each request that arrives, counted from one.
struct Played {
    std::vector<HttpResult> results;
    int arrived = 0;
};

Played play(int count, bool one_by_one, const std::function<void(H2Script&, std::uint32_t stream, int arrival)>& act) {
    const TempDir dir;
    const TestCertificates certificates(dir);
    const H2Identity identity(certificates);
    Played played;
    std::atomic<int> arrived = 0, results = 0;
    const auto before = ::signal(SIGPIPE, SIG_IGN);  // for the scripted server's sake, not the client's
    {
        RawServer server([&](int socket) {
            H2Script connection(socket, identity);
            while (const std::uint32_t stream = connection.next_request()) act(connection, stream, ++arrived);
        });
        HttpLoop loop;
        PoolOptions options;
        options.ca = certificates.ca_file;
        options.http2_only = true;
        options.max_connections = 1;
        const auto pool = loop.pool(options);
        played.results.resize(static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i) {
            pool->send(post("https://localhost:" + std::to_string(server.port()) + "/", "x"), [&, i](HttpResult r) {
                played.results[static_cast<std::size_t>(i)] = std::move(r);
                ++results;
            });
            if (one_by_one) run_until(loop, results, i + 1);
        }
        run_until(loop, results, count);
    }
    ::signal(SIGPIPE, before);
    played.arrived = arrived;
    return played;
}

}  // namespace

TEST_CASE("a stream that the server refuses was not sent, and libcurl does not send it again") {
    SUBCASE("on a new connection") {
        const Played played =
            play(1, true, [](H2Script& c, std::uint32_t stream, int) { c.reset(stream, H2Script::refused_stream); });
        CHECK(played.results[0].transport == Transport::not_sent);
        CHECK(played.results[0].error == "the server refused the stream");
        CHECK(played.arrived == 1);
    }
    SUBCASE("on a used connection") {
        const Played played = play(2, true, [](H2Script& c, std::uint32_t stream, int arrival) {
            arrival == 2 ? c.reset(stream, H2Script::refused_stream) : c.answer(stream);
        });
        CHECK(played.results[0].transport == Transport::ok);
        CHECK(played.results[1].transport == Transport::not_sent);
        CHECK(played.arrived == 2);
    }
    SUBCASE("among others, which are not harmed") {
        const Played played = play(5, false, [](H2Script& c, std::uint32_t stream, int arrival) {
            arrival == 3 ? c.reset(stream, H2Script::refused_stream) : c.answer(stream);
        });
        int ok = 0, not_sent = 0;
        for (const auto& result : played.results) {
            ok += result.transport == Transport::ok ? 1 : 0;
            not_sent += result.transport == Transport::not_sent ? 1 : 0;
        }
        CHECK(ok == 4);
        CHECK(not_sent == 1);
        CHECK(played.arrived == 5);
    }
}

TEST_CASE("an HTTP/2 connection that dies under a request leaves it ambiguous and the server sees it once") {
    using Act = void (*)(H2Script&, std::uint32_t);
    const std::map<std::string, Act> deaths = {
        {"end of stream", [](H2Script& c, std::uint32_t) { c.hang_up(); }},
        {"TCP reset", [](H2Script& c, std::uint32_t) { c.slam(); }},
        {"GOAWAY below us",
         [](H2Script& c, std::uint32_t) {
             c.go_away(1);
             c.hang_up();
         }},
        {"GOAWAY with us",
         [](H2Script& c, std::uint32_t stream) {
             c.go_away(stream);
             c.hang_up();
         }},
        {"INTERNAL_ERROR", [](H2Script& c, std::uint32_t stream) { c.reset(stream, H2Script::internal_error); }},
        {"NO_ERROR without an answer", [](H2Script& c, std::uint32_t stream) { c.reset(stream, 0); }}};
    for (const auto& [name, death] : deaths) {
        CAPTURE(name);
        const Played used = play(2, true, [&](H2Script& c, std::uint32_t stream, int arrival) {
            arrival == 2 ? death(c, stream) : static_cast<void>(c.answer(stream));
        });
        CHECK(used.results[0].transport == Transport::ok);
        CHECK(used.results[1].transport == Transport::ambiguous);
        CHECK(used.arrived == 2);
    }
}

TEST_CASE("HTTP/2 in clear text works for one request after another and for many") {
    const TempDir dir;
    dir.write("index.html", "hello");
    const auto [server, port] = spawn_server([&](std::uint16_t candidate) {
        return std::vector<std::string>{
            "nghttpd", "-a", "127.0.0.1", "-d", dir.path(), "--no-tls", std::to_string(candidate)};
    });
    HttpLoop loop;
    PoolOptions options;
    options.http2_only = true;
    const auto pool = loop.pool(options);
    std::atomic<int> results = 0;
    for (int i = 0; i < 52; ++i) {
        pool->send(get("http://127.0.0.1:" + std::to_string(port) + "/index.html"), [&](HttpResult r) {
            CHECK_MESSAGE(r.transport == Transport::ok, r.error);
            CHECK(r.response.http2);
            ++results;
        });
        if (i < 2) run_until(loop, results, i + 1);
    }
    run_until(loop, results, 52);
}
