// The figures of the shared quota: nodes that are processes, a real redis-server, one clock for all, and a judge.

#include <fstream>

#include "drivers.hpp"
#include "net/redis_connection.hpp"
#include "quota_fleet.hpp"
#include "support/sink.hpp"

namespace tidegate::bench {
namespace {

using namespace std::chrono_literals;
using test::Deeds;
using test::QuotaNode;
using test::RedisServer;
using test::stamp;

double handed_over(const std::vector<Deeds::Entry>& deeds, std::int64_t from, std::int64_t to) {
    double count = 0;
    for (const auto& deed : deeds)
        if (!deed.is_rate && deed.at >= from && deed.at < to) count += deed.value;
    return count;
}

// ---- the figures

void calls_per_thousand(Table& table, std::chrono::seconds length) {
    RedisServer server;
    Fleet fleet(server.url(), 10'000, 10);
    fleet.settle();
    const ScriptCalls before = script_calls(server);
    const auto from = stamp();
    std::this_thread::sleep_for(length);
    const ScriptCalls after = script_calls(server);
    const double sent = handed_over(fleet.deeds(), from, stamp());
    const double seconds = static_cast<double>(stamp() - from) / nanos;
    table.row("quota calls for 1,000 messages", 1.25, 1000 * (after.count - before.count) / sent, "",
              "10 nodes, " + std::to_string(std::lround(sent / seconds)) + " messages/s of a cap of 10,000");
    table.judged(fleet);
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
        nodes.emplace_back(quota_options(server.url(), i), name, static_cast<std::uint64_t>(i));
        nodes.back().set_cap("acct:push", Rate{10'000});
    }
    const std::vector<Flow> flows{{"spring/push", {"camp:spring", "acct:push"}, 5, Rate{100}, {}}};
    ScriptCalls before;
    for (const bool measured : {false, true}) {
        if (measured) before = script_calls(server);
        for (quota::LeaseClient& node : nodes) {
            // As if the renewal were due: the lease's clock is what the caller says it is.
            const TimePoint now = awake_now() + (measured ? 1300ms : 0ms);
            const auto action = node.resume(quota::LeaseClient::Demand{flows, true}, now);
            const auto* ask = std::get_if<quota::LeaseClient::Ask>(&action);
            if (ask == nullptr) throw std::runtime_error("a node did not ask");
            const auto answer =
                connection->ask({"EVALSHA", digest, "1", quota::hash_key(quota_domain), ask->json}, system_clock(), 5s);
            if (!answer || answer->is_error()) throw std::runtime_error("a renewal failed");
            static_cast<void>(node.resume(quota::LeaseClient::Answer{answer->text}, now));
        }
    }
    const ScriptCalls after = script_calls(server);
    const std::string leases = server.ask({"HGET", quota::hash_key(quota_domain), "n"}).text;
    if (leases != std::to_string(count)) throw std::runtime_error("only " + leases + " leases lived");
    return (after.microseconds - before.microseconds) / (after.count - before.count) / 1000;
}

void one_second(Table& table, std::chrono::seconds length) {
    constexpr double promised = 5000;
    constexpr int nodes = 4;
    RedisServer server;
    const test::Sink sink;
    Fleet fleet(server.url(), leased_of(promised, nodes), nodes, 0, sink.port());
    fleet.settle();
    const auto from = stamp();
    std::this_thread::sleep_for(length);
    const auto to = stamp();
    const auto deeds = fleet.deeds();
    table.row("messages in the worst second, of the promised cap", 1, table.judged(fleet).worst_second / promised, "",
              "4 nodes, 5,000/s promised, 4,892/s leased; hand-off stamps");
    const double used = handed_over(deeds, from, to) / (static_cast<double>(to - from) / nanos);
    table.row("used under demand, of the promised cap", 0.97, used / promised, "",
              "the same run; " + std::to_string(std::lround(1000 * used / fleet.cap()) / 10) + " % of what was leased",
              Table::Is::at_least);
    const test::Verdict arrived = test::judge(sink.arrivals());
    if (arrived.handed_over < 0.999 * test::judge(deeds).handed_over)
        throw std::runtime_error("messages were lost on the way to the sink");
    table.row("messages in the worst second at the sink, of the promised cap", 1.02, arrived.worst_second / promised,
              "", "the same run; stamped by a process of its own behind TCP");
}

void nodes_that_go(Table& table, int times) {
    constexpr double promised = 1000;
    std::vector<double> killed, frozen, joined;
    RedisServer server;
    Fleet fleet(server.url(), leased_of(promised, 4), 4);
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
    table.judged("nodes that go and come", fleet, promised);
}

void memory_lost(Table& table, int times) {
    const LeaseRules rules;
    const double quiesce = Seconds(Seconds(rules.lease) * (1 + rules.drift) + rules.clock_step + rules.margin).count();
    const double longest = quiesce + Seconds(rules.renew).count();
    constexpr double promised = 1000;
    RedisServer server;
    Fleet fleet(server.url(), leased_of(promised, 4), 4);
    fleet.settle();
    std::vector<double> flushed, restarted;
    const auto back = [&](std::vector<double>& seen, const std::function<void()>& loss) {
        loss();
        const auto from = stamp();  // the server answers again
        Fleet::until([&] { return fleet.sum() < 500; });
        Fleet::until([&] { return fleet.whole(); });
        seen.push_back(static_cast<double>(stamp() - from) / nanos);
        fleet.settle();
        std::this_thread::sleep_for(1500ms);  // a second at full rate before and after each loss, for the judge
    };
    for (int i = 0; i < times; ++i) {
        back(flushed, [&] { server.ask({"FLUSHALL"}); });
        back(restarted, [&] { server.restart(); });
    }
    table.row("FLUSHALL: back at 99 % (Q + R)", longest, highest(flushed), " s", percentiles(flushed, "losses"));
    table.row("restarted empty: the same", longest, highest(restarted), " s", percentiles(restarted, "restarts"));
    table.judged("losses of memory", fleet, promised);
}

void pauses(Table& table, int times) {
    RedisServer server;
    Fleet fleet(server.url(), 1000, 4);
    fleet.settle();
    const auto order = [&](const char* state) {
        const nlohmann::json request = {
            {"subject", "camp:spring"}, {"state", state}, {"rate", -1},    {"at", std::to_string(server.clock())},
            {"patience", 10'000'000},   {"gen", 0},       {"replicas", 0}, {"lag", 2}};
        const auto answer = server.ask({"EVAL", quota::order_script(), "1", quota::hash_key(quota_domain),
                                        request.dump(), quota::control_channel(quota_domain)});
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
    table.row("pause to the last message, p99", 200, lags[rank], " ms", percentiles(lags, "pauses of 4 nodes"));
    table.judged(fleet);
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
    if (wanted("pause")) pauses(table, smoke ? 3 : std::max(100, 20 * times));
    if (wanted("failover") && !smoke)
        for (const Thaw thaw : {Thaw::election, Thaw::silence, Thaw::back}) fail_over(table, thaw);
    if (wanted("urgent")) urgent_beside_patient(table, times);
    if (table.highest_sum() > 0)
        table.row("highest sum of rates at one instant, of the cap leased", 1.00001, table.highest_sum(), "",
                  "every run above; log of the rates that nodes ran at, on one clock");
    const std::string file = options.text("json", "");
    if (!file.empty()) std::ofstream(file) << table.rows().dump(1) << '\n';
    return table.met() || smoke ? 0 : 1;
}

}  // namespace tidegate::bench
