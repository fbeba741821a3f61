#include "tidegate/quota/quota_state.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace tidegate {
namespace {

std::string words(double amount) {
    std::array<char, 32> text = {};
    std::snprintf(text.data(), text.size(), "%.10g", amount);
    return text.data();
}

}  // namespace

std::string_view to_string(QuotaOrder::State state) {
    switch (state) {
        case QuotaOrder::State::run:
            return "run";
        case QuotaOrder::State::pause:
            return "pause";
        case QuotaOrder::State::hold:
            return "hold";
        default:
            return "abort";
    }
}

std::vector<std::string> QuotaState::differences() const {
    constexpr double close = 0.0005;  // amounts are whole thousandths
    std::vector<std::string> found;
    const auto compare = [&](const std::string& name, const char* what, double kept, double counted) {
        if (std::abs(kept - counted) > close)
            found.push_back(name + ": " + what + " " + words(kept) + ", but the nodes' claims add up to " +
                            words(counted));
    };
    for (const Resource& resource : resources) {
        compare(resource.name, "committed is", resource.committed, resource.counted);
        compare(resource.name, "demand is", resource.demand, resource.wants);
    }
    return found;
}

}  // namespace tidegate
