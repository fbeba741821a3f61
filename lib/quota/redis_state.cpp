#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "net/crypto.hpp"
#include "net/redis_connection.hpp"
#include "quota/redis_quota.hpp"
#include "quota/redis_scripts.hpp"
#include "quota/redis_state_json.hpp"

namespace tidegate {
namespace quota {
namespace {

using nlohmann::json;

/// A connection of its own, for somebody who is no node.
Result<net::RedisConnection> connect(const SharedQuotaOptions& options) {
    if (Faults faults = options.validate(); !faults.empty()) return faults.front();
    return net::RedisConnection::make(connection_options(options), fresh_seed());
}

/// One script, once; the answer as JSON.
Result<json> call(net::RedisConnection& connection, const std::string& domain, const std::string& script,
                  const json& request, const std::vector<std::string>& more, Duration patience) {
    const bool orders = &script == &order_script();
    std::vector<std::string> command{"EVAL", script, "1", hash_key(domain),
                                     request.dump(-1, ' ', false, json::error_handler_t::replace)};
    command.insert(command.end(), more.begin(), more.end());
    const Result<net::RedisReply> answer = connection.ask(command, system_clock(), patience);
    if (!answer) {
        Error why = answer.error();
        if (orders && why.code == Errc::unavailable)
            why.hint +=
                std::string(why.hint.empty() ? "" : "; ") + "should only the answer have been lost, the order stands";
        return why;
    }
    if (answer->is_error()) {
        return Error{Errc::unavailable, "Redis refuses our scripts (" + std::string(answer->error_code()) + ")",
                     "Redis", "give the user the rights that lib/quota/README.md lists"};
    }
    json told = json::parse(answer->text, nullptr, false);
    if (!told.is_object())
        return Error{Errc::unavailable, "the answer makes no sense", "Redis", "is this domain ours?"};
    if (word_in(told, "refused") == "fence") {
        return Error{Errc::unavailable, "too few replicas follow: " + word_in(told, "why"), "Redis",
                     "nothing is granted meanwhile; see to the replicas"};
    }
    return told;
}

}  // namespace
}  // namespace quota

Result<QuotaState> read_quota_state(const SharedQuotaOptions& options, const std::vector<std::string>& resources,
                                    Duration patience) {
    auto connection = quota::connect(options);
    if (!connection) return connection.error();
    // Looking changes nothing, so it needs no replica.
    const nlohmann::json request = {{"resources", resources}, {"replicas", 0}, {"lag", 0}};
    auto told = quota::call(*connection, options.domain, quota::audit_script(), request, {}, patience);
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
    auto connection = quota::connect(options);
    if (!connection) return connection.error();
    const auto order = [&](const std::optional<std::string>& clock) {
        return quota::call(*connection, options.domain, quota::order_script(),
                           quota::order_json(subject, what, 0, clock, options),
                           {quota::control_channel(options.domain)}, patience);
    };
    const TimePoint end = system_clock().now() + patience;
    auto told = order(std::nullopt);
    while (told) {
        if (const auto clock = quota::clock_to_name(*told)) told = order(clock);
        if (!told || quota::word_in(*told, "refused") != "forgotten" || system_clock().now() >= end) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        told = order(std::nullopt);
    }
    if (told && quota::clock_to_name(*told)) {
        return Error{Errc::unavailable, "the order was too long on its way and was not taken", "Redis",
                     "give it again; is Redis overloaded, or its clock being set?"};
    }
    if (!told) return told.error();
    const std::string refused = quota::word_in(*told, "refused"), reason = quota::word_in(*told, "why");
    if (refused == "forgotten") {
        return Error{Errc::unavailable, reason, "Redis",
                     "give it again when a node runs and the silence is over (`tidegate quota` shows it)"};
    }
    if (!refused.empty()) return Error{Errc::refused, reason, subject, ""};
    const auto generation = told->find("gen");
    if (generation != told->end() && generation->is_number_unsigned()) return generation->get<std::uint64_t>();
    return Error{Errc::unavailable, "the answer makes no sense", "Redis", "is this domain ours?"};
}

}  // namespace tidegate
