#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "tidegate/quota/quota_store.hpp"

namespace tidegate {
namespace {

constexpr auto kLease = std::chrono::seconds(3);
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Members = std::map<std::string, std::vector<std::size_t>>;

class LocalQuota final : public QuotaStore {
  public:
    void set_cap(const std::string& resource, Rate cap) override {
        if (std::isinf(cap.per_second) && cap.per_second > 0)
            caps_.erase(resource);
        else
            caps_[resource] = cap.per_second > 0.0 ? cap.per_second : 0.0;
    }

    Result<std::vector<Lease>> renew(std::span<const Flow> flows, TimePoint now) override {
        const Members members = by_resource(flows);
        std::vector<double> rates(flows.size());
        for (std::size_t i = 0; i < flows.size(); ++i)
            rates[i] = flows[i].wants.per_second > 0.0 ? flows[i].wants.per_second : 0.0;

        // A flow held back at one resource leaves room at its others. A few rounds let that room be found; the last
        // pass only takes away, so whatever the rounds reached, no cap is passed.
        const std::vector<double> wants = rates;
        for (int round = 0; round < 4; ++round) rates = offers(flows, members, wants, rates);
        std::vector<double> granted = rates;
        std::vector<std::string> limits(flows.size());
        for (const auto& [resource, who] : members) {
            const std::vector<double> shares = share(resource, flows, who, rates);
            for (std::size_t k = 0; k < who.size(); ++k) granted[who[k]] = std::min(granted[who[k]], shares[k]);
        }
        for (const auto& [resource, who] : members) {
            double used = 0.0;
            for (std::size_t i : who) used += granted[i] * take(flows[i], resource);
            for (std::size_t i : who)
                if (limits[i].empty() && granted[i] < wants[i] && used >= caps_.at(resource) * (1.0 - 1e-6))
                    limits[i] = resource;
        }

        std::vector<Lease> leases;
        leases.reserve(flows.size());
        for (std::size_t i = 0; i < flows.size(); ++i) {
            if (limits[i].empty() && granted[i] < wants[i]) limits[i] = tightest(flows[i]);
            leases.push_back({flows[i].id, Rate{granted[i]}, now + kLease, limits[i]});
        }
        return leases;
    }

  private:
    Members by_resource(std::span<const Flow> flows) const {
        Members members;
        for (std::size_t i = 0; i < flows.size(); ++i)
            for (const std::string& resource : flows[i].resources) {
                if (!caps_.contains(resource)) continue;
                std::vector<std::size_t>& who = members[resource];
                if (who.empty() || who.back() != i) who.push_back(i);
            }
        return members;
    }

    /// Messages/s for each of `who`.
    std::vector<double> share(const std::string& resource, std::span<const Flow> flows,
                              const std::vector<std::size_t>& who, std::span<const double> wants) const {
        std::vector<Claim> claims;
        claims.reserve(who.size());
        for (std::size_t i : who) claims.push_back({flows[i].priority, wants[i] * take(flows[i], resource)});
        std::vector<double> rates = divide(caps_.at(resource), claims);
        for (std::size_t k = 0; k < who.size(); ++k) rates[k] /= take(flows[who[k]], resource);
        return rates;
    }

    /// What one message of the flow takes of the resource.
    static double take(const Flow& flow, const std::string& resource) {
        const auto at = std::find(flow.resources.begin(), flow.resources.end(), resource) - flow.resources.begin();
        return flow.take(static_cast<std::size_t>(at));
    }

    /// What each flow could have everywhere, when the others take no more than they could use in the last round.
    std::vector<double> offers(std::span<const Flow> flows, const Members& members, const std::vector<double>& wants,
                               const std::vector<double>& last) const {
        std::vector<double> result = wants;
        for (const auto& [resource, who] : members)
            for (std::size_t i : who) {
                std::vector<double> asked = last;
                asked[i] = wants[i];
                const std::vector<double> shares = share(resource, flows, who, asked);
                const auto k = std::find(who.begin(), who.end(), i) - who.begin();
                result[i] = std::min(result[i], shares[static_cast<std::size_t>(k)]);
            }
        return result;
    }

    std::string tightest(const Flow& flow) const {
        std::string name;
        double lowest = kInfinity;
        for (const std::string& resource : flow.resources)
            if (const auto it = caps_.find(resource); it != caps_.end() && it->second < lowest) {
                lowest = it->second;
                name = resource;
            }
        return name;
    }

    std::map<std::string, double> caps_;
};

}  // namespace

std::unique_ptr<QuotaStore> make_local_quota() {
    return std::make_unique<LocalQuota>();
}

}  // namespace tidegate
