#include <filesystem>
#include <fstream>
#include <iterator>

#include "delivery/config_reader.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/sim/scenario.hpp"

namespace tidegate::sim {
namespace {

using delivery::Findings;
using delivery::SourceFile;
using delivery::TableReader;

constexpr std::size_t kLargestFile = 1024 * 1024;

/// A duration in seconds, as the rest of a scenario counts them.
void seconds(TableReader& reader, std::string_view key, double& out) {
    if (Duration value{}; reader.duration(key, value)) out = Seconds(value).count();
}

void read_plant(TableReader reader, Plant& plant) {
    if (const auto curve = reader.choice("curve", {"smooth", "sharp", "lock", "kinked", "step", "exponential"}))
        plant.curve = static_cast<Curve>(*curve);
    reader.real("capacity", plant.capacity);
    reader.real("servers", plant.servers);
    seconds(reader, "queue", plant.queue_s);
    reader.ratio("retry_share", plant.retry_share);
    reader.whole("retry_times", 0, 10, plant.retry_times);
    reader.ratio("shed_above", plant.shed_above);
    reader.ratio("oracle_load", plant.oracle_load);
    if (auto table = reader.table("autoscaler")) {
        Autoscaler scaler;
        table->real("least", scaler.least);
        table->real("most", scaler.most);
        table->ratio("target", scaler.target);
        seconds(*table, "warm_up", scaler.warm_up_s);
        seconds(*table, "cool_down", scaler.cool_down_s);
        table->finish();
        plant.autoscaler = scaler;
    }
    if (auto table = reader.table("depends")) {
        table->require("backend", "write the name of the backend it calls");
        table->text("backend", plant.depends.backend);
        table->real("calls", plant.depends.calls);
        table->ratio("retries", plant.depends.retries);
        table->finish();
    }
    reader.finish();
}

void read_telemetry(TableReader reader, Telemetry& telemetry) {
    seconds(reader, "period", telemetry.period_s);
    seconds(reader, "delay", telemetry.delay_s);
    reader.ratio("noise", telemetry.noise);
    reader.boolean("load", telemetry.load);
    reader.boolean("errors", telemetry.errors);
    reader.boolean("leading_signal", telemetry.leading_signal);
    reader.ratio("spike_chance", telemetry.spike_chance);
    seconds(reader, "spike", telemetry.spike_s);
    reader.finish();
}

Backend read_backend(TableReader& reader) {
    Backend backend;
    BackendOptions& limits = backend.limits;
    reader.text("name", limits.name);
    reader.duration("latency_slo", limits.latency_slo);
    reader.ratio("error_slo", limits.error_slo);
    reader.ratio("reserve", limits.reserve);
    if (double hint = 0.0; reader.real("capacity_hint", hint)) limits.capacity_hint = hint;
    reader.duration("max_age", limits.max_age);
    if (auto table = reader.table("plant")) read_plant(std::move(*table), backend.plant);
    if (auto table = reader.table("baseline")) {
        table->real("mean", backend.baseline.mean);
        table->ratio("swing", backend.baseline.swing);
        seconds(*table, "swing_period", backend.baseline.swing_period_s);
        table->ratio("noise", backend.baseline.noise);
        seconds(*table, "noise_time", backend.baseline.noise_time_s);
        table->finish();
    }
    if (auto table = reader.table("telemetry")) read_telemetry(std::move(*table), backend.telemetry);
    reader.finish();
    return backend;
}

void read_rush(TableReader reader, Rush& rush) {
    seconds(reader, "at", rush.at_s);
    reader.ratio("rate", rush.rate);
    seconds(reader, "median", rush.median_s);
    reader.real("spread", rush.spread);
    reader.ratio("again_share", rush.again_share);
    seconds(reader, "again", rush.again_s);
    reader.finish();
}

void read_crowd(TableReader reader, Crowd& crowd) {
    reader.ratio("open_rate", crowd.open_rate);
    const bool parts = reader.has("lag");
    if (parts && (reader.has("median") || reader.has("spread")))
        reader.fault("lag", reader.path_of("lag") + " stands beside median or spread",
                     "write one lag as median and spread, or all of them as [[campaign.crowd.lag]]");
    seconds(reader, "median", crowd.lags.front().median_s);
    reader.real("spread", crowd.lags.front().spread);
    if (parts) crowd.lags.clear();
    for (TableReader& part : reader.tables("lag")) {
        LagPart lag;
        part.ratio("share", lag.share);
        seconds(part, "median", lag.median_s);
        part.real("spread", lag.spread);
        part.finish();
        crowd.lags.push_back(lag);
    }
    for (TableReader& point : reader.tables("engagement")) {
        Engagement engagement;
        point.ratio("share", engagement.share);
        point.real("factor", engagement.factor);
        point.finish();
        crowd.engagement.push_back(engagement);
    }
    if (auto table = reader.table("rush")) {
        crowd.rush.emplace();
        read_rush(std::move(*table), *crowd.rush);
    }
    reader.finish();
}

void read_impact(TableReader reader, const SourceFile& file, Findings& findings,
                 std::map<std::string, Impact>& impacts) {
    impacts.clear();
    for (const auto& [name, node] : reader.own_names()) {
        const std::string path = reader.path_of(name);
        if (node->kind != delivery::Node::Kind::table) {
            findings.fault(file, node->line, path,
                           {Errc::invalid, path + " must be a table", {}, "write " + name + " = { per_open = 3 }"});
            continue;
        }
        TableReader table(*node, path, file, findings);
        Impact impact;
        table.real("per_open", impact.per_open);
        table.real("per_delivery", impact.per_delivery);
        table.finish();
        impacts[name] = impact;
    }
}

void read_cohorts(TableReader reader, CohortOptions& cohorts) {
    if (std::int64_t count = 0; reader.whole("count", 1, 10'000, count))
        cohorts.count = static_cast<std::uint32_t>(count);
    reader.duration("gap", cohorts.gap);
    reader.ratios("canary", cohorts.canary);
    reader.finish();
}

Provider read_provider(TableReader& reader) {
    Provider provider;
    reader.text("name", provider.name);
    reader.boolean("also", provider.also);
    reader.ratio("reach", provider.reach);
    reader.ratio("dead", provider.dead);
    seconds(reader, "latency", provider.latency_s);
    reader.real("latency_spread", provider.latency_spread);
    reader.ratio("transient", provider.transient);
    reader.ratio("unanswered", provider.unanswered);
    seconds(reader, "timeout", provider.timeout_s);
    reader.whole("in_flight", 1, 100'000, provider.in_flight);
    reader.real("per_second", provider.per_second);
    reader.finish();
    return provider;
}

Campaign read_campaign(TableReader& reader, const SourceFile& file, Findings& findings) {
    Campaign campaign;
    reader.text("id", campaign.id);
    reader.real("recipients", campaign.recipients);
    seconds(reader, "starts", campaign.starts_s);
    reader.real("per_second", campaign.per_second);
    reader.boolean("rush_known", campaign.rush_known);
    if (const auto seen = reader.choice("opens", {"attributed", "counted", "none"}))
        campaign.opens = static_cast<OpensSeen>(*seen);
    if (auto table = reader.table("crowd")) read_crowd(std::move(*table), campaign.crowd);
    if (auto table = reader.table("belief")) {
        table->ratio("open_rate", campaign.belief.open_rate);
        table->duration("median", campaign.belief.median);
        table->real("spread", campaign.belief.spread);
        table->finish();
    }
    if (auto table = reader.table("impact")) read_impact(std::move(*table), file, findings, campaign.impact);
    if (auto table = reader.table("caused")) read_impact(std::move(*table), file, findings, campaign.caused);
    if (auto table = reader.table("audience")) {
        table->ratio("malformed", campaign.audience.malformed);
        table->ratio("repeated", campaign.audience.repeated);
        table->ratio("suppressed", campaign.audience.suppressed);
        table->finish();
    }
    if (auto table = reader.table("cohorts")) read_cohorts(std::move(*table), campaign.cohorts);
    if (const auto policy = reader.choice("on_unknown", {"resend-if-collapsible", "resend", "never"}))
        campaign.on_unknown = static_cast<OnUnknown>(*policy);
    reader.finish();
    return campaign;
}

Event read_event(TableReader& reader) {
    Event event;
    reader.require("kind", "write what happens, e.g. kind = \"surge\"");
    const auto kind = reader.choice(
        "kind", {"capacity", "leak", "latency", "surge", "stall", "throttle", "telemetry_gap", "telemetry_frozen",
                 "telemetry_nan", "telemetry_reset", "telemetry_late", "opens_lost", "opens_doubled", "opens_late",
                 "requests_per_open", "other_sender", "pause", "takeover"});
    if (kind) event.kind = static_cast<EventKind>(*kind);
    reader.real("value", event.value);
    if (reader.has("at") && reader.has("at_sent"))
        reader.fault("at", reader.path_of("at") + " stands beside at_sent", "keep one of the two");
    reader.ratio("at_sent", event.at_sent);
    seconds(reader, "at", event.at_s);
    seconds(reader, "after", event.after_s);
    seconds(reader, "lasts", event.lasts_s);
    seconds(reader, "every", event.every_s);
    reader.whole("times", 1, 1'000'000, event.times);
    reader.text("backend", event.backend);
    reader.finish();
    return event;
}

Scenario read(TableReader& root, const SourceFile& file, Findings& findings) {
    Scenario scenario;
    scenario.name = std::filesystem::path(file.name).stem().string();
    root.text("name", scenario.name);
    root.text("about", scenario.about);
    seconds(root, "history", scenario.history_s);
    root.real("provider_ceiling", scenario.provider_ceiling);
    seconds(root, "give_up", scenario.give_up_s);
    if (root.has("backend")) scenario.backends.clear();
    for (TableReader& table : root.tables("backend")) scenario.backends.push_back(read_backend(table));
    if (root.has("campaign")) scenario.campaigns.clear();
    for (TableReader& table : root.tables("campaign"))
        scenario.campaigns.push_back(read_campaign(table, file, findings));
    if (root.has("provider")) scenario.providers.clear();
    for (TableReader& table : root.tables("provider")) scenario.providers.push_back(read_provider(table));
    for (TableReader& table : root.tables("event")) scenario.events.push_back(read_event(table));
    root.finish();
    return scenario;
}

}  // namespace

Result<Scenario, Faults> read_scenario(const std::string& path) {
    Findings findings;
    const SourceFile file{0, path, std::filesystem::path(path).parent_path().string()};
    const auto refuse = [&](int line, Error error) {
        findings.fault(file, line, {}, std::move(error));
        return findings.faults();
    };
    std::error_code ignored;
    std::ifstream in(path, std::ios::binary);
    if (!in || std::filesystem::is_directory(path, ignored))
        return refuse(0, {Errc::not_found, "cannot be read", {}, "name a scenario file"});
    std::string bytes(kLargestFile + 1, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (in.bad()) return refuse(0, {Errc::unavailable, "reading failed", {}, "check the disk"});
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    if (bytes.size() > kLargestFile || !valid_utf8(bytes))
        return refuse(0, {Errc::invalid, "is not a scenario file: too large or not UTF-8", {}, "name a scenario file"});
    const auto tree = delivery::parse_toml(bytes);
    if (!tree) return refuse(std::atoi(tree.error().where.c_str()), tree.error());

    TableReader root(*tree, {}, file, findings);
    Scenario scenario = read(root, file, findings);
    for (Error& fault : scenario.validate()) findings.take(std::move(fault), file);
    if (!findings.clean()) return findings.faults();
    return scenario;
}

}  // namespace tidegate::sim
