#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "net/http.hpp"
#include "support/certificate.hpp"
#include "support/free_port.hpp"
#include "support/h2_script.hpp"
#include "support/process.hpp"
#include "support/raw_server.hpp"
#include "support/temp_dir.hpp"

using namespace tidegate;
using namespace tidegate::net;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

HttpRequest get(const std::string& url, Duration timeout = 5s) {
    HttpRequest request;
    request.method = "GET";
    request.url = url;
    request.timeout = timeout;
    return request;
}

HttpRequest post(const std::string& url, std::string body, Duration timeout = 5s) {
    HttpRequest request;
    request.url = url;
    request.body = std::move(body);
    request.timeout = timeout;
    return request;
}

/// A server that answers every request with the same bytes.
RawServer::Handler answering(std::string answer) {
    return [answer](int socket) {
        std::string pending;
        while (!read_request(socket, pending).empty() && send_all(socket, answer)) {
        }
    };
}

const std::string small_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Runs the loop until `count` results have come.
void run_until(HttpLoop& loop, const std::atomic<int>& results, int count) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (results < count && std::chrono::steady_clock::now() < end) loop.run(100ms);
    REQUIRE(results == count);
}

/// nghttpd with TLS and a document root that holds one small page.
class SecureServer {
  public:
    explicit SecureServer(std::vector<std::string> options = {}) : certificates(dir_, "server") {
        dir_.write("index.html", "hello");
        auto [process, port] = spawn_server(
            [&](std::uint16_t candidate) {
                std::vector<std::string> command = {"nghttpd", "-a", "127.0.0.1", "-d", dir_.path()};
                command.insert(command.end(), options.begin(), options.end());
                for (const auto& last :
                     {std::to_string(candidate), certificates.key_file, certificates.certificate_file}) {
                    command.push_back(last);
                }
                return command;
            },
            dir_.file("log"));
        process_.emplace(std::move(process));
        port_ = port;
    }

    std::string url() const { return "https://localhost:" + std::to_string(port_) + "/index.html"; }
    std::string log() const { return read_file(dir_.file("log")); }
    void stop() { process_->terminate(); }

  private:
    TempDir dir_;

  public:
    const TestCertificates certificates;

  private:
    std::optional<Process> process_;
    std::uint16_t port_ = 0;
};

PoolOptions trusting(const SecureServer& server) {
    PoolOptions options;
    options.ca = server.certificates.ca_file;
    options.http2_only = true;
    return options;
}

}  // namespace

TEST_CASE("a request is written as given, without Expect and without a made-up type") {
    std::string seen;
    std::mutex mutex;
    RawServer server([&](int socket) {
        const std::string request = read_request(socket);
        const std::lock_guard lock(mutex);
        seen = request;
        send_all(
            socket,
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
            "HTTP/1.1 429 Slow Down\r\nRetry-After:  7 \r\nX-Twice: a\r\nx-twice: b\r\nContent-Length: 4\r\n\r\nwait");
    });
    HttpRequest request = post(server.url("/3/device/../abc?x=1"), std::string(2000, 'b'));
    request.headers = {{"authorization", "bearer t"}, {"X-Empty", ""}};
    const HttpResult result = fetch(request);
    CHECK(result.transport == Transport::ok);
    CHECK(result.response.status == 429);
    CHECK(result.response.body == "wait");
    CHECK_FALSE(result.response.http2);
    CHECK(result.response.header("x-twice") == "a");
    CHECK(result.response.header("link").empty());
    CHECK(result.response.retry_after(WallTime{}) == 7s);
    CHECK(result.elapsed > 0s);
    const std::lock_guard lock(mutex);
    CHECK(seen.starts_with("POST /3/device/../abc?x=1 HTTP/1.1\r\n"));
    CHECK(seen.find("authorization: bearer t\r\n") != std::string::npos);
    CHECK(seen.find("X-Empty:") != std::string::npos);
    CHECK(seen.find("Expect") == std::string::npos);
    CHECK(seen.find("Content-Type") == std::string::npos);
    CHECK(seen.ends_with("\r\n\r\n" + std::string(2000, 'b')));
}

