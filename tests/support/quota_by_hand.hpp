#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/quota_faults.hpp"

// Nodes of one domain in one process, each driven by hand; for what needs a look inside more than it needs speed.
namespace tidegate::test::by_hand {

using namespace faults;

/// A store with one flow, which crosses its campaign and the account.
struct Node {
    Node(const SharedQuotaOptions& with, double wants, double limit, quota::RedisQuotaSeams seams = {})
        : flows{{"spring", {"camp:spring", "acct:push"}, 5, Rate{wants}, {}}} {
        auto made = quota::make_redis_quota(with, 5s, std::move(seams));
        if (!made) throw std::runtime_error(made.error().text());
        quota = std::move(*made);
        quota->set_cap("camp:spring", Rate::unlimited());
        quota->set_cap("acct:push", Rate{limit});
    }
    Node(const RedisServer& server, const std::string& name, double wants, double limit, std::uint64_t generation = 1,
         quota::RedisQuotaSeams seams = {})
        : Node(newer(options(server.url(), name), generation), wants, limit, std::move(seams)) {}

    void tick() { leases = *quota->renew(flows, system_clock().now()); }
    double rate() const {
        return !leases.empty() && live(leases[0], system_clock().now()) ? leases[0].rate.per_second : 0.0;
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
bool until(
    const Nodes& nodes, Condition condition, const std::function<void()>& watch = [] {},
    std::chrono::milliseconds limit = 20s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        for (const auto& node : nodes) {
            node->tick();
            watch();
        }
        if (condition()) return true;
        std::this_thread::sleep_for(20ms);
    }
    return false;
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
