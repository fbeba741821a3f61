#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "support/free_port.hpp"
#include "support/http_client.hpp"

using namespace tidegate;
using namespace tidegate::net;
using namespace tidegate::test;

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
