// The sender is killed at random instants and run again. What really happened is read from the other side: the log of
// the practice bank, which lives on. TIDEGATE_CRASH_RECIPIENTS, TIDEGATE_CRASH_KILLS and TIDEGATE_CRASH_SEED make it
// longer or repeat a run.

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "support/campaign_text.hpp"
#include "support/twin.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t one_batch = 500;

std::size_t wish(const char* name, std::size_t otherwise) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0' ? std::strtoull(value, nullptr, 10) : otherwise;
}

/// Addresses that the ledger holds for in doubt: intended, and without a durable answer.
std::set<std::string> in_doubt(const std::string& path) {
    std::set<std::string> keys;
    auto ledger = SqliteLedger::open_for_reading(path);
    REQUIRE_MESSAGE(ledger, ledger.error().text());
    for (DeliveryId last = 0;;) {
        auto open = (*ledger)->open(last, 1000);
        REQUIRE(open);
        if (open->empty()) return keys;
        last = open->back().first.id;
        for (const auto& [delivery, recipient] : *open) {
            if (delivery.state == DeliveryState::intended) keys.insert("@" + recipient.person.key);
        }
    }
}

std::set<std::string> exported(const TempDir& dir, const std::string& campaign, const std::string& outcome) {
    const std::string file = dir.file(outcome + ".csv");
    REQUIRE(cli(dir, {"report", campaign, "--export", outcome, file}).code == 0);
    std::set<std::string> keys;
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) keys.insert("@" + line.substr(0, line.find(',')));
    return keys;
}

/// Kills at random instants until all `kills` are spent, then runs to the end and compares both sides.
void ordeal(const std::string& policy) {
    const std::size_t recipients = wish("TIDEGATE_CRASH_RECIPIENTS", 6000), kills = wish("TIDEGATE_CRASH_KILLS", 6);
    const auto seed = static_cast<std::uint32_t>(wish("TIDEGATE_CRASH_SEED", std::random_device{}()));
    std::mt19937 chance(seed);
    const auto up_to = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(chance); };
    CAPTURE(seed);
    const auto begun = std::chrono::steady_clock::now();

    const TempDir dir;
    Twin sink(dir);
    dir.write("people.csv", webhook_audience(recipients));
    CampaignText text = CampaignText::over_webhook(sink);
    text.campaign = "on_unknown = \"" + policy + "\"\n";
    text.limits = "per_second = 4000\n";
    text.cohorts = "count = 4\ngap = \"1ms\"\n";
    const std::string campaign = text.write(dir), ledger = dir.file("ledger/practice.ledger");
    const std::vector<std::string> run{"run", campaign, "--json", "--progress", "none"};

    std::set<std::string> ever_in_doubt;
    std::size_t killed = 0, most_in_doubt = 0;
    bool over = false;
    while (killed < kills && !over) {
        Cli sender(dir, run);
        // Each gets at most its part of what is left, so that all of them fit into the audience.
        const std::size_t before = sink.arrivals().size();
        const std::size_t part = (recipients - std::min(recipients, before)) / (kills - killed + 2);
        // While it starts (reading the audience, opening the ledger, settling the doubts of the last time), or in full
        // flow.
        const bool starts = up_to(3) == 0;
        const std::size_t enough = before + 1 + (starts ? part : up_to(part));
        eventually(starts ? std::chrono::milliseconds(up_to(700)) : 60s,
                   [&] { return sink.arrivals().size() >= enough || !sender.process().running(); });
        if (!starts) std::this_thread::sleep_for(std::chrono::microseconds(up_to(20000)));
        over = !sender.process().running();
        sender.process().signal(SIGKILL);
        sender.wait();
        if (over) break;
        ++killed;
        if (::access(ledger.c_str(), F_OK) != 0) continue;  // killed while it read the audience: nothing had begun
        const std::set<std::string> doubtful = in_doubt(ledger);
        CHECK(doubtful.size() <= one_batch);
        most_in_doubt = std::max(most_in_doubt, doubtful.size());
        ever_in_doubt.insert(doubtful.begin(), doubtful.end());
        const CliResult after_crash = cli(dir, {"report", campaign, "--json"});
        CHECK(after_crash.json["state"] != "running");
        CHECK(after_crash.code == 0);
        CHECK_MESSAGE(broken_promises(after_crash.json).empty(), after_crash.out);
    }
    const CliResult last = cli(dir, run, 300s);
    CHECK_MESSAGE(last.code == 0, last.err);
    CHECK_MESSAGE(broken_promises(last.json).empty(), last.out);
    REQUIRE(last.json.is_object());
    CHECK(last.json["state"] == "completed");
    CHECK(last.json["outcomes"]["pending"] == 0);
    CHECK(killed == kills);

    const std::map<std::string, int> taken = sink.taken();
    const std::set<std::string> unknown = exported(dir, campaign, "unknown");
    std::size_t lost = 0, doubled = 0, doubled_without_doubt = 0, most = 0, untold = 0;
    for (std::size_t i = 1; i <= recipients; ++i) {
        char address[16];
        std::snprintf(address, sizeof address, "@m%06zu", i);
        const auto found = taken.find(address);
        const int times = found == taken.end() ? 0 : found->second;
        if (times == 0) ++(unknown.contains(address) ? untold : lost);
        if (times > 1) {
            doubled += static_cast<std::size_t>(times - 1);
            if (!ever_in_doubt.contains(address)) ++doubled_without_doubt;
        }
        most = std::max(most, static_cast<std::size_t>(times));
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    MESSAGE("crash on_unknown=", policy, " recipients=", recipients, " kills=", killed, " lost=", lost,
            " doubled=", doubled, " unknown=", unknown.size(), " of_them_not_arrived=", untold,
            " most_in_doubt=", most_in_doubt, " seconds=", seconds, " seed=", seed);

    CHECK(lost == 0);
    CHECK(last.json["outcomes"]["accepted"].get<std::size_t>() + unknown.size() == recipients);
    if (policy == "never") {
        CHECK(doubled == 0);
        for (const std::string& address : unknown) CHECK(ever_in_doubt.contains(address));
    } else {
        CHECK(unknown.empty());
        CHECK(untold == 0);
        CHECK(doubled <= one_batch * killed);
        CHECK(doubled_without_doubt == 0);
        CHECK(most <= killed + 1);
    }
}

}  // namespace

TEST_CASE("killed at any instant and told never to repeat, the sender loses nobody silently and doubles nobody") {
    ordeal("never");
}

TEST_CASE("killed at any instant and told to resend, the sender loses nobody and doubles only what was in doubt") {
    ordeal("resend");
}
