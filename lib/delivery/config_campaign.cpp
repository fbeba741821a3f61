#include <limits>

#include "delivery/config_parts.hpp"

namespace tidegate::delivery {
namespace {

void read_identity(TableReader& reader, Campaign& campaign) {
    reader.text("id", campaign.id);
    if (const auto purpose = reader.choice("purpose", {"advertising", "informational", "transactional"})) {
        campaign.purpose = static_cast<Purpose>(*purpose);
    }
    reader.text("zone", campaign.zone);
    reader.text("sender", campaign.sender);
    reader.time("starts", campaign.starts);
    reader.time("deadline", campaign.deadline);
    if (std::int64_t priority = 0; reader.whole("priority", 0, 9, priority))
        campaign.priority = static_cast<int>(priority);
    if (const auto policy = reader.choice("on_unknown", {"resend-if-collapsible", "resend", "never"})) {
        campaign.on_unknown = static_cast<OnUnknown>(*policy);
    }
    reader.finish();
}

/// `phone = "mobile"`, or several columns of one type: `phone = ["mobile", "home"]`.
void read_addresses(TableReader& reader, std::vector<Address>& addresses) {
    for (const auto& [type, node] : reader.own_names()) {
        std::vector<std::string> columns;
        if (node->kind == Node::Kind::text) {
            columns.push_back(node->text);
        } else if (!reader.texts(type, columns)) {
            continue;
        }
        for (auto& column : columns) addresses.push_back({type, std::move(column)});
    }
}

void read_audience(TableReader& reader, AudienceOptions& audience) {
    reader.file("file", audience.file);
    reader.text("key", audience.key);
    if (const auto devices = reader.choice("devices", {"first", "all"})) audience.all_devices = *devices == 1;
    reader.ratio("max_malformed", audience.max_malformed);
    reader.files("suppress", audience.suppress);
    reader.text("consent", audience.consent);
    reader.text("night_consent", audience.night_consent);
    if (auto addresses = reader.table("address")) read_addresses(*addresses, audience.addresses);
    reader.finish();
}

void read_message(TableReader& reader, Message& message) {
    reader.text("title", message.title);
    reader.text("body", message.body);
    reader.text("link", message.link);
    reader.text("collapse", message.collapse);
    if (Duration ttl{}; reader.duration("ttl", ttl)) message.ttl = ttl;
    reader.text("template", message.template_id);
    reader.text_map("data", message.data);
    reader.text_map("variables", message.variables);
    reader.finish();
}

SendStep read_step(TableReader& reader) {
    SendStep step;
    reader.text("channel", step.channel);
    if (const auto mode = reader.choice("mode", {"failover", "also"})) step.also = *mode == 1;
    reader.duration("patience", step.patience);
    reader.text("title", step.message.title);
    reader.text("body", step.message.body);
    reader.text("link", step.message.link);
    reader.text("collapse", step.message.collapse);
    reader.text("template", step.message.template_id);
    reader.text_map("data", step.message.data);
    reader.text_map("variables", step.message.variables);
    reader.finish();
    return step;
}

void read_cohorts(TableReader& reader, CohortOptions& cohorts) {
    if (std::string by; reader.text("by", by)) {
        constexpr std::string_view prefix = "column:";
        if (by.starts_with(prefix) && by.size() > prefix.size()) {
            cohorts.column = by.substr(prefix.size());
        } else if (by != "hash") {
            reader.fault("by", reader.path_of("by") + ": unknown word \"" + by + "\"",
                         "write \"hash\", or \"column:\" and the column, e.g. \"column:branch\"");
        }
    }
    constexpr auto most = std::numeric_limits<std::uint32_t>::max();
    std::int64_t number = 0;
    if (reader.whole("count", 0, most, number)) cohorts.count = static_cast<std::uint32_t>(number);
    if (reader.whole("shards", 0, most, number)) cohorts.shards = static_cast<std::uint32_t>(number);
    reader.duration("gap", cohorts.gap);
    reader.ratios("canary", cohorts.canary);
    reader.finish();
}

void read_event(TableReader& reader, std::optional<EventOptions>& event) {
    event.emplace();
    if (std::optional<WallTime> at; reader.time("at", at)) event->at = *at;
    RushOptions& rush = event->rush;
    reader.ratio("response", rush.response);
    reader.duration("median", rush.median);
    reader.real("spread", rush.spread);
    reader.ratio("again_share", rush.again_share);
    reader.duration("again", rush.again);
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    if (std::int64_t stock = 0; reader.whole("stock", 1, most, stock)) event->stock = static_cast<std::uint64_t>(stock);
    reader.finish();
}

void read_impact(TableReader& reader, std::map<std::string, Impact>& impact) {
    for (const auto& [backend, node] : reader.own_names()) {
        auto& entry = impact[backend];
        auto inner = reader.table(backend);
        if (!inner) continue;
        inner->real("per_open", entry.per_open);
        inner->real("per_delivery", entry.per_delivery);
        inner->finish();
    }
}

}  // namespace

void read_campaign(TableReader& root, Campaign& campaign) {
    if (auto reader = root.table("campaign")) read_identity(*reader, campaign);
    if (auto reader = root.table("audience")) read_audience(*reader, campaign.audience);
    if (auto reader = root.table("message")) read_message(*reader, campaign.message);
    for (auto& reader : root.tables("send")) campaign.send.push_back(read_step(reader));
    if (auto reader = root.table("cohorts")) read_cohorts(*reader, campaign.cohorts);
    if (auto reader = root.table("response")) {
        reader->ratio("open_rate", campaign.response.open_rate);
        reader->duration("median", campaign.response.median);
        reader->real("spread", campaign.response.spread);
        reader->finish();
    }
    if (auto reader = root.table("event")) read_event(*reader, campaign.event);
    if (auto reader = root.table("impact")) read_impact(*reader, campaign.impact);
    if (auto reader = root.table("limits")) {
        reader->rate("per_second", campaign.per_second);
        reader->finish();
    }
    if (auto reader = root.table("ledger")) {
        reader->secret("key", campaign.ledger_key);
        reader->finish();
    }
}

void refuse_campaign_tables(TableReader& root, const std::string& hint) {
    for (const auto key : {"site", "campaign", "audience", "message", "send", "cohorts", "response", "event", "impact",
                           "limits", "ledger"}) {
        root.misplaced(key, hint);
    }
}

}  // namespace tidegate::delivery
