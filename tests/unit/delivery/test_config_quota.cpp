#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "support/temp_dir.hpp"
#include "tidegate/delivery/config.hpp"

using namespace tidegate;
using namespace std::chrono_literals;
using test::TempDir;

namespace {

/// A campaign in one file; the tables of a test begin at line 16.
std::string with_quota(const std::string& keys) {
    return R"([[channel]]
kind = "webhook"
url = "http://127.0.0.1:1/push"
[campaign]
id = "hello"
purpose = "informational"
[audience]
file = "people.csv"
[audience.address]
webhook = "token"
[message]
body = "hello"
[cohorts]
count = 1
[quota]
)" + keys;
}

Result<LoadedCampaign, Faults> read(const TempDir& dir, const std::string& keys) {
    return load_campaign(dir.write("campaign.toml", with_quota(keys)));
}

/// Every fault as "line what", joined by new lines.
std::string faults_of(const TempDir& dir, const std::string& keys) {
    const auto loaded = read(dir, keys);
    if (loaded) return "none";
    std::string all;
    for (const Error& fault : loaded.error()) {
        CHECK_FALSE(fault.hint.empty());
        all += fault.where.substr(fault.where.rfind(':') + 1) + " " + fault.what + "\n";
    }
    return all;
}

bool has(const std::string& text, const std::string& part) {
    CAPTURE(text);
    CAPTURE(part);
    return text.find(part) != std::string::npos;
}

}  // namespace

#if TIDEGATE_HAS_REDIS

TEST_CASE("a site says where shared limits live, and everything else has a default") {
    const TempDir dir;
    const auto loaded = read(dir, "redis = \"redis://127.0.0.1:6379/0\"\ndomain = \"marketing\"\n");
    REQUIRE(loaded);
    REQUIRE(loaded->site.quota);
    QuotaOptions expected;
    expected.store.redis = "redis://127.0.0.1:6379/0";
    expected.store.domain = "marketing";
    CHECK(*loaded->site.quota == expected);
    CHECK(loaded->site.quota->grace == 5min);
}

TEST_CASE("every key of [quota] arrives") {
    const TempDir dir;
    dir.write("redis.password", "from-a-file\n");
    const auto loaded = read(dir, R"(redis = "redis+sentinel://nodes@10.0.0.1,10.0.0.2/tide"
password = "file:redis.password"
sentinel_password = "file:redis.password"
domain = "marketing"
node = "seoul-1"
generation = 7
may_lead = false
replicas = 2
replica_lag = "3s"
lease = "6s"
renew = "2s"
connect_timeout = "2s"
reply_timeout = "700ms"
grace = "90s"
)");
    REQUIRE(loaded);
    const QuotaOptions& quota = *loaded->site.quota;
    CHECK(quota.grace == 90s);
    CHECK(quota.store.redis == "redis+sentinel://nodes@10.0.0.1,10.0.0.2/tide");
    CHECK(quota.store.password.reveal() == "from-a-file");
    CHECK(quota.store.sentinel_password.reveal() == "from-a-file");
    CHECK(quota.store.domain == "marketing");
    CHECK(quota.store.node == "seoul-1");
    CHECK(quota.store.generation == 7);
    CHECK_FALSE(quota.store.may_lead);
    CHECK(quota.store.rules.replicas == 2);
    CHECK(quota.store.rules.replica_lag == 3s);
    CHECK(quota.store.rules.lease == 6s);
    CHECK(quota.store.rules.renew == 2s);
    CHECK(quota.store.connect_timeout == 2s);
    CHECK(quota.store.reply_timeout == 700ms);
}

TEST_CASE("all faults of [quota] come at once, each with its line and a remedy") {
    const TempDir dir;
    const std::string all = faults_of(dir, R"(redis = "http://redis.internal"
domian = "marketing"
lease = "1s"
renew = "1s"
replicas = -1
grace = "soon"
)");
    CHECK(has(all, "16 quota.redis: does not begin with redis://"));
    CHECK(has(all, "17 unknown key quota.domian"));
    CHECK(has(all, "quota.domain"));
    CHECK(has(all, "18 quota.lease: is shorter than two renewals"));
    CHECK(has(all, "20 quota.replicas is -1"));
    CHECK(has(all, "21 quota.grace"));
    CHECK(std::count(all.begin(), all.end(), '\n') == 6);
}

