// The figures of the shared quota: nodes that are processes, a real redis-server, one clock for all, and a judge.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <list>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "drivers.hpp"
#include "measure.hpp"
#include "net/redis_connection.hpp"
#include "quota/redis_scripts.hpp"
#include "support/quota_rig.hpp"
#include "support/redis_server.hpp"

namespace tidegate::bench {
namespace {

using namespace std::chrono_literals;
using test::Deeds;
using test::QuotaNode;
using test::RedisServer;
using test::stamp;

constexpr const char* domain = "figures";
constexpr double nanos = 1e9;

SharedQuotaOptions options(const std::string& url, int node) {
    SharedQuotaOptions made;
    made.redis = url;
    made.domain = domain;
    made.node = "node-" + std::to_string(node);
    return made;
}

/// Nodes that want all they can get of one account.
class Fleet {
  public:
    Fleet(std::string url, double cap, int nodes, int replicas = 0)
        : url_(std::move(url)), cap_(cap), fence_(replicas) {
        for (int i = 0; i < nodes; ++i) join();
    }

    QuotaNode& join() {
        SharedQuotaOptions with = options(url_, next_);
        with.rules.replicas = fence_;
        return nodes_.emplace_back(deeds_, next_++, with, 2 * cap_, std::map<std::string, double>{{"acct:push", cap_}});
    }

    std::list<QuotaNode>& nodes() { return nodes_; }
    double sum(const QuotaNode* without = nullptr) {
        double all = 0;
        for (QuotaNode& node : nodes_) all += &node == without ? 0.0 : node->rate.load();
        return all;
    }
    bool even() {
        const double each = cap_ / static_cast<double>(nodes_.size());
        for (QuotaNode& node : nodes_)
            if (std::abs(node->rate - each) > 0.01 * each) return false;
        return true;
    }
    bool whole(const QuotaNode* without = nullptr) { return sum(without) >= 0.99 * cap_; }
    void settle() {
        until([this] { return even(); }, 60s);
    }
    /// Seconds until it is so. Throws when it never is.
    static double until(const std::function<bool()>& so, std::chrono::seconds limit = 60s) {
        const auto from = stamp();
        while (!so()) {
            if (stamp() - from > std::chrono::nanoseconds(limit).count())
                throw std::runtime_error("the nodes did not settle in " + std::to_string(limit.count()) + " s");
            std::this_thread::sleep_for(2ms);
        }
        return static_cast<double>(stamp() - from) / nanos;
    }
    std::vector<Deeds::Entry> deeds() const { return deeds_.all(); }

  private:
    const std::string url_;
    const double cap_;
    const int fence_;
    int next_ = 0;
    Deeds deeds_;
    std::list<QuotaNode> nodes_;
};

class Table {
  public:
    /// `target` is the most that `seen` may be; `least` turns it round.
    void row(const std::string& figure, double target, double seen, const char* unit, const std::string& how,
             bool least = false) {
        const bool met = least ? seen >= target : seen <= target;
        std::printf("| %s | %s %.4g%s | %.4g%s | %s | %s |\n", figure.c_str(), least ? "≥" : "≤", target, unit, seen,
                    unit, met ? "yes" : "**no**", how.c_str());
        std::fflush(stdout);
        rows_.push_back({{"figure", figure},
                         {"target", target},
                         {"least", least},
                         {"seen", seen},
                         {"unit", unit},
                         {"met", met},
                         {"how", how}});
    }
    /// Of everything that was judged so far.
    void judged(const char* what, const Fleet& fleet, double cap) {
        const test::Verdict verdict = test::judge(fleet.deeds());
        std::fprintf(stderr, "%s: highest sum %.6g, worst second %.6g of %.6g\n", what, verdict.worst_sum,
                     verdict.worst_second, cap);
        over_ = std::max(over_, verdict.worst_sum / cap);
    }
    double worst_sum() const { return over_; }
    const nlohmann::ordered_json& rows() const { return rows_; }

