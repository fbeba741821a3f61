#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/redis_connection.hpp"
#include "support/certificate.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "tidegate/base/clock.hpp"

namespace tidegate::test {

/// A real redis-server of one test's own, on loopback, with a port the kernel chose and no file but in its directory.
class RedisServer {
  public:
    struct Setup {
        std::vector<std::string> arguments{};                            ///< more command line
        const TestCertificates* tls = nullptr;                           ///< a TLS port instead of the plain one
        std::vector<std::pair<std::string, std::string>> environment{};  ///< for a preloaded clock
        bool sentinel = false;
    };

    RedisServer() : RedisServer(Setup{}) {}
    explicit RedisServer(Setup setup) : setup_(std::move(setup)) { start(); }

    std::uint16_t port() const { return port_; }
    const TempDir& dir() const { return *dir_; }
    std::string url(const std::string& user = {}) const {
        return std::string(setup_.tls != nullptr ? "rediss://" : "redis://") + (user.empty() ? "" : user + "@") +
               "127.0.0.1:" + std::to_string(port_) + "/0";
    }
    Process& process() { return process_; }

    /// kill -9, and the same port again with whatever its directory holds (nothing unless the test saved).
    void kill() {
        process_.signal(SIGKILL);
        process_.wait(std::chrono::seconds(10));
    }
    void restart() {
        kill();
        process_ = Process::spawn(command(port_), dir_->file("log"), dir_->file("log"));
        if (!wait_for_port(port_))
            throw std::runtime_error("redis-server did not come back: " + read_file(dir_->file("log")));
    }

    /// As the all-powerful default user. Errors come back as replies.
    net::RedisReply ask(const std::vector<std::string>& arguments) const {
        net::RedisOptions options;
        options.address.endpoints = {{"127.0.0.1", port_}};
        options.address.tls = setup_.tls != nullptr;
        if (setup_.tls != nullptr) options.ca = setup_.tls->ca_file;
        options.reply_timeout = std::chrono::seconds(5);
        // Not a RedisLink: it would insist on a master, and tests talk to replicas and sentinels too.
        std::optional<net::RedisTrust> trust;
        if (setup_.tls != nullptr) trust = *net::RedisTrust::load(options.ca);
        net::RedisSocket socket(std::move(trust));
        socket.open({"127.0.0.1", port_});
        std::string out = net::redis_command(arguments);
        net::RedisReader reader;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (std::chrono::steady_clock::now() < end) {
            auto moved = socket.move(out);
            if (!moved.received.empty()) {
                if (!reader.feed(moved.received)) break;
                auto reply = reader.next();
                if (!reply) break;
                if (*reply) return std::move(**reply);
            }
            if (moved.ended) return {net::RedisReply::Kind::error, "ERR " + *moved.ended};
            socket.wait(std::chrono::milliseconds(20), !out.empty());
        }
        return {net::RedisReply::Kind::error, "ERR no answer in ten seconds"};
    }

    /// Its clock, in microseconds.
    std::int64_t clock() const {
        const net::RedisReply time = ask({"TIME"});
        return std::stoll(time.items.at(0).text) * 1'000'000 + std::stoll(time.items.at(1).text);
    }

  private:
    std::vector<std::string> command(std::uint16_t port) const {
        std::vector<std::string> made;
        if (!setup_.environment.empty()) {
            made.push_back("env");
            for (const auto& [name, value] : setup_.environment) made.push_back(name + "=" + value);
        }
        const std::string number = std::to_string(port);
        if (setup_.sentinel) {
            made.insert(made.end(), {"redis-server", dir_->file("sentinel.conf"), "--sentinel", "--port", number});
            return made;
        }
        made.insert(made.end(), {"redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir",
                                 dir_->path(), "--enable-debug-command", "local", "--repl-diskless-sync-delay", "0"});
        if (setup_.tls != nullptr)
            made.insert(made.end(), {"--port", "0", "--tls-port", number, "--tls-cert-file",
                                     setup_.tls->certificate_file, "--tls-key-file", setup_.tls->key_file,
                                     "--tls-ca-cert-file", setup_.tls->ca_file, "--tls-auth-clients", "no"});
        else
            made.insert(made.end(), {"--port", number});
        made.insert(made.end(), setup_.arguments.begin(), setup_.arguments.end());
        return made;
    }

