#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <thread>

#include "support/http_client.hpp"

using namespace tidegate;
using namespace tidegate::net;
using namespace tidegate::test;

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
