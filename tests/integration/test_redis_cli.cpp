// The command line under a shared quota: exit codes and words, with the practice bank as provider.

#include <doctest/doctest.h>

#include "support/campaign_text.hpp"
#include "support/redis_server.hpp"
#include "support/twin.hpp"

using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string quota(const std::string& redis) {
    return "[quota]\nredis = \"" + redis + "\"\ndomain = \"test\"\nlease = \"1s\"\nrenew = \"300ms\"\n";
}

/// Customers of one branch, whom no other branch has.
std::string branch(const std::string& name, int people) {
    std::string csv = "id,name,hook\n";
    for (int i = 0; i < people; ++i) {
        const std::string who = name + std::to_string(i);
        csv += who + "," + who + "," + who + "\n";
    }
    return csv;
}

}  // namespace

TEST_CASE("Redis that is down refuses a run with 2 before anything is sent, and is not needed for anything else") {
    TempDir dir;
    Twin twin(dir);
    dir.write("people.csv", branch("a", 5));
    CampaignText text = CampaignText::over_webhook(twin);
    text.backend = quota("redis://127.0.0.1:" + std::to_string(free_port()) + "/0");
    const std::string file = text.write(dir);

    const CliResult run = cli(dir, {"run", file, "--progress", "none"});
    INFO(run.err);
    CHECK(run.code == 2);
    CHECK(has(run.err, "quota.redis"));
    CHECK(twin.arrivals().empty());

    const CliResult check = cli(dir, {"check", file});
    CHECK(check.code == 0);
    CHECK(has(check.out, "quota        domain test at redis://127.0.0.1:"));
    CHECK(has(check.out, "not tried"));
    CHECK(cli(dir, {"check", file, "--json"}).json["quota"]["tried"] == false);
    CHECK(cli(dir, {"plan", file}).code == 0);
    CHECK(cli(dir, {"run", file, "--dry-run", "--progress", "none"}).code == 0);
    CHECK(twin.arrivals().empty());
}

TEST_CASE("two processes of one host send their parts of a campaign to one backend, under one limit") {
    TempDir dir;
    Twin twin(dir);
    RedisServer redis;
    CampaignText text = CampaignText::over_webhook(twin, "per_second = 60\n").watched(twin);
    text.backend += quota(redis.url());
    std::vector<std::unique_ptr<Cli>> nodes;
    for (const std::string name : {"north", "south"}) {
        dir.write(name + ".csv", branch(name, 90));
        text.audience = "file = \"" + name + ".csv\"\nkey = \"id\"\n";
        std::filesystem::create_directory(dir.file(name));
        std::filesystem::rename(text.write(dir), dir.file(name + ".toml"));
        nodes.push_back(std::make_unique<Cli>(
            dir, std::vector<std::string>{"run", dir.file(name + ".toml"), "--ledger", dir.file(name), "--json"}));
    }
    for (const auto& node : nodes) {
        CHECK_MESSAGE(node->wait(60s) == 0, node->err());
        CHECK(broken_promises(node->json()).empty());
        CHECK(node->json()["outcomes"]["accepted"] == 90);
    }
    const auto taken = twin.taken();
    CHECK(taken.size() == 180);
    std::size_t most = 0, from = 0;
    const auto& all = twin.arrivals();
    for (std::size_t i = 0; i < all.size(); ++i) {
        while (all[from].ms <= all[i].ms - 1000) ++from;
        most = std::max(most, i - from + 1);
    }
    MESSAGE("busiest second: " << most);
    // The bank stamps what it has read: a busy machine bunches a little. Each for itself they would send 120.
    CHECK(most <= 90);
}
