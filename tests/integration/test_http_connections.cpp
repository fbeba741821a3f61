#include <doctest/doctest.h>

#include <atomic>
#include <set>

#include "support/http_client.hpp"

using namespace tidegate;
using namespace tidegate::net;
using namespace tidegate::test;
using namespace std::chrono_literals;

TEST_CASE("500 requests at once to a server with HTTP/2 need few connections, whatever HTTP/1.1 would be allowed") {
    const SecureServer server({"-v", "-m", "100"});
    HttpLoop loop;
    PoolOptions options = trusting(server);
    options.max_connections = 128;
    options.max_streams = 100;
    const auto pool = loop.pool(options);
    std::atomic<int> results = 0, good = 0;
    for (int i = 0; i < 500; ++i) {
        pool->send(get(server.url(), 25s), [&](const HttpResult& r) {
            ++results;
            if (r.transport == Transport::ok && r.response.http2) ++good;
        });
    }
    run_until(loop, results, 500);
    CHECK(good == 500);
    const std::string log = server.log();
    std::set<std::string> connections;  // every line of nghttpd's log starts with "[id=N]"
    for (auto at = log.find("[id="); at != std::string::npos; at = log.find("[id=", at + 1)) {
        connections.insert(log.substr(at, log.find(']', at) - at));
    }
    CHECK(connections.size() <= options.max_h2_connections + 1);  // the other one is the knock of wait_for_port
}
