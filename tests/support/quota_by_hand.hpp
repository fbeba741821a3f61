#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/quota_faults.hpp"

// Nodes of one domain in one process, each driven by hand; for what needs a look inside more than it needs speed.
namespace tidegate::test::by_hand {

using namespace faults;

/// A node as the Gate's control thread would drive it, a tick at a time.
struct Node {
    Node(const SharedQuotaOptions& with, std::vector<Flow> wants, const std::map<std::string, double>& limits,
         quota::RedisQuotaSeams seams = {})
        : flows(std::move(wants)) {
        auto made = quota::make_redis_quota(with, 5s, std::move(seams));
        if (!made) throw std::runtime_error(made.error().text());
        quota = std::move(*made);
        for (const auto& [resource, limit] : limits) quota->set_cap(resource, Rate{limit});
    }
    /// One flow, which crosses its campaign and the account.
    Node(const SharedQuotaOptions& with, double wants, double limit, quota::RedisQuotaSeams seams = {})
        : Node(with, {{"spring", {"camp:spring", "acct:push"}, 5, Rate{wants}, {}}},
               {{"camp:spring", Rate::unlimited().per_second}, {"acct:push", limit}}, std::move(seams)) {}
    Node(const RedisServer& server, const std::string& name, double wants, double limit, std::uint64_t generation = 1,
         quota::RedisQuotaSeams seams = {})
        : Node(newer(options(server.url(), name), generation), wants, limit, std::move(seams)) {}

    void tick() { leases = *quota->renew(flows, system_clock().now()); }
    double rate(std::size_t flow = 0) const {
        return flow < leases.size() && live(leases[flow], system_clock().now()) ? leases[flow].rate.per_second : 0.0;
    }
    QuotaView view() const { return quota->view(system_clock().now()); }
    bool says(const std::string& trouble) const { return view().trouble.find(trouble) != std::string::npos; }

    std::vector<Flow> flows;
    std::unique_ptr<SharedQuota> quota;
    std::vector<Lease> leases;

  private:
    static SharedQuotaOptions newer(SharedQuotaOptions with, std::uint64_t generation) {
        with.generation = generation;
        return with;
    }
};

using Nodes = std::vector<std::unique_ptr<Node>>;

inline double sum(const Nodes& nodes) {
    double all = 0;
    for (const auto& node : nodes) all += node->rate();
    return all;
}

/// Ticks all of them until the condition holds; what `watch` says is checked after every node's tick.
template <class Condition>
bool until_of(std::span<Node* const> nodes, Condition condition, const std::function<void()>& watch,
              std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        for (Node* const node : nodes) {
            node->tick();
            watch();
        }
        if (condition()) return true;
        std::this_thread::sleep_for(20ms);
    }
    return false;
}
template <class Condition>
bool until(
    std::initializer_list<Node*> nodes, Condition condition, const std::function<void()>& watch = [] {},
    std::chrono::milliseconds limit = 20s) {
    return until_of({nodes.begin(), nodes.size()}, condition, watch, limit);
}
template <class Condition>
bool until(
    const Nodes& nodes, Condition condition, const std::function<void()>& watch = [] {},
    std::chrono::milliseconds limit = 20s) {
    std::vector<Node*> all;
    for (const auto& node : nodes) all.push_back(node.get());
    return until_of(all, condition, watch, limit);
}

/// For as long as `span`, and the condition never held.
template <class Condition>
bool never(const Nodes& nodes, Condition condition, std::chrono::milliseconds span) {
    return !until(
        nodes, condition, [] {}, span);
}

/// The first lease of a fresh hash waits for all that could be older; here nothing is.
inline void open_domain(const RedisServer& server, const Nodes& nodes, const std::string& domain = "test") {
    REQUIRE(until(nodes, [&] { return nodes.front()->view().reachable; }));
    server.ask({"HSET", quota::hash_key(domain), "quiet", "0"});
}

}  // namespace tidegate::test::by_hand