  private:
    double over_ = 0;
    nlohmann::ordered_json rows_ = nlohmann::ordered_json::array();
};

struct Calls {
    double count = 0, microseconds = 0;
};

/// Of our scripts, however they were called.
Calls calls(const RedisServer& server) {
    Calls all;
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

double handed_over(const std::vector<Deeds::Entry>& deeds, std::int64_t from, std::int64_t to) {
    double count = 0;
    for (const auto& deed : deeds)
        if (!deed.is_rate && deed.at >= from && deed.at < to) count += deed.value;
    return count;
}

std::string percentiles(std::vector<double> seen, const char* what) {
    std::sort(seen.begin(), seen.end());
    std::array<char, 96> text = {};
    std::snprintf(text.data(), text.size(), "%zu %s, median %.3g", seen.size(), what, seen[seen.size() / 2]);
    return text.data();
}

double highest(const std::vector<double>& seen) {
    return *std::max_element(seen.begin(), seen.end());
}

// ---- the figures

void calls_per_thousand(Table& table, std::chrono::seconds length) {
    RedisServer server;
    Fleet fleet(server.url(), 10'000, 10);
    fleet.settle();
    const Calls before = calls(server);
    const auto from = stamp();
    std::this_thread::sleep_for(length);
    const Calls after = calls(server);
    const double sent = handed_over(fleet.deeds(), from, stamp());
    const double seconds = static_cast<double>(stamp() - from) / nanos;
    table.row("quota calls for 1,000 messages", 1.25, 1000 * (after.count - before.count) / sent, "",
              "10 nodes, " + std::to_string(std::lround(sent / seconds)) + " messages/s of a cap of 10,000");
    table.judged("calls", fleet, 10'000);
}

/// `count` nodes renew twice through one connection, with the client's own requests. The second round is measured.
double script_time(int count) {
    RedisServer server;
    net::RedisOptions with;
    with.address.endpoints = {{"127.0.0.1", server.port()}};
    auto connection = net::RedisConnection::make(with, 1);
    if (!connection) throw std::runtime_error(connection.error().what);
    const std::string digest = net::redis_script_digest(quota::acquire_script());
    server.ask({"SCRIPT", "LOAD", quota::acquire_script()});
    std::list<quota::LeaseClient> nodes;
    for (int i = 0; i < count; ++i) {
        const std::string name = "node-" + std::to_string(i);
        nodes.emplace_back(options(server.url(), i), name, static_cast<std::uint64_t>(i));
        nodes.back().set_cap("acct:push", Rate{10'000});
    }
    const std::vector<Flow> flows{{"spring/push", {"camp:spring", "acct:push"}, 5, Rate{100}, {}}};
    Calls before;
    for (const bool measured : {false, true}) {
        if (measured) before = calls(server);
        for (quota::LeaseClient& node : nodes) {
            // As if the renewal were due: the lease's clock is what the caller says it is.
            const TimePoint now = awake_now() + (measured ? 1300ms : 0ms);
            const auto action = node.resume(quota::LeaseClient::Demand{flows, true}, now);
            const auto* ask = std::get_if<quota::LeaseClient::Ask>(&action);
            if (ask == nullptr) throw std::runtime_error("a node did not ask");
            const auto answer =
                connection->ask({"EVALSHA", digest, "1", quota::hash_key(domain), ask->json}, system_clock(), 5s);
            if (!answer || answer->is_error()) throw std::runtime_error("a renewal failed");
            static_cast<void>(node.resume(quota::LeaseClient::Answer{answer->text}, now));
        }
    }
    const Calls after = calls(server);
    const std::string leases = server.ask({"HGET", quota::hash_key(domain), "n"}).text;
    if (leases != std::to_string(count)) throw std::runtime_error("only " + leases + " leases lived");
    return (after.microseconds - before.microseconds) / (after.count - before.count) / 1000;
}

/// One second exactly needs room for every node's burst: the cap that is leased lies below the one promised.
void one_second(Table& table, std::chrono::seconds length) {
    constexpr double promised = 5000;
    constexpr int nodes = 4;
    constexpr double leased = promised * 0.98 - nodes * 2;
    RedisServer server;
    Fleet fleet(server.url(), leased, nodes);
    fleet.settle();
    const auto from = stamp();
    std::this_thread::sleep_for(length);
    const auto to = stamp();
    const auto deeds = fleet.deeds();
    const test::Verdict verdict = test::judge(deeds);
    table.row("messages in the worst second, of the promised cap", 1.0, verdict.worst_second / promised, "",
              "4 nodes, 5,000/s promised, 4,892/s leased; hand-off stamps");
    const double used = handed_over(deeds, from, to) / (static_cast<double>(to - from) / nanos);
    table.row("used under demand, of the promised cap", 0.97, used / promised, "",
              "the same run; " + std::to_string(std::lround(1000 * used / leased) / 10) + " % of what was leased",
              true);
    table.judged("window", fleet, leased);
}

void nodes_that_go(Table& table, int times) {
    std::vector<double> killed, frozen, joined;
    RedisServer server;
    Fleet fleet(server.url(), 1000, 4);
    fleet.settle();
    for (int i = 0; i < times; ++i) {
        fleet.nodes().front().kill();
        fleet.nodes().pop_front();
        killed.push_back(Fleet::until([&] { return fleet.whole(); }));
        fleet.settle();
        fleet.join();
        joined.push_back(Fleet::until([&] { return fleet.even(); }));
        QuotaNode& still = fleet.nodes().front();
        still.signal(SIGSTOP);
        frozen.push_back(Fleet::until([&] { return fleet.whole(&still); }));
        still.signal(SIGCONT);
        fleet.settle();
    }
    table.row("node killed: 99 % of the cap in use again", 5.1, highest(killed), " s", percentiles(killed, "kills"));
    table.row("node stopped (SIGSTOP): the same", 5.1, highest(frozen), " s", percentiles(frozen, "stops"));
    table.row("node joins: even shares", 4, highest(joined), " s", percentiles(joined, "joins, from the fork"));
    table.judged("nodes", fleet, 1000);
}

void memory_lost(Table& table, int times) {
    const LeaseRules rules;
    const double quiesce = Seconds(Seconds(rules.lease) * (1 + rules.drift) + rules.clock_step + rules.margin).count();
    const double longest = quiesce + Seconds(rules.renew).count();
    RedisServer server;
    Fleet fleet(server.url(), 1000, 4);
    fleet.settle();
    std::vector<double> flushed, restarted;
    const auto back = [&](std::vector<double>& seen, const std::function<void()>& loss) {
        loss();
        const auto from = stamp();  // the server answers again
        Fleet::until([&] { return fleet.sum() < 500; });
        Fleet::until([&] { return fleet.whole(); });
        seen.push_back(static_cast<double>(stamp() - from) / nanos);
        fleet.settle();
    };
    for (int i = 0; i < times; ++i) {
        back(flushed, [&] { server.ask({"FLUSHALL"}); });
        back(restarted, [&] { server.restart(); });
    }
    table.row("FLUSHALL: back at 99 % (Q + R)", longest, highest(flushed), " s", percentiles(flushed, "losses"));
    table.row("restarted empty: the same", longest, highest(restarted), " s", percentiles(restarted, "restarts"));
    table.judged("memory", fleet, 1000);
}

void pauses(Table& table, int times) {
    RedisServer server;
    Fleet fleet(server.url(), 1000, 4);
    fleet.settle();
    const auto order = [&](const char* state) {
        const nlohmann::json request = {
            {"subject", "camp:spring"}, {"state", state}, {"rate", -1}, {"gen", 0}, {"replicas", 0}, {"lag", 2}};
        const auto answer = server.ask({"EVAL", quota::order_script(), "1", quota::hash_key(domain), request.dump(),
                                        quota::control_channel(domain)});
        if (answer.is_error()) throw std::runtime_error(answer.text);
    };
    std::vector<std::pair<std::int64_t, std::int64_t>> spans;
    for (int i = 0; i < times; ++i) {
        const auto from = stamp();
        order("pause");
        Fleet::until([&] { return fleet.sum() == 0.0; });
        std::this_thread::sleep_for(250ms);  // whoever is late shall be seen
        spans.emplace_back(from, stamp());
        order("run");
        Fleet::until([&] { return fleet.whole(); });
    }
    std::vector<double> lags(spans.size(), 0.0);
    for (const auto& deed : fleet.deeds())
        for (std::size_t i = 0; i < spans.size(); ++i)
            if (!deed.is_rate && deed.at >= spans[i].first && deed.at < spans[i].second)
                lags[i] = std::max(lags[i], static_cast<double>(deed.at - spans[i].first) / 1e6);
    std::sort(lags.begin(), lags.end());
    const auto rank = static_cast<std::size_t>(std::ceil(0.99 * static_cast<double>(lags.size()))) - 1;
    table.row("pause to the last message, p99", 200, lags[rank], " ms", percentiles(lags, "pauses, 4 nodes"));
    table.judged("pause", fleet, 1000);
}

void fail_over(Table& table) {
    test::RedisFamily family;
    const auto old = family.master_port();
    Fleet fleet(family.url(), 1000, 4, 1);
    fleet.settle();
    family.master.process().signal(SIGSTOP);
    const auto from = stamp();
    Fleet::until([&] { return family.master_port() != old; });
    Fleet::until([&] { return fleet.sum() == 0.0; });
    Fleet::until([&] { return fleet.whole(); });
    const double back = static_cast<double>(stamp() - from) / nanos;
    family.master.process().signal(SIGCONT);
    std::this_thread::sleep_for(6s);
    const test::Verdict verdict = test::judge(fleet.deeds());
    std::array<char, 96> how = {};
    std::snprintf(how.data(), how.size(), "3 sentinels, master and 2 replicas; back at 99 %% after %.3g s", back);
    table.row("fail-over, the old master frozen and thawed: highest sum of rates, of the cap", 1.00001,
              verdict.worst_sum / 1000, "", how.data());
    table.judged("failover", fleet, 1000);
}

}  // namespace

int quota_figures(const Options& options) {
    const std::string only = options.text("only", "");
    const bool smoke = options.number("smoke", 0) != 0;
    const int times = smoke ? 1 : static_cast<int>(options.number("times", 5));
    const auto length = std::chrono::seconds(smoke ? 2 : options.number("seconds", 20));
    const auto wanted = [&](const char* name) { return only.empty() || only == name; };
    std::printf("| Figure | Target | Seen (worst) | Met | How |\n|---|---:|---:|---|---|\n");
    Table table;
    if (wanted("calls")) calls_per_thousand(table, length);
    if (wanted("script")) {
        std::array<char, 96> how = {};
        std::snprintf(how.data(), how.size(), "INFO commandstats; %.3g ms with 4", script_time(4));
        table.row("time of a renewal's script, 2,000 leases", 0.5, script_time(smoke ? 200 : 2000), " ms", how.data());
    }
    if (wanted("window")) one_second(table, length);
    if (wanted("nodes")) nodes_that_go(table, times);
    if (wanted("memory")) memory_lost(table, times);
    if (wanted("pause")) pauses(table, smoke ? 3 : std::max(50, 10 * times));
    if (wanted("failover") && !smoke) fail_over(table);
    if (table.worst_sum() > 0)
        table.row("highest sum of rates at one instant, of the cap leased", 1.00001, table.worst_sum(), "",
                  "every run above");
    const std::string file = options.text("json", "");
    if (!file.empty()) std::ofstream(file) << table.rows().dump(1) << '\n';
    bool met = true;
    for (const auto& row : table.rows()) met = met && row["met"].get<bool>();
    return met || smoke ? 0 : 1;
}

}  // namespace tidegate::bench
