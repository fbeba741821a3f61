#pragma once

#include "support/quota_faults.hpp"

// A master and who follows it, and nodes that insist on it.
namespace tidegate::test::faults {

inline RedisServer::Setup replica_of(std::uint16_t port) {
    return {{"--replicaof", "127.0.0.1", std::to_string(port)}, nullptr, {}, false};
}

inline bool follows(const RedisServer& server) {
    return server.ask({"INFO", "replication"}).text.find("master_link_status:up") != std::string::npos;
}

inline SharedQuotaOptions guarded(const std::string& url, const std::string& node) {
    SharedQuotaOptions made = options(url, node);
    made.rules.replicas = 1;
    return made;
}

}  // namespace tidegate::test::faults
