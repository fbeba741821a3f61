// The operator's view of a domain and the orders that reach every node of it: through Redis alone, no node is named.

#include <doctest/doctest.h>

#include "support/campaign_text.hpp"
#include "support/redis_server.hpp"
#include "support/twin.hpp"
#include "tidegate/quota/quota_state.hpp"

using namespace tidegate::test;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A node that sends 40 messages a second for as long as the test needs, and the commands against its domain.
struct Domain {
    TempDir dir;
    Twin twin{dir};
    RedisServer redis;
    std::string file;
    std::unique_ptr<Cli> node;

    Domain() {
        dir.write("people.csv", webhook_audience(5000));
        CampaignText text = CampaignText::over_webhook(twin, "per_second = 40\n").watched(twin);
        text.backend += "[quota]\nredis = \"" + redis.url() +
                        "\"\ndomain = \"test\"\nnode = \"seoul\"\nlease = \"1s\"\nrenew = \"300ms\"\n";
        file = text.write(dir);
        node = std::make_unique<Cli>(dir, std::vector<std::string>{"run", file, "--progress", "none", "--json"});
        REQUIRE(sends());
    }
    CliResult ask(const std::vector<std::string>& arguments) { return cli(dir, arguments); }
    nlohmann::json state() { return ask({"quota", file, "--json"}).json; }
    nlohmann::json resource(const std::string& name) {
        const nlohmann::json all = state();
        for (const nlohmann::json& one : all["resources"])
            if (one["name"] == name) return one;
        return nullptr;
    }
    bool sends() {
        const std::size_t before = twin.arrivals().size();
        return eventually(30s, [&] { return twin.arrivals().size() > before + 5; });
    }
    /// Nothing arrives for half a second.
    bool stands() {
        return eventually(20s, [&] {
            const std::size_t before = twin.arrivals().size();
            std::this_thread::sleep_for(500ms);
            return twin.arrivals().size() == before;
        });
    }
    void falsify(const std::string& field, const std::string& by) const {
        REQUIRE_FALSE(redis.ask({"HINCRBY", "{tidegate:test}:q", field, by}).is_error());
    }
};

}  // namespace

TEST_CASE("`quota` shows who holds what, and `--audit` finds a sum that is not what its parts add up to") {
    Domain domain;
    const CliResult shown = domain.ask({"quota", domain.file});
    CHECK(shown.code == 0);
    CHECK(has(shown.out, "domain test: 1 node, epoch 1, led by seoul#"));
    CHECK(has(shown.out, "acct:hook"));
    CHECK(has(shown.out, "node seoul#"));
    CHECK(has(shown.out, "practice/hook (priority 5):"));

    const nlohmann::json state = domain.state();
    REQUIRE(state["nodes"].size() == 1);
    CHECK(state["nodes"][0]["left_s"] > 0.0);
    CHECK(state["nodes"][0]["claims"][0]["charged"]["acct:hook"] > 0.0);
    const nlohmann::json account = domain.resource("acct:hook");
    CHECK(account["cap"] == 40.0);
    CHECK(account["committed"] > 0.0);
    CHECK(account["committed"] <= 40.0);
    CHECK(account["counted"] == account["committed"]);
    CHECK(domain.resource("be:app-api").is_object());

    const CliResult sound = domain.ask({"quota", domain.file, "--audit"});
    CHECK_MESSAGE(sound.code == 0, sound.err);
    CHECK(has(sound.out, "audit: every sum shown is what its parts add up to"));
    domain.falsify("C:acct:hook", "7000");
    const CliResult false_sum = domain.ask({"quota", domain.file, "--audit"});
    CHECK(false_sum.code == 5);
    CHECK_MESSAGE(has(false_sum.err, "acct:hook: committed is"), false_sum.err);
    CHECK(domain.ask({"quota", domain.file, "--audit", "--json"}).json["differences"].size() == 1);
    domain.falsify("C:acct:hook", "-7000");
    CHECK(domain.ask({"quota", domain.file, "--audit"}).code == 0);
}

TEST_CASE(
    "pause, rate, resume, hold and abort reach a node that nobody named, and each changes only what it is about") {
    Domain domain;
    const CliResult paused = domain.ask({"pause", domain.file});
    CHECK_MESSAGE(paused.code == 0, paused.err);
    CHECK(has(paused.out, "camp:practice: paused, on every node of test"));
    CHECK(domain.stands());
    CHECK(domain.ask({"rate", "20", domain.file}).code == 0);
    CHECK(domain.stands());  // a rate is no resumption
    const nlohmann::json order = domain.resource("camp:practice")["order"];
    CHECK(order["state"] == "pause");
    CHECK(order["rate"] == 20.0);
    CHECK(domain.ask({"resume", domain.file}).code == 0);
    CHECK(domain.sends());
    CHECK(domain.resource("camp:practice")["order"]["rate"] == 20.0);

    CHECK(domain.ask({"hold", "--domain", domain.file}).code == 0);
    CHECK(domain.stands());
    CHECK(has(domain.ask({"quota", domain.file}).out, "ordered for everything: hold"));
    CHECK(domain.ask({"hold", "--domain", domain.file, "--release"}).code == 0);
    CHECK(domain.sends());
    CHECK(domain.ask({"hold", "--domain", domain.file, "--backend", "app-api"}).code == 0);
    CHECK(domain.stands());
    const CliResult unknown = domain.ask({"hold", "--domain", domain.file, "--backend", "app-apy"});
    CHECK(unknown.code == 2);
    CHECK(has(unknown.err, "no backend is called \"app-apy\""));

    CHECK(domain.ask({"abort", domain.file}).code == 0);
    CHECK(domain.node->wait(30s) == 3);
    const CliResult late = domain.ask({"resume", domain.file});
    CHECK(late.code == 2);
    CHECK_MESSAGE(has(late.err, "final"), late.err);
}

TEST_CASE("what cannot be asked is said in words: Redis that is away, a file without [quota], an id without a token") {
    TempDir dir;
    Twin twin(dir);
    dir.write("people.csv", webhook_audience(5));
    CampaignText text = CampaignText::over_webhook(twin);
    const CliResult alone = cli(dir, {"quota", text.write(dir)});
    CHECK(alone.code == 2);
    CHECK_MESSAGE(has(alone.err, "has no [quota]"), alone.err);
    text.backend = "[quota]\nredis = \"redis://127.0.0.1:" + std::to_string(free_port()) + "/0\"\ndomain = \"test\"\n";
    const std::string file = text.write(dir);
    for (const std::vector<std::string>& line :
         {std::vector<std::string>{"quota", file}, {"pause", file}, {"hold", "--domain", file}}) {
        const CliResult away = cli(dir, line);
        CHECK(away.code == 2);
        CHECK_MESSAGE(has(away.err, "Redis"), away.err);
    }
    const CliResult by_id = cli(dir, {"pause", "practice"});
    CHECK(by_id.code == 2);
    CHECK_MESSAGE(has(by_id.err, "--token"), by_id.err);
}
