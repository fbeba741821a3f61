#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "net/crypto.hpp"
#include "net/redis_connection.hpp"
#include "quota/redis_quota.hpp"
#include "quota/redis_scripts.hpp"
#include "quota/redis_state_json.hpp"

namespace tidegate {
namespace quota {
namespace {

using nlohmann::json;

constexpr const char* redis = "Redis";

/// One script, once, on a connection of its own; the answer as JSON.
Result<json> call_once(const SharedQuotaOptions& options, const std::string& script, json request,
                       std::vector<std::string> more, Duration patience) {
    if (Faults faults = options.validate(); !faults.empty()) return faults.front();
    request["replicas"] = options.rules.replicas;
    request["lag"] = std::chrono::floor<std::chrono::seconds>(options.rules.replica_lag).count();
    auto connection = net::RedisConnection::make(connection_options(options), fresh_seed());
    if (!connection) return connection.error();
    std::vector<std::string> command{"EVAL", script, "1", hash_key(options.domain), request.dump()};
    command.insert(command.end(), more.begin(), more.end());
    const Result<net::RedisReply> answer = connection->ask(command, system_clock(), patience);
    if (!answer) return answer.error();
    if (answer->is_error()) {
        return Error{Errc::unavailable, "Redis refuses our scripts (" + std::string(answer->error_code()) + ")", redis,
                     "give the user the rights that lib/quota/README.md lists"};
    }
    json told = json::parse(answer->text, nullptr, false);
    if (!told.is_object()) return Error{Errc::unavailable, "the answer makes no sense", redis, "is this domain ours?"};
    if (told.value("refused", "") == "fence") {
        return Error{Errc::unavailable, "too few replicas follow: " + told.value("why", ""), redis,
                     "nothing is granted meanwhile; see to the replicas"};
    }
    return told;
}

}  // namespace
}  // namespace quota

Result<QuotaState> read_quota_state(const SharedQuotaOptions& options, const std::vector<std::string>& resources,
                                    Duration patience) {
    auto told = quota::call_once(options, quota::audit_script(), {{"resources", resources}}, {}, patience);
    if (!told) return told.error();
    try {
        return quota::state_of(*told);
    } catch (const std::exception&) {
        return Error{Errc::unavailable, "what is stored makes no sense", "Redis",
                     "a domain is written by tidegate alone; compare the versions of its nodes"};
    }
}

Result<std::uint64_t> send_quota_order(const SharedQuotaOptions& options, const std::string& subject,
                                       const QuotaChange& what, Duration patience) {
    const auto told = quota::call_once(options, quota::order_script(), quota::order_json(subject, what, 0),
                                       {quota::control_channel(options.domain)}, patience);
    if (!told) {
        Error why = told.error();
        if (why.code == Errc::unavailable)
            why.hint +=
                std::string(why.hint.empty() ? "" : "; ") + "should only the answer have been lost, the order stands";
        return why;
    }
    if (told->contains("refused"))
        return Error{Errc::refused, told->value("why", subject + " is aborted, which is final"), subject, ""};
    return told->value("gen", std::uint64_t{0});
}

}  // namespace tidegate
