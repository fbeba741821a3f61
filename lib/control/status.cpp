#include "control/status.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

namespace tidegate::control {

namespace {

using nlohmann::ordered_json;

ordered_json number(double value) {
    return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json history_json(const BackendProgress& backend) {
    const HistorySummary& history = backend.history;
    const auto seen = [&](double value) { return history.samples > 0 ? ordered_json(value) : ordered_json(nullptr); };
    return {{"samples", history.samples},
            {"used", backend.remembered},
            {"watched_s", history.watched_s},
            {"least_load", seen(history.least_load)},
            {"most_load", seen(history.most_load)},
            {"worst_p99_ms", seen(history.worst_p99_s * 1000)},
            {"text", to_string(history)}};
}

ordered_json backend_json(const BackendProgress& backend) {
    return {{"name", backend.name},
            {"state", backend.state},
            {"reason", backend.reason},
            {"held_by_operator", backend.held_by_operator},
            {"p99_ms", number(backend.p99_s * 1000)},
            {"slo_ms", number(backend.slo_s * 1000)},
            {"load", number(backend.load)},
            {"committed", number(backend.committed)},
            {"baseline", number(backend.baseline)},
            {"ceiling", number(backend.ceiling)},
            {"age_s", number(backend.age_s)},
            {"history", history_json(backend)}};
}

ordered_json campaign_json(const Progress& progress) {
    ordered_json outcomes = ordered_json::object();
    for (std::size_t i = 0; i < final_count; ++i) {
        outcomes[std::string(to_string(static_cast<Final>(i)))] = progress.totals.outcomes[i];
    }
    ordered_json json = {{"campaign", progress.campaign},
                         {"state", std::string(to_string(progress.state))},
                         {"paused", progress.paused},
                         {"recipients", progress.totals.recipients},
                         {"outcomes", outcomes},
                         {"deliveries", progress.totals.deliveries},
                         {"attempts", progress.totals.attempts},
                         {"in_flight", progress.in_flight},
                         {"rate", number(progress.rate)},
                         {"allowed", number(progress.allowed)},
                         {"reason", progress.reason},
                         {"cohort", progress.cohort},
                         {"cohorts", progress.cohorts},
                         {"eta_s", nullptr},
                         {"deadline_holds", nullptr}};
    if (progress.eta) json["eta_s"] = Seconds(*progress.eta).count();
    if (progress.deadline_holds) json["deadline_holds"] = *progress.deadline_holds;
    json["gates"] = ordered_json::array();
    for (const GateProgress& gate : progress.gates)
        json["gates"].push_back({{"canary", gate.canary},
                                 {"state", std::string(to_string(gate.state))},
                                 {"seen", number(gate.seen)},
                                 {"reason", gate.reason}});
    const OpensProgress& opens = progress.opens;
    json["opens"] = {{"known", std::string(to_string(opens.known))},
                     {"seen", opens.seen},
                     {"repeated", opens.repeated},
                     {"unknown", opens.unknown},
                     {"early", opens.early},
                     {"late", opens.late},
                     {"waiting", opens.waiting},
                     {"open_rate", number(opens.open_rate)},
                     {"median_s", number(opens.median_s)}};
    json["backends"] = ordered_json::array();
    for (const BackendProgress& backend : progress.backends) json["backends"].push_back(backend_json(backend));
    return json;
}

ordered_json quota_json(const QuotaView& quota) {
    ordered_json untold = ordered_json::array();
    for (const auto& order : quota.untold) untold.push_back(order.first);
    return {{"node", quota.node},       {"reachable", quota.reachable},
            {"trouble", quota.trouble}, {"quiet_s", Seconds(quota.quiet).count()},
            {"epoch", quota.epoch},     {"leader", quota.leader},
            {"leads", quota.leads},     {"untold", std::move(untold)}};
}

/// Escapes a label value: backslash, quote and newline.
std::string label(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

std::string value(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
    std::ostringstream text;
    text.imbue(std::locale::classic());
    text.precision(12);
    text << number;
    return text.str();
}

void family(std::string& out, const char* name, const char* type, const char* help) {
    out += std::string("# HELP ") + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n';
}

}  // namespace

std::string status_json(const std::vector<Progress>& campaigns, const std::vector<BackendProgress>& backends,
                        const std::optional<QuotaView>& quota) {
    ordered_json json = {{"campaigns", ordered_json::array()}, {"backends", ordered_json::array()}};
    for (const Progress& campaign : campaigns) json["campaigns"].push_back(campaign_json(campaign));
    for (const BackendProgress& backend : backends) json["backends"].push_back(backend_json(backend));
    json["quota"] = quota ? quota_json(*quota) : ordered_json(nullptr);
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string status_metrics(const std::vector<Progress>& campaigns, const std::vector<BackendProgress>& backends,
                           const std::optional<QuotaView>& quota) {
    std::string out;
    family(out, "tidegate_recipients", "gauge", "Recipients of a campaign by outcome.");
    for (const Progress& campaign : campaigns) {
        for (std::size_t i = 0; i < final_count; ++i) {
            out += "tidegate_recipients{campaign=\"" + label(campaign.campaign) + "\",outcome=\"" +
                   std::string(to_string(static_cast<Final>(i))) + "\"} " +
                   std::to_string(campaign.totals.outcomes[i]) + '\n';
        }
    }
    const auto per_campaign = [&](const char* name, const char* type, const char* help, auto pick) {
        family(out, name, type, help);
        for (const Progress& campaign : campaigns) {
            out +=
                std::string(name) + "{campaign=\"" + label(campaign.campaign) + "\"} " + value(pick(campaign)) + '\n';
        }
    };
    per_campaign("tidegate_attempts_total", "counter", "Attempts made durable.",
                 [](const Progress& p) { return static_cast<double>(p.totals.attempts); });
    per_campaign("tidegate_in_flight", "gauge", "Attempts without a durable result.",
                 [](const Progress& p) { return static_cast<double>(p.in_flight); });
    per_campaign("tidegate_send_rate", "gauge", "Messages per second over the last seconds.",
                 [](const Progress& p) { return p.rate; });
    per_campaign("tidegate_allowed_rate", "gauge", "Messages per second allowed now.",
                 [](const Progress& p) { return p.allowed; });
    per_campaign("tidegate_running", "gauge", "1 while the campaign runs.",
                 [](const Progress& p) { return p.state == RunState::running ? 1.0 : 0.0; });
    per_campaign("tidegate_paused", "gauge", "1 while an operator has paused it.",
                 [](const Progress& p) { return p.paused ? 1.0 : 0.0; });
    per_campaign("tidegate_deadline_holds", "gauge", "1 while the deadline can be met, 0 when not, NaN when unknown.",
                 [](const Progress& p) {
                     if (!p.deadline_holds) return std::nan("");
                     return *p.deadline_holds ? 1.0 : 0.0;
                 });

    per_campaign("tidegate_opens_total", "counter", "Opens that taught the response curve.",
                 [](const Progress& p) { return static_cast<double>(p.opens.seen); });
    per_campaign(
        "tidegate_opens_known", "gauge", "2 while opens come with keys, 1 while they are counted, 0 when not.",
        [](const Progress& p) {
            return p.opens.known == OpensKnown::attributed ? 2.0 : p.opens.known == OpensKnown::counted ? 1.0 : 0.0;
        });
    per_campaign("tidegate_open_rate", "gauge", "Share of recipients who open, as believed now.",
                 [](const Progress& p) { return p.opens.open_rate; });

    const auto per_backend = [&](const char* name, const char* help, auto pick) {
        family(out, name, "gauge", help);
        for (const BackendProgress& backend : backends) {
            out += std::string(name) + "{backend=\"" + label(backend.name) + "\"} " + value(pick(backend)) + '\n';
        }
    };
    per_backend("tidegate_backend_p99_seconds", "Latency in the newest sample.",
                [](const BackendProgress& b) { return b.p99_s; });
    per_backend("tidegate_backend_slo_seconds", "The latency objective.",
                [](const BackendProgress& b) { return b.slo_s; });
    per_backend("tidegate_backend_load", "Requests per second in the newest sample.",
                [](const BackendProgress& b) { return b.load; });
    per_backend("tidegate_backend_committed", "Predicted requests per second of ours at the worst horizon.",
                [](const BackendProgress& b) { return b.committed; });
    per_backend("tidegate_backend_baseline", "Requests per second that are not ours.",
                [](const BackendProgress& b) { return b.baseline; });
    per_backend("tidegate_backend_ceiling", "Requests per second the backend is trusted with.",
                [](const BackendProgress& b) { return b.ceiling; });
    per_backend("tidegate_backend_age_seconds", "Age of the newest sample.",
                [](const BackendProgress& b) { return b.age_s; });
    per_backend("tidegate_backend_open", "1 when nothing is held because of this backend.",
                [](const BackendProgress& b) { return b.state == "open" ? 1.0 : 0.0; });
    per_backend("tidegate_backend_held_by_operator", "1 while the red button is pressed.",
                [](const BackendProgress& b) { return b.held_by_operator ? 1.0 : 0.0; });
    per_backend("tidegate_backend_history_seconds", "Time for which the backend was watched before anything was sent.",
                [](const BackendProgress& b) { return b.history.watched_s; });

    const auto of_quota = [&](const char* name, const char* help, double number) {
        family(out, name, "gauge", help);
        out += std::string(name) + ' ' + value(quota ? number : std::nan("")) + '\n';
    };
    of_quota("tidegate_quota_reachable", "1 while the shared quota answers, NaN where limits are not shared.",
             quota && quota->reachable ? 1.0 : 0.0);
    of_quota("tidegate_quota_quiet_seconds", "For how long the shared quota grants nothing after a loss of memory.",
             quota ? Seconds(quota->quiet).count() : 0.0);
    of_quota("tidegate_quota_leads", "1 while this node leads its domain.", quota && quota->leads ? 1.0 : 0.0);
    return out;
}

}  // namespace tidegate::control