    void start() {
        if (setup_.sentinel) {
            std::ofstream conf(dir_->file("sentinel.conf"));
            for (const auto& line : setup_.arguments) conf << line << "\n";
            conf << "dir " << dir_->path() << "\n";
        }
        auto [process, port] = spawn_server([&](std::uint16_t chosen) { return command(chosen); }, dir_->file("log"));
        process_ = std::move(process);
        port_ = port;
    }

    Setup setup_;
    std::unique_ptr<TempDir> dir_ = std::make_unique<TempDir>();
    Process process_ = Process::spawn({"true"});
    std::uint16_t port_ = 0;
};

/// The least an ACL user needs, as the quota module's page lists it.
inline std::vector<std::string> quota_acl(const std::string& user, const std::string& password) {
    return {"ACL",      "SETUSER",      user,       "reset",      "on",           ">" + password, "-@all", "+eval",
            "+evalsha", "+script|load", "+time",    "+info",      "+wait",        "+hmget",       "+hget", "+hset",
            "+hdel",    "+del",         "+publish", "+subscribe", "~{tidegate:*", "&{tidegate:*"};
}

inline RedisServer::Setup replica_of(std::uint16_t port) {
    return {{"--replicaof", "127.0.0.1", std::to_string(port)}, nullptr, {}, false};
}

inline bool follows(const RedisServer& server) {
    return server.ask({"INFO", "replication"}).text.find("master_link_status:up") != std::string::npos;
}

/// A master, two replicas and three sentinels that agree quickly.
struct RedisFamily {
    static constexpr const char* name = "tide";
    RedisServer master;
    std::vector<RedisServer> replicas;
    std::vector<RedisServer> sentinels;

    RedisFamily() {
        const std::string port = std::to_string(master.port());
        for (int i = 0; i < 2; ++i) replicas.emplace_back(replica_of(master.port()));
        for (auto& replica : replicas) wait_for([&] { return follows(replica); });
        for (int i = 0; i < 3; ++i)
            sentinels.emplace_back(RedisServer::Setup{
                {"bind 127.0.0.1", std::string("sentinel monitor ") + name + " 127.0.0.1 " + port + " 2",
                 std::string("sentinel down-after-milliseconds ") + name + " 1000",
                 std::string("sentinel failover-timeout ") + name + " 4000"},
                nullptr,
                {},
                true});
        for (auto& sentinel : sentinels)
            wait_for([&] {
                const auto others = sentinel.ask({"SENTINEL", "sentinels", name}),
                           known = sentinel.ask({"SENTINEL", "replicas", name});
                return others.items.size() == 2 && known.items.size() == 2;
            });
    }

    std::string url() const {
        std::string made = "redis+sentinel://";
        for (const auto& sentinel : sentinels)
            made += (made.ends_with('/') ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(sentinel.port());
        return made + "/" + name;
    }
    /// Where the sentinels say the master is.
    std::uint16_t master_port() const {
        const auto reply = sentinels.front().ask({"SENTINEL", "get-master-addr-by-name", name});
        return reply.items.size() == 2 ? static_cast<std::uint16_t>(std::stoi(reply.items[1].text)) : std::uint16_t{0};
    }

    template <class Condition>
    static void wait_for(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!condition()) {
            if (std::chrono::steady_clock::now() >= end)
                throw std::runtime_error("the Redis family did not come together");
            std::this_thread::sleep_for(std::chrono::milliseconds(30));
        }
    }
};

}  // namespace tidegate::test
