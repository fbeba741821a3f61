// The operator's hand on every node of a domain at once, through Redis: no address and no token of a node is needed.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/delivery/config.hpp"
#include "tidegate/quota/quota_state.hpp"

namespace tidegate::cli {

namespace {

using namespace std::chrono_literals;
using json = nlohmann::ordered_json;

constexpr auto patience = 5s;

/// What a file names: the store, and every subject that can be read or ordered there.
struct Shared {
    SharedQuotaOptions store;
    std::string campaign;  ///< "camp:<id>"; empty when the file is a site's
    std::vector<std::string> resources;
};

Result<Shared, Faults> shared_of(const std::string& file, bool campaign_wanted) {
    Result<LoadedCampaign, Faults> campaign = load_campaign(file);
    if (!campaign && campaign_wanted) return campaign.error();
    Result<LoadedSite, Faults> site = load_site(file);
    if (!site) return site.error();
    if (!site->site.quota) {
        return Faults{{Errc::refused, "has no [quota]: its limits hold in one process alone", site->path,
                       "give --control and --token of that process, or add [quota] for every node"}};
    }
    Shared made{site->site.quota->store, {}, {}};
    if (campaign) made.resources.push_back(made.campaign = "camp:" + campaign->campaign.id);
    for (const ChannelOptions& channel : site->site.channels) made.resources.push_back("acct:" + channel.name);
    for (const Backend& backend : site->site.backends) made.resources.push_back("be:" + backend.limits.name);
    return made;
}

std::string order_words(const std::optional<QuotaOrder>& order) {
    if (!order) return "";
    std::string made(to_string(order->state));
    if (std::isfinite(order->rate.per_second))
        made += ", at most " + std::to_string(std::llround(order->rate.per_second)) + "/s";
    return made;
}

json order_json(const std::optional<QuotaOrder>& order) {
    if (!order) return nullptr;
    json made = {{"state", to_string(order->state)}, {"rate", nullptr}, {"generation", order->generation}};
    if (std::isfinite(order->rate.per_second)) made["rate"] = order->rate.per_second;
    return made;
}

double seconds(Duration span) {
    return Seconds(span).count();
}

void print_json(const SharedQuotaOptions& store, const QuotaState& state,
                const std::optional<std::vector<std::string>>& differences) {
    json made = {{"schema", 1},
                 {"domain", store.domain},
                 {"epoch", state.epoch},
                 {"quiet_s", seconds(state.quiet)},
                 {"generation", state.generation},
                 {"leader", nullptr},
                 {"order", order_json(state.domain)},
                 {"nodes", json::array()},
                 {"resources", json::array()}};
    if (!state.leader.empty())
        made["leader"] = {{"node", state.leader}, {"term", state.term}, {"left_s", seconds(state.leader_left)}};
    for (const QuotaState::Node& node : state.nodes) {
        json claims = json::array();
        for (const QuotaState::Claim& claim : node.claims)
            claims.push_back({{"flow", claim.flow},
                              {"priority", claim.priority},
                              {"charged", claim.charged},
                              {"wants", claim.wants}});
        made["nodes"].push_back({{"node", node.name}, {"left_s", seconds(node.left)}, {"claims", claims}});
    }
    for (const QuotaState::Resource& one : state.resources) {
        json told = {
            {"name", one.name},     {"cap", nullptr},     {"committed", one.committed},    {"counted", one.counted},
            {"demand", one.demand}, {"wants", one.wants}, {"order", order_json(one.order)}};
        if (one.cap) told["cap"] = one.cap->per_second;
        made["resources"].push_back(std::move(told));
    }
    if (differences) made["differences"] = *differences;
    std::cout << made.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

std::string in_width(std::string text, std::size_t width, bool right = false) {
    if (text.size() < width) text.insert(right ? 0 : text.size(), width - text.size(), ' ');
    return text;
}

std::string amount(double per_second) {
    if (std::abs(per_second) < 10.0 && per_second != std::round(per_second)) {
        std::array<char, 32> text = {};
        std::snprintf(text.data(), text.size(), "%.3g", per_second);
        return text.data();
    }
    return grouped(static_cast<std::uint64_t>(std::llround(std::max(per_second, 0.0))));
}

std::string brief(Duration span) {
    return format_duration(std::chrono::round<std::chrono::milliseconds>(span / 100ms * 100ms));
}

void print_text(const SharedQuotaOptions& store, const QuotaState& state) {
    std::cout << "domain " << store.domain << ": ";
    if (state.epoch == 0) {
        std::cout << "nobody has used it since this Redis began\n";
    } else {
        std::cout << state.nodes.size() << (state.nodes.size() == 1 ? " node" : " nodes") << ", epoch " << state.epoch
                  << ", "
                  << (state.leader.empty() ? std::string("no leader")
                                           : "led by " + state.leader + " (term " + std::to_string(state.term) + ")")
                  << '\n';
    }
    if (state.domain && state.domain->state != QuotaOrder::State::run)
        std::cout << "ordered for everything: " << order_words(state.domain) << '\n';
    if (state.quiet > Duration::zero())
        std::cout << "memory was lost or Redis moved: nothing is granted for another " << brief(state.quiet) << '\n';
    std::size_t width = 8;
    for (const QuotaState::Resource& one : state.resources) width = std::max(width, one.name.size());
    std::cout << '\n' << in_width("resource", width) << "       cap  committed      wants  order\n";
    for (const QuotaState::Resource& one : state.resources) {
        std::cout << in_width(one.name, width) << in_width(one.cap ? amount(one.cap->per_second) : "-", 10, true)
                  << in_width(amount(one.committed), 11, true) << in_width(amount(one.wants), 11, true);
        if (one.order) std::cout << "  " << order_words(one.order);
        std::cout << '\n';
    }
    for (const QuotaState::Node& node : state.nodes) {
        std::cout << "\nnode " << node.name << ", "
                  << (node.left > Duration::zero() ? "its leases end in " + brief(node.left) + " unless renewed"
                                                   : std::string("gone; its leases are over"))
                  << '\n';
        for (const QuotaState::Claim& claim : node.claims) {
            std::cout << "  " << claim.flow << " (priority " << claim.priority << "):";
            for (const auto& [resource, charged] : claim.charged) {
                const auto wants = claim.wants.find(resource);
                std::cout << ' ' << resource << ' ' << amount(charged) << " of "
                          << amount(wants == claim.wants.end() ? 0.0 : wants->second);
            }
            std::cout << '\n';
        }
    }
}

int send(const Shared& shared, const std::string& subject, const QuotaChange& change, bool as_json,
         const std::string& said) {
    const Result<std::uint64_t> sent = send_quota_order(shared.store, subject, change, patience);
    if (!sent) return tell({sent.error()}, as_json);
    if (as_json) {
        json told = {{"domain", shared.store.domain}, {"subject", subject}, {"generation", *sent}};
        if (change.state) told["state"] = to_string(*change.state);
        if (change.rate) told["rate"] = std::isfinite(change.rate->per_second) ? json(change.rate->per_second) : json();
        std::cout << told.dump() << '\n';
    } else {
        std::cout << subject << ": " << said << ", on every node of " << shared.store.domain << '\n';
    }
    return ok;
}

}  // namespace

int quota(const QuotaCommand& options) {
    Result<Shared, Faults> shared = shared_of(options.common.file, false);
    if (!shared) return tell(shared.error(), options.common.json);
    const Result<QuotaState> state = read_quota_state(shared->store, shared->resources, patience);
    if (!state) return tell({state.error()}, options.common.json);
    std::optional<std::vector<std::string>> differences;
    if (options.audit) differences = state->differences();
    if (options.common.json) {
        print_json(shared->store, *state, differences);
    } else {
        print_text(shared->store, *state);
    }
    if (!differences) return ok;
    if (!options.common.json) {
        for (const std::string& one : *differences) std::cerr << "error: " << one << '\n';
        if (differences->empty()) std::cout << "\naudit: every sum shown is what its parts add up to\n";
    }
    return differences->empty() ? ok : environment;
}

int order_campaign(const RemoteOptions& options, QuotaOrder::State state, const std::string& said) {
    Result<Shared, Faults> shared = shared_of(options.campaign, true);
    if (!shared) return tell(shared.error(), options.json);
    return send(*shared, shared->campaign, {.state = state}, options.json, said);
}

int order_rate(const RemoteOptions& options, Rate rate, const std::string& said) {
    Result<Shared, Faults> shared = shared_of(options.campaign, true);
    if (!shared) return tell(shared.error(), options.json);
    return send(*shared, shared->campaign, {.rate = rate}, options.json, said);
}

int order_hold(const RemoteOptions& options) {
    if (!options.token.empty()) {
        return tell({{Errc::invalid, "one gate or every node?", "hold",
                      "--token reaches one gate, --domain every node of a domain; give one of them"}},
                    options.json);
    }
    Result<Shared, Faults> shared = shared_of(options.domain, false);
    if (!shared) return tell(shared.error(), options.json);
    const std::string subject = options.backend.empty() ? "domain" : "be:" + options.backend;
    if (!options.backend.empty() &&
        std::find(shared->resources.begin(), shared->resources.end(), subject) == shared->resources.end()) {
        return tell({{Errc::not_found, "no backend is called \"" + options.backend + "\"", options.domain,
                      "name one of the file's [[backend]] tables, or leave --backend out to hold everything"}},
                    options.json);
    }
    return send(*shared, subject, {.state = options.release ? QuotaOrder::State::run : QuotaOrder::State::hold},
                options.json, options.release ? "released" : "held; nothing that draws on it is sent");
}

}  // namespace tidegate::cli
