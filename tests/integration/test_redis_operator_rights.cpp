// What the operator's commands need of Redis: no more than what nodes need, over TLS, as a user who may do nothing
// else.

#include <doctest/doctest.h>

#include <filesystem>

#include "support/campaign_text.hpp"
#include "support/redis_server.hpp"
#include "support/twin.hpp"

using namespace tidegate::test;
using namespace std::chrono_literals;

TEST_CASE(
    "over TLS with the documented rights alone: two nodes send, `quota` shows both, pause and resume reach both") {
    TempDir dir;
    const TestCertificates certificates(dir);
    RedisServer::Setup setup;
    setup.tls = &certificates;
    const RedisServer redis(setup);
    REQUIRE_FALSE(redis.ask(quota_acl("tide", "s3cret-of-redis")).is_error());
    REQUIRE_FALSE(redis.ask({"ACL", "SETUSER", "default", "off"}).is_error());

    std::filesystem::permissions(dir.write("redis.pass", "s3cret-of-redis\n"), std::filesystem::perms::owner_read);
    Twin twin(dir);
    CampaignText text = CampaignText::over_webhook(twin, "per_second = 60\n").watched(twin);
    text.backend += "[quota]\nredis = \"" + redis.url("tide") + "\"\npassword = \"file:redis.pass\"\nca = \"" +
                    certificates.ca_file + "\"\ndomain = \"test\"\nlease = \"1s\"\nrenew = \"300ms\"\n";
    std::vector<std::unique_ptr<Cli>> nodes;
    std::string file;
    for (const std::string name : {"north", "south"}) {
        std::string people = "id,name,hook\n";
        for (int i = 0; i < 5000; ++i) {
            const std::string who = name + std::to_string(i);
            people.append(who).append(",").append(who).append(",").append(who).append("\n");
        }
        dir.write(name + ".csv", people);
        text.audience = "file = \"" + name + ".csv\"\nkey = \"id\"\n";
        file = dir.write(name + ".toml", text.text() + "node = \"" + name + "\"\n");
        std::filesystem::create_directory(dir.file(name));
        nodes.push_back(std::make_unique<Cli>(
            dir, std::vector<std::string>{"run", file, "--ledger", dir.file(name), "--progress", "none"}));
    }
    const auto arrived = [&](const std::string& name) {
        std::size_t count = 0;
        for (const auto& arrival : twin.arrivals()) count += arrival.address.starts_with(name) ? 1 : 0;
        return count;
    };
    const auto both_send = [&] {
        const std::size_t north = arrived("north"), south = arrived("south");
        return eventually(60s, [&] { return arrived("north") > north + 5 && arrived("south") > south + 5; });
    };
    REQUIRE(both_send());

    const CliResult shown = cli(dir, {"quota", file, "--audit"});
    CHECK_MESSAGE(shown.code == 0, shown.err);
    for (const char* part : {"domain test: 2 nodes, epoch 1, led by ", "node north#", "node south#", "acct:hook"})
        CHECK_MESSAGE(shown.out.find(part) != std::string::npos, shown.out);
    CHECK(shown.out.find("s3cret") == std::string::npos);

    const CliResult paused = cli(dir, {"pause", file});
    CHECK_MESSAGE(paused.code == 0, paused.err);
    CHECK(eventually(30s, [&] {
        const std::size_t before = twin.arrivals().size();
        std::this_thread::sleep_for(700ms);
        return twin.arrivals().size() == before;
    }));
    const CliResult resumed = cli(dir, {"resume", file});
    CHECK_MESSAGE(resumed.code == 0, resumed.err);
    CHECK(both_send());
}
