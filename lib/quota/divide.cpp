#include <algorithm>
#include <cmath>
#include <numeric>

#include "tidegate/quota/quota_store.hpp"

namespace tidegate {
namespace {

constexpr double kFloorShare = 0.05;

double cleaned(double value) {
    return value > 0.0 ? value : 0.0;
}

/// Max-min fairness among `members`: the smallest wants are met first, what they leave goes to the others evenly.
double fill_evenly(double amount, std::vector<std::size_t> members, std::span<const double> missing,
                   std::vector<double>& shares) {
    std::sort(members.begin(), members.end(), [&](std::size_t a, std::size_t b) { return missing[a] < missing[b]; });
    double left = amount;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const double even = left / static_cast<double>(members.size() - i);
        const double given = std::min(missing[members[i]], even);
        shares[members[i]] += given;
        left = std::max(0.0, left - given);
    }
    return left;
}

}  // namespace

std::vector<double> divide(double amount, std::span<const Claim> claims) {
    std::vector<double> shares(claims.size(), 0.0);
    amount = cleaned(amount);
    if (claims.empty() || amount <= 0.0) return shares;
    if (std::isinf(amount)) {
        std::transform(claims.begin(), claims.end(), shares.begin(), [](const Claim& c) { return cleaned(c.wants); });
        return shares;
    }

    const double floor = kFloorShare * amount / static_cast<double>(claims.size());
    std::vector<double> missing(claims.size());
    double left = amount;
    for (std::size_t i = 0; i < claims.size(); ++i) {
        const double wants = cleaned(claims[i].wants);
        shares[i] = std::min(wants, floor);
        missing[i] = wants - shares[i];
        left = std::max(0.0, left - shares[i]);
    }

    std::vector<std::size_t> order(claims.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return claims[a].priority > claims[b].priority; });
    for (std::size_t from = 0; from < order.size() && left > 0.0;) {
        std::size_t to = from;
        while (to < order.size() && claims[order[to]].priority == claims[order[from]].priority) ++to;
        left = fill_evenly(
            left, {order.begin() + static_cast<std::ptrdiff_t>(from), order.begin() + static_cast<std::ptrdiff_t>(to)},
            missing, shares);
        from = to;
    }

    // Rounding may have given away a last bit too much; the promise is "never more than the amount".
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    if (sum > amount)
        for (double& share : shares) share *= (amount / sum) * (1.0 - 1e-12);
    return shares;
}

}  // namespace tidegate