TEST_CASE("methods follow each other on one handle without leaving traces") {
    std::vector<std::string> lines;
    std::mutex mutex;
    RawServer server([&](int socket) {
        std::string pending;
        for (std::string request; !(request = read_request(socket, pending)).empty();) {
            const std::lock_guard lock(mutex);
            lines.push_back(request.substr(0, request.find(' ')) + (request.ends_with("body") ? "+body" : ""));
            send_all(socket,
                     request.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" : small_answer);
        }
    });
    HttpLoop loop;
    const auto pool = loop.pool({});
    for (const auto* method :
         {"POST", "GET", "HEAD", "PUT", "DELETE", "POST", "GET", "PUT-EMPTY", "POST-EMPTY", "GET"}) {
        std::atomic<int> results = 0;
        std::string name = method;
        const bool empty = name.ends_with("-EMPTY");
        if (empty) name.resize(name.size() - 6);
        HttpRequest request = get(server.url());
        request.method = name;
        if (!empty && (name == "POST" || name == "PUT")) request.body = "body";
        pool->send(request, [&](HttpResult r) {
            CHECK(r.transport == Transport::ok);
            ++results;
        });
        run_until(loop, results, 1);
    }
    CHECK(server.accepted() == 1);
    CHECK(lines == std::vector<std::string>{"POST+body", "GET", "HEAD", "PUT+body", "DELETE", "POST+body", "GET", "PUT",
                                            "POST", "GET"});
}

TEST_CASE("what was never written is not_sent") {
    CHECK(fetch(get("http://127.0.0.1:" + std::to_string(free_port()) + "/")).transport == Transport::not_sent);
    CHECK(fetch(get("http://nobody.invalid/")).transport == Transport::not_sent);
    CHECK(fetch(get("ftp://127.0.0.1/x")).transport == Transport::not_sent);
    CHECK(fetch(get("")).transport == Transport::not_sent);
    CHECK(fetch(get("http://127.0.0.1:9/", 0s)).transport == Transport::not_sent);

    // A listener that accepts nobody and whose queue is full: connecting never ends.
    std::uint16_t port = 0;
    const int listener = listen_on_loopback(port, 0);
    std::vector<int> fillers;
    for (int i = 0; i < 3; ++i) {
        fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        const sockaddr_in address = loopback(port);
        (void)::connect(fillers.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    const HttpResult result = fetch(post("http://127.0.0.1:" + std::to_string(port) + "/", "x", 300ms));
    CHECK(result.transport == Transport::not_sent);
    CHECK(result.elapsed >= 300ms);
    CHECK(result.elapsed < 5s);
    for (const int filler : fillers) ::close(filler);
    ::close(listener);
}

TEST_CASE("a header cannot smuggle in another") {
    RawServer server(answering(small_answer));
    for (const auto& bad : std::vector<std::pair<std::string, std::string>>{{"a", "b\r\nEvil: 1"},
                                                                            {"a\r\nEvil", "1"},
                                                                            {"", "x"},
                                                                            {"a b", "x"},
                                                                            {"a:b", "x"},
                                                                            {"a", std::string("b\0c", 3)}}) {
        HttpRequest request = get(server.url());
        request.headers = {bad};
        const HttpResult result = fetch(request);
        CHECK(result.transport == Transport::not_sent);
        CHECK(result.error.find("Evil") == std::string::npos);
    }
    HttpRequest request = get(server.url());
    request.method = "GET / HTTP/1.1\r\nEvil:";
    CHECK(fetch(request).transport == Transport::not_sent);
    CHECK(fetch(get(server.url("/ HTTP/1.1\r\nEvil: 1"))).transport == Transport::not_sent);
    CHECK(server.accepted() == 0);
}

TEST_CASE("what left without a whole answer is ambiguous") {
    SUBCASE("the server reads and closes") {
        RawServer server([](int socket) { read_request(socket); });
        const HttpResult result = fetch(post(server.url(), "x"));
        CHECK(result.transport == Transport::ambiguous);
        CHECK_FALSE(result.error.empty());
    }
    SUBCASE("the server closes without reading") {
        RawServer server([](int) {});
        CHECK(fetch(post(server.url(), "x")).transport == Transport::ambiguous);
    }
    SUBCASE("the server never answers") {
        RawServer server([](int socket) {
            while (!read_request(socket).empty()) {
            }
        });
        const HttpResult result = fetch(post(server.url(), "x", 300ms));
        CHECK(result.transport == Transport::ambiguous);
        CHECK(result.elapsed >= 300ms);
        CHECK(result.elapsed < 5s);
    }
    SUBCASE("the answer is garbage") {
        RawServer server(answering("\x01\x02 what is this\r\n\r\n"));
        CHECK(fetch(post(server.url(), "x")).transport == Transport::ambiguous);
    }
    SUBCASE("the answer breaks off in the headers") {
        RawServer server([](int socket) {
            read_request(socket);
            send_all(socket, "HTTP/1.1 200 OK\r\nContent-");
        });
        CHECK(fetch(post(server.url(), "x")).transport == Transport::ambiguous);
    }
    SUBCASE("the answer breaks off in the body, but what came is kept") {
        RawServer server([](int socket) {
            read_request(socket);
            send_all(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        });
        const HttpResult result = fetch(post(server.url(), "x"));
        CHECK(result.transport == Transport::ambiguous);
        CHECK(result.response.status == 200);
        CHECK(result.response.body == "half");
    }
}

TEST_CASE("a kept connection that dies without an answer does not make libcurl send twice") {
    std::atomic<int> requests = 0;
    RawServer server([&](int socket) {
        std::string pending;
        if (read_request(socket, pending).empty()) return;
        ++requests;
        send_all(socket, small_answer);
        if (!read_request(socket, pending).empty()) ++requests;  // processed, but the answer is lost
    });
    HttpLoop loop;
    const auto pool = loop.pool({});
    std::vector<Transport> transports;
    for (int i = 1; i <= 2; ++i) {
        std::atomic<int> results = 0;
        pool->send(post(server.url(), "x"), [&](HttpResult r) {
            transports.push_back(r.transport);
            ++results;
        });
        run_until(loop, results, 1);
    }
    CHECK(transports == std::vector{Transport::ok, Transport::ambiguous});
    CHECK(requests == 2);
}

TEST_CASE("an over-long answer is cut and still an answer") {
    RawServer server([](int socket) {
        read_request(socket);
        send_all(socket, "HTTP/1.1 200 OK\r\n\r\n");
        while (send_all(socket, std::string(10000, 'z'))) {
        }
    });
    HttpRequest request = get(server.url());
    request.max_response = 12345;
    const HttpResult result = fetch(request);
    CHECK(result.transport == Transport::ok);
    CHECK(result.response.body == std::string(12345, 'z'));

    RawServer exact(answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"));
    request.url = exact.url();
    request.max_response = 5;
    CHECK(fetch(request).response.body == "12345");
}

TEST_CASE("a flood of headers is bounded") {
    RawServer server([](int socket) {
        read_request(socket);
        send_all(socket, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 3000 && send_all(socket, "X-Flood: " + std::string(90, 'f') + "\r\n"); ++i) {
        }
        send_all(socket, "Content-Length: 0\r\n\r\n");
    });
    CHECK(fetch(get(server.url())).response.headers.size() < 1000);
}

TEST_CASE("the environment's proxy is not asked") {
    std::atomic<int> asked = 0;
    RawServer proxy([&](int) { ++asked; });
    RawServer server(answering(small_answer));
    for (const auto* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::setenv(name, proxy.url().c_str(), 1);
    CHECK(fetch(get(server.url())).transport == Transport::ok);
    for (const auto* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
    CHECK(asked == 0);
}

TEST_CASE("redirects are answers, not orders") {
    RawServer elsewhere(answering(small_answer));
    RawServer server(answering("HTTP/1.1 302 Found\r\nLocation: " + elsewhere.url() + "\r\nContent-Length: 0\r\n\r\n"));
    CHECK(fetch(get(server.url())).response.status == 302);
    CHECK(elsewhere.accepted() == 0);
}

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

TEST_CASE("renewed connections serve new requests while old ones finish") {
    std::atomic<int> opened = 0;
    RawServer server([&](int socket) {
        ++opened;
        std::string pending;
        while (!read_request(socket, pending).empty()) {
            std::this_thread::sleep_for(50ms);
            send_all(socket, small_answer);
        }
    });
    HttpLoop loop;
    const auto pool = loop.pool({});
    std::atomic<int> results = 0;
    const auto count = [&](HttpResult r) {
        CHECK(r.transport == Transport::ok);
        ++results;
    };
    pool->send(get(server.url()), count);
    run_until(loop, results, 1);
    pool->send(get(server.url()), count);
    run_until(loop, results, 2);
    CHECK(opened == 1);
    pool->send(get(server.url()), count);
    loop.run(10ms);  // on its way over the old connection
    pool->renew_connections();
    pool->send(get(server.url()), count);
    run_until(loop, results, 4);
    CHECK(opened == 2);
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
    ::signal(SIGPIPE, SIG_IGN);  // for the scripted server's sake, not the client's
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
    ::signal(SIGPIPE, SIG_DFL);
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

TEST_CASE("HTTP/1.1 requests run side by side, up to the connections allowed") {
    std::atomic<int> now = 0, most = 0;
    RawServer server([&](int socket) {
        std::string pending;
        while (!read_request(socket, pending).empty()) {
            most = std::max(most.load(), ++now);
            std::this_thread::sleep_for(50ms);
            --now;
            send_all(socket, small_answer);
        }
    });
    HttpLoop loop;
    PoolOptions options;
    options.max_connections = 4;
    const auto pool = loop.pool(options);
    std::atomic<int> results = 0;
    for (int i = 0; i < 12; ++i) pool->send(get(server.url()), [&](HttpResult) { ++results; });
    run_until(loop, results, 12);
    CHECK(server.accepted() == 4);
    CHECK(most >= 3);
}

TEST_CASE("neither a broken pipe nor the end of a TLS connection raises SIGPIPE") {
    // The default action would end this process.
    struct sigaction before = {}, deadly = {};
    deadly.sa_handler = SIG_DFL;
    ::sigaction(SIGPIPE, &deadly, &before);
    {
        SecureServer server;
        HttpLoop loop;
        const auto pool = loop.pool(trusting(server));
        std::atomic<int> results = 0;
        pool->send(get(server.url()), [&](HttpResult) { ++results; });
        run_until(loop, results, 1);
        server.stop();
        for (int i = 0; i < 5; ++i)
            pool->send(post(server.url(), std::string(100000, 'x')), [&](HttpResult) { ++results; });
        run_until(loop, results, 6);
        RawServer closing([](int) {});
        for (int i = 0; i < 5; ++i)
            pool->send(post(closing.url(), std::string(1000000, 'x')), [&](HttpResult) { ++results; });
        run_until(loop, results, 11);

        // Whatever libcurl and OpenSSL do today, a write to a broken pipe inside the loop must not matter.
        int ends[2] = {};
        REQUIRE(::pipe(ends) == 0);
        ::close(ends[0]);
        loop.post([&] { CHECK(::write(ends[1], "x", 1) == -1); });
        loop.run(1s);
        ::close(ends[1]);
    }
    sigset_t pending;
    ::sigpending(&pending);
    CHECK(::sigismember(&pending, SIGPIPE) == 0);
    ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("cancelling says of each request how far it got") {
    RawServer silent([](int socket) {
        while (!read_request(socket).empty()) {
        }
    });
    HttpLoop loop;
    PoolOptions options;
    options.max_connections = 1;
    const auto pool = loop.pool(options);
    std::map<int, Transport> seen;
    for (int i = 0; i < 3; ++i) {
        pool->send(post(silent.url(), "x"), [&, i](HttpResult r) { CHECK(seen.emplace(i, r.transport).second); });
    }
    for (int i = 0; i < 20 && silent.accepted() == 0; ++i) loop.run(20ms);
    loop.run(100ms);
    pool->send(post(silent.url(), "x"), [&](HttpResult r) { seen.emplace(3, r.transport); });
    pool->cancel_all();
    CHECK(seen ==
          std::map<int, Transport>{
              {0, Transport::ambiguous}, {1, Transport::not_sent}, {2, Transport::not_sent}, {3, Transport::not_sent}});
    CHECK(pool->active() == 0);
    RawServer server(answering(small_answer));  // the pool lives on
    std::atomic<int> results = 0;
    pool->send(get(server.url()), [&](HttpResult r) {
        CHECK(r.transport == Transport::ok);
        ++results;
    });
    run_until(loop, results, 1);
}

TEST_CASE("cancelling from another thread calls back on the loop's thread and spares what comes after") {
    RawServer silent([](int socket) {
        while (!read_request(socket).empty()) {
        }
    });
    RawServer server(answering(small_answer));
    HttpLoop loop;
    const auto pool = loop.pool({});
    std::atomic<int> cancelled = 0, answered = 0;
    const auto here = std::this_thread::get_id();
    loop.run(0s);
    std::thread([&] {
        pool->send(get(silent.url()), [&](HttpResult r) {
            CHECK(std::this_thread::get_id() == here);
            CHECK(r.transport != Transport::ok);
            ++cancelled;
        });
        pool->cancel_all();
        pool->send(get(server.url()), [&](HttpResult r) {
            CHECK(r.transport == Transport::ok);
            ++answered;
        });
    }).join();
    CHECK(cancelled == 0);
    run_until(loop, answered, 1);
    CHECK(cancelled == 1);
}

TEST_CASE("destroying pool and loop in either order calls every callback once and none later") {
    RawServer silent([](int socket) {
        while (!read_request(socket).empty()) {
        }
    });
    for (const bool loop_first : {false, true}) {
        CAPTURE(loop_first);
        auto loop = std::make_unique<HttpLoop>();
        auto pool = loop->pool({});
        int calls = 0;
        for (int i = 0; i < 10; ++i) pool->send(post(silent.url(), "x"), [&](HttpResult) { ++calls; });
        loop->run(50ms);
        pool->send(post(silent.url(), "x"), [&](HttpResult) { ++calls; });
        if (loop_first) {
            loop.reset();
            CHECK(calls == 11);
            pool->send(post(silent.url(), "x"), [&](HttpResult r) {
                CHECK(r.transport == Transport::not_sent);
                ++calls;
            });
            CHECK(calls == 12);
        }
        pool.reset();
        CHECK(calls == (loop_first ? 12 : 11));
        if (loop) loop->run(50ms);
        CHECK(calls == (loop_first ? 12 : 11));
    }
}

TEST_CASE("a callback may destroy its pool, throw, and send again") {
    RawServer server(answering(small_answer));
    HttpLoop loop;
    auto pool = loop.pool({});
    std::atomic<int> results = 0;
    pool->send(get(server.url()), [&](HttpResult) {
        pool->send(get(server.url()), [&](HttpResult r) {
            CHECK(r.transport == Transport::ok);
            for (int i = 0; i < 5; ++i) pool->send(get(server.url()), [&](HttpResult) { ++results; });
            pool.reset();
            CHECK(results == 5);
            ++results;
            throw std::runtime_error("ends here");
        });
        throw 1;
    });
    run_until(loop, results, 6);
    loop.run(20ms);
    CHECK(results == 6);
}

TEST_CASE("a busy loop lets another thread destroy a pool, and not while a callback runs") {
    RawServer server(answering(small_answer));
    HttpLoop loop;
    std::atomic<bool> stop = false;
    std::thread runner([&] {
        while (!stop) loop.run(1s);
    });
    for (int round = 0; round < 20; ++round) {
        auto pool = loop.pool({});
        HttpPool* const used = pool.get();  // callbacks must not look at a pointer that is being reset
        std::atomic<int> inside = 0, calls = 0;
        std::atomic<bool> ending = false;
        std::function<void(HttpResult)> again = [&](HttpResult) {
            ++inside;
            ++calls;
            if (!ending) used->send(get(server.url()), again);
            --inside;
        };
        for (int i = 0; i < 20; ++i) pool->send(get(server.url()), again);
        std::this_thread::sleep_for(10ms);
        ending = true;
        pool.reset();
        const int final_calls = calls;
        CHECK(inside == 0);
        std::this_thread::sleep_for(2ms);
        CHECK(calls == final_calls);
    }
    stop = true;
    loop.wake();
    runner.join();
}

TEST_CASE("requests sent from many threads are each answered once") {
    const SecureServer server;
    HttpLoop loop;
    const auto pool = loop.pool(trusting(server));
    std::atomic<int> results = 0, good = 0;
    std::vector<std::thread> senders;
    for (int t = 0; t < 4; ++t) {
        senders.emplace_back([&] {
            for (int i = 0; i < 250; ++i) {
                pool->send(get(server.url(), 25s), [&](HttpResult r) {
                    ++results;
                    if (r.transport == Transport::ok) ++good;
                });
            }
        });
    }
    run_until(loop, results, 1000);
    for (auto& sender : senders) sender.join();
    CHECK(good == 1000);
}

TEST_CASE("waking and posting reach a waiting loop") {
    HttpLoop loop;
    const auto start = std::chrono::steady_clock::now();
    std::thread waker([&] {
        std::this_thread::sleep_for(30ms);
        loop.wake();
    });
    loop.run(20s);
    waker.join();
    bool ran = false;
    std::thread poster([&] {
        std::this_thread::sleep_for(30ms);
        loop.post([&] { ran = true; });
    });
    while (!ran) loop.run(20s);
    poster.join();
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    const auto idle = std::chrono::steady_clock::now();
    loop.run(50ms);
    CHECK(std::chrono::steady_clock::now() - idle >= 50ms);
}
