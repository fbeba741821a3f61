#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/http.hpp"
#include "support/certificate.hpp"
#include "support/process.hpp"
#include "support/raw_server.hpp"
#include "support/temp_dir.hpp"

namespace tidegate::test {

using namespace std::chrono_literals;

inline net::HttpRequest get(const std::string& url, Duration timeout = 5s) {
    net::HttpRequest request;
    request.method = "GET";
    request.url = url;
    request.timeout = timeout;
    return request;
}

inline net::HttpRequest post(const std::string& url, std::string body, Duration timeout = 5s) {
    net::HttpRequest request;
    request.url = url;
    request.body = std::move(body);
    request.timeout = timeout;
    return request;
}

/// A server that answers every request with the same bytes.
inline RawServer::Handler answering(std::string answer) {
    return [answer = std::move(answer)](int socket) {
        std::string pending;
        while (!read_request(socket, pending).empty() && send_all(socket, answer)) {
        }
    };
}

inline const std::string small_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Runs the loop until `count` results have come.
inline void run_until(net::HttpLoop& loop, const std::atomic<int>& results, int count) {
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

inline net::PoolOptions trusting(const SecureServer& server) {
    net::PoolOptions options;
    options.ca = server.certificates.ca_file;
    options.http2_only = true;
    return options;
}

}  // namespace tidegate::test
