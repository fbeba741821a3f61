#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/places.hpp"
#include "support/quota_rig.hpp"
#include "support/redis_proxy.hpp"
#include "support/redis_server.hpp"

// Scenes for the rules that the quota's bound rests on: each rule is taken away once, and the judge must see the
// overshoot that the rule prevents. Nodes, proxies and servers are processes; time is halved (a lease of 1.5 s).
namespace tidegate::test::faults {

using namespace std::chrono_literals;

inline constexpr double cap = 1000;
inline const std::map<std::string, double> caps{{"acct:push", cap}};

inline SharedQuotaOptions options(const std::string& url, const std::string& node) {
    SharedQuotaOptions made;
    made.redis = url;
    made.domain = "test";
    made.node = node;
    made.rules.lease = 1500ms;
    made.rules.renew = 500ms;
    made.rules.clock_step = 500ms;
    made.connect_timeout = 300ms;
    made.reply_timeout = 250ms;
    return made;
}

/// As `options`, of a node that insists on a replica.
inline SharedQuotaOptions guarded(const std::string& url, const std::string& node) {
    SharedQuotaOptions made = options(url, node);
    made.rules.replicas = 1;
    return made;
}

/// Takes one rule out of the script; the text must be there, or the test would prove nothing.
inline std::function<std::string(std::string)> without(const std::string& rule, const std::string& instead) {
    return [=](std::string script) {
        const auto at = script.find(rule);
        if (at == std::string::npos || script.find(rule, at + 1) != std::string::npos) std::abort();
        return script.replace(at, rule.size(), instead);
    };
}

/// Rules, each with what stands in its place.
using Rules = std::vector<std::pair<std::string, std::string>>;

inline quota::RedisQuotaSeams breaking(bool broken, const Rules& rules) {
    quota::RedisQuotaSeams seams;
    if (broken)
        seams.script = [rules](std::string script) {
            for (const auto& [rule, instead] : rules) script = without(rule, instead)(std::move(script));
            return script;
        };
    return seams;
}

inline quota::RedisQuotaSeams breaking(bool broken, const std::string& rule, const std::string& instead) {
    return breaking(broken, Rules{{rule, instead}});
}

template <class Condition>
bool wait_for(Condition condition, std::chrono::milliseconds limit = 8s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

/// The first lease of a fresh hash waits for all that could be older; here nothing is.
inline void skip_silence(const RedisServer& server, const QuotaNode&) {
    wait_for([&] { return server.ask({"HEXISTS", quota::hash_key("test"), "quiet"}).integer == 1; });
    server.ask({"HSET", quota::hash_key("test"), "quiet", "0"});
}

/// Runs the scene with its rule and without it. Chance (a busy machine) may let a broken rule go unpunished, so that
/// side gets three tries; the whole one has to hold at once.
inline void check_rule(const std::string& name, const std::function<Verdict(bool broken)>& scene) {
    const Verdict whole = scene(false);
    MESSAGE(name << ": with the rule " << whole.worst_sum << "/s at once, " << whole.worst_second << " in a second");
    CHECK(whole.worst_sum <= cap + 0.01);
    CHECK(whole.worst_second <= cap * 1.04 + whole.nodes);
    CHECK(whole.handed_over > 0);
    if (sanitized()) return;  // too slow for what comes next: whether the fault bites is a matter of milliseconds
    Verdict broken;
    for (int attempt = 0; attempt < 3 && broken.worst_sum <= cap * 1.02; ++attempt) broken = scene(true);
    MESSAGE(name << ": without it " << broken.worst_sum << "/s at once, " << broken.worst_second << " in a second");
    CHECK(broken.worst_sum > cap * 1.02);
}

}  // namespace tidegate::test::faults
