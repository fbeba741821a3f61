#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <list>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "quota/redis_scripts.hpp"
#include "support/quota_rig.hpp"
#include "support/redis_server.hpp"

// What the figures of the shared quota have in common: nodes that are processes, and the table.
namespace tidegate::bench {

inline constexpr const char* quota_domain = "figures";
inline constexpr double nanos = 1e9;

inline SharedQuotaOptions quota_options(const std::string& url, int node, int replicas = 0) {
    SharedQuotaOptions made;
    made.redis = url;
    made.domain = quota_domain;
    made.node = "node-" + std::to_string(node);
    made.rules.replicas = replicas;
    return made;
}

/// One second exactly needs room for every node's burst: the cap that is leased lies below the one promised.
constexpr double leased_of(double promised, int nodes) {
    return promised * 0.98 - nodes * 2;
}

/// Nodes that want all they can get of one account.
class Fleet {
  public:
    Fleet(std::string url, double cap, int nodes, int replicas = 0, std::uint16_t sink = 0)
        : url_(std::move(url)), cap_(cap), replicas_(replicas), sink_(sink) {
        for (int i = 0; i < nodes; ++i) join();
    }

    test::QuotaNode& join() { return join(url_); }
    test::QuotaNode& join(const std::string& url) {
        const SharedQuotaOptions with = quota_options(url, next_, replicas_);
        const std::map<std::string, double> caps{{"acct:push", cap_}};
        return nodes_.emplace_back(deeds_, next_++, with, 2 * cap_, caps, quota::RedisQuotaSeams{}, sink_);
    }

    std::list<test::QuotaNode>& nodes() { return nodes_; }
    double sum(const test::QuotaNode* without = nullptr) {
        double all = 0;
        for (test::QuotaNode& node : nodes_) all += &node == without ? 0.0 : node->rate.load();
        return all;
    }
    bool even() {
        const double each = cap_ / static_cast<double>(nodes_.size());
        return std::all_of(nodes_.begin(), nodes_.end(),
                           [&](test::QuotaNode& node) { return std::abs(node->rate - each) <= 0.01 * each; });
    }
    bool whole(const test::QuotaNode* without = nullptr) { return sum(without) >= 0.99 * cap_; }
    void settle() {
        until([this] { return even(); });
    }
    /// Seconds until it is so. Throws when it never is.
    static double until(const std::function<bool()>& so, std::chrono::seconds limit = std::chrono::seconds(60)) {
        const auto from = test::stamp();
        while (!so()) {
            if (test::stamp() - from > std::chrono::nanoseconds(limit).count())
                throw std::runtime_error("the nodes did not settle in " + std::to_string(limit.count()) + " s");
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return static_cast<double>(test::stamp() - from) / nanos;
    }
    double cap() const { return cap_; }
    std::vector<test::Deeds::Entry> deeds() const { return deeds_.all(); }

  private:
    const std::string url_;
    const double cap_;
    const int replicas_;
    const std::uint16_t sink_;
    int next_ = 0;
    test::Deeds deeds_;
    std::list<test::QuotaNode> nodes_;
};

/// Figures beside their targets, in Markdown and as JSON.
class Table {
  public:
    enum class Is : std::uint8_t { at_most, at_least };

    void row(const std::string& figure, double target, double seen, const char* unit, const std::string& how,
             Is is = Is::at_most) {
        const bool met = is == Is::at_least ? seen >= target : seen <= target;
        std::printf("| %s | %s %.4g%s | %.4g%s | %s | %s |\n", figure.c_str(), is == Is::at_least ? "≥" : "≤", target,
                    unit, seen, unit, met ? "yes" : "**no**", how.c_str());
        std::fflush(stdout);
        rows_.push_back({{"figure", figure},
                         {"target", target},
                         {"least", is == Is::at_least},
                         {"seen", seen},
                         {"unit", unit},
                         {"met", met},
                         {"how", how}});
    }
    /// Something worth knowing that nothing was promised of.
    void note(const std::string& figure, double seen, const char* unit, const std::string& how) {
        std::printf("| %s | – | %.4g%s | – | %s |\n", figure.c_str(), seen, unit, how.c_str());
        std::fflush(stdout);
        rows_.push_back({{"figure", figure}, {"seen", seen}, {"unit", unit}, {"how", how}});
    }
    /// The log of the rates that the nodes ran at, against the cap that was leased.
    test::Verdict judged(const Fleet& fleet) {
        const test::Verdict verdict = test::judge(fleet.deeds());
        highest_sum_ = std::max(highest_sum_, verdict.worst_sum / fleet.cap());
        return verdict;
    }
    /// The same, and what was handed over in any second against the cap that was promised.
    void judged(const std::string& what, const Fleet& fleet, double promised) {
        row("0 over, " + what + ": worst second, of the promised cap", 1, judged(fleet).worst_second / promised, "",
            "hand-off stamps; leased 0.98 of it less 2 a node");
    }
    double highest_sum() const { return highest_sum_; }
    bool met() const {
        return std::all_of(rows_.begin(), rows_.end(), [](const auto& row) { return row.value("met", true); });
    }
    const nlohmann::ordered_json& rows() const { return rows_; }

  private:
    double highest_sum_ = 0;
    nlohmann::ordered_json rows_ = nlohmann::ordered_json::array();
};

struct ScriptCalls {
    double count = 0, microseconds = 0;
};

/// Of our scripts, however they were called.
inline ScriptCalls script_calls(const test::RedisServer& server) {
    ScriptCalls all;
    const std::string text = server.ask({"INFO", "commandstats"}).text;
    for (const std::string name : {"cmdstat_evalsha:", "cmdstat_eval:"}) {
        const auto at = text.find(name);
        if (at == std::string::npos) continue;
        double count = 0, usec = 0;
        if (std::sscanf(text.c_str() + at + name.size(), "calls=%lf,usec=%lf", &count, &usec) != 2)
            throw std::runtime_error("INFO commandstats reads otherwise than expected");
        all.count += count;
        all.microseconds += usec;
    }
    return all;
}

inline std::string percentiles(std::vector<double> seen, const char* what) {
    std::sort(seen.begin(), seen.end());
    std::array<char, 96> text = {};
    std::snprintf(text.data(), text.size(), "%zu %s: median %.3g, highest %.3g", seen.size(), what,
                  seen[seen.size() / 2], seen.back());
    return text.data();
}

inline double highest(const std::vector<double>& seen) {
    return *std::max_element(seen.begin(), seen.end());
}

/// When a master that was frozen and replaced wakes up.
enum class Thaw : std::uint8_t { election, silence, back };
/// A master is frozen, replaced, and thawed with requests queued.
void fail_over(Table& table, Thaw thaw);
/// Two campaigns of different priority on one backend, from different nodes.
void urgent_beside_patient(Table& table, int times);

}  // namespace tidegate::bench
