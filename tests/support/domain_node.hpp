#pragma once

#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/quota_faults.hpp"

// Nodes that tell their domain what they send, each driven by hand.
namespace tidegate::test::domain {

using namespace faults;

/// A node that sends one campaign as fast as it may, driven by hand.
struct Node {
    Node(const RedisServer& server, const std::string& name, const std::string& campaign, bool sees,
         quota::RedisQuotaSeams seams = {})
        : Node(options(server.url(), name), campaign, sees, std::move(seams)) {}
    Node(const SharedQuotaOptions& with, const std::string& campaign, bool sees, quota::RedisQuotaSeams seams = {})
        : flows{{campaign, {"camp:" + campaign}, 5, Rate{200}, {}}}, sees_backends(sees) {
        auto made = quota::make_redis_quota(with, 5s, std::move(seams));
        if (!made) throw std::runtime_error(made.error().text());
        quota = std::move(*made);
        quota->set_cap("camp:" + campaign, Rate{1000});
        part.id = campaign;
        part.card.horizon_s = 60;
        part.card.impact["app"] = {3.0, 0.0};
        sent_at = system_clock().now();
    }
    void tick() {
        const TimePoint now = system_clock().now();
        // It hands over what its lease allowed since the last look.
        if (lease && live(*lease, now)) part.sent += lease->rate.per_second * seconds_between(sent_at, now);
        sent_at = now;
        part.recent = {{0.0, 10.0, part.sent}};
        quota->report({part}, sees_backends);
        const auto leases = *quota->renew(flows, now);
        if (!leases.empty()) lease = leases.front();
    }
    QuotaView view() const { return quota->view(system_clock().now()); }
    double rate() const { return lease && live(*lease, system_clock().now()) ? lease->rate.per_second : 0.0; }

    std::vector<Flow> flows;
    bool sees_backends;
    CampaignPart part;
    TimePoint sent_at;
    std::optional<Lease> lease;
    std::unique_ptr<SharedQuota> quota;
};

template <class Condition>
bool until(const std::vector<Node*>& nodes, Condition condition, std::chrono::milliseconds limit = 15s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        for (Node* node : nodes) node->tick();
        if (condition()) return true;
        std::this_thread::sleep_for(20ms);
    }
    return false;
}

inline void end_silence(const RedisServer& server) {
    server.ask({"HSET", quota::hash_key("test"), "quiet", "0"});
}

/// What the node, which leads, believes has been sent of a campaign; nothing when it does not know it.
inline std::optional<double> believed(const Node& leader, const std::string& campaign) {
    for (const DomainCampaign& known : leader.view().campaigns) {
        if (known.id != campaign) continue;
        return std::accumulate(known.sent.begin(), known.sent.end(), known.unreported,
                               [](double all, const SentThen& then) { return all + then.messages; });
    }
    return std::nullopt;
}

}  // namespace tidegate::test::domain