TEST_CASE("an unknown key of [quota] names the nearest one") {
    const TempDir dir;
    const auto loaded = read(dir, "redis = \"redis://127.0.0.1\"\ndomain = \"marketing\"\nreplica = 1\n");
    REQUIRE_FALSE(loaded);
    REQUIRE(loaded.error().size() == 1);
    CHECK(has(loaded.error().front().text(), "campaign.toml:18"));
    CHECK(has(loaded.error().front().text(), "replicas"));
}

TEST_CASE("what cannot be safe is refused: sentinels without replicas, a lease shorter than a jump of the clock") {
    const TempDir dir;
    CHECK(has(faults_of(dir, "redis = \"redis+sentinel://a,b/tide\"\ndomain = \"m\"\n"),
              "quota.replicas: sentinels without a count of replicas cannot be safe"));
    CHECK(has(faults_of(dir,
                        "redis = \"redis://127.0.0.1\"\ndomain = \"m\"\nlease = \"900ms\"\nrenew = \"300ms\"\n"
                        "reply_timeout = \"200ms\"\n"),
              "18 quota.lease: is shorter than 1s, which one jump of the store's clock may count"));
    CHECK(has(faults_of(dir, "redis = \"redis://user@127.0.0.1\"\ndomain = \"m\"\n"), "a user without a password"));
    CHECK(has(faults_of(dir, "redis = \"redis://127.0.0.1\"\ndomain = \"m\"\nca = \"none.pem\"\n"),
              "18 quota.ca: a trust anchor for a connection without TLS"));
    CHECK(has(faults_of(dir, "redis = \"rediss://127.0.0.1\"\ndomain = \"m\"\nca = \"none.pem\"\n"), "18 quota.ca"));
}

TEST_CASE("a password of Redis is never inline, neither as a key nor in the URL, and never told") {
    const TempDir dir;
    const std::string inline_key =
        faults_of(dir, "redis = \"redis://127.0.0.1\"\ndomain = \"m\"\npassword = \"hunter2hunter2\"\n");
    CHECK(has(inline_key, "18 "));
    CHECK_FALSE(has(inline_key, "hunter2"));
    const std::string in_url = faults_of(dir, "redis = \"redis://user:hunter2hunter2@127.0.0.1\"\ndomain = \"m\"\n");
    CHECK(has(in_url, "16 "));
    CHECK_FALSE(has(in_url, "hunter2"));
}

TEST_CASE("Redis on another host without TLS is worth a warning") {
    const TempDir dir;
    const auto warned = [&](const std::string& redis) {
        const auto loaded = read(dir, "redis = \"" + redis + "\"\ndomain = \"m\"\nreplicas = 1\n");
        REQUIRE(loaded);
        return std::any_of(loaded->warnings.begin(), loaded->warnings.end(), [](const std::string& warning) {
            return warning.find("campaign.toml:16: Redis is on another host") != std::string::npos;
        });
    };
    CHECK(warned("redis://redis.internal:6379"));
    CHECK(warned("redis+sentinel://127.0.0.1,10.0.0.2/tide"));
    CHECK_FALSE(warned("rediss://redis.internal"));
    CHECK_FALSE(warned("redis://127.0.0.1:6379/0"));
    CHECK_FALSE(warned("redis://localhost"));
}

#else

TEST_CASE("a library built without Redis refuses [quota] in words") {
    const TempDir dir;
    CHECK(has(faults_of(dir, "redis = \"redis://127.0.0.1\"\ndomain = \"m\"\n"), "built without Redis"));
    const auto store = make_redis_quota({}, 1s);
    REQUIRE_FALSE(store);
    CHECK(store.error().code == Errc::refused);
}

#endif
