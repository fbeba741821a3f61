#include <array>

#include "delivery/config_parts.hpp"

namespace tidegate::delivery {
namespace {

constexpr std::array<std::string_view, 4> site_keys{"backend", "quota", "channel", "transactional_templates"};

std::vector<ExtraQuery> read_extra(TableReader& signal) {
    std::vector<ExtraQuery> all;
    for (auto& reader : signal.tables("extra")) {
        ExtraQuery extra;
        reader.text("name", extra.name);
        reader.text("query", extra.query);
        reader.real("limit", extra.limit);
        reader.finish();
        all.push_back(std::move(extra));
    }
    return all;
}

/// What Prometheus and JSON signals have in common.
template <class Signal>
void read_polled(TableReader& reader, Signal& signal) {
    reader.url("url", signal.url);
    reader.duration("every", signal.every);
    reader.text("p99", signal.p99);
    reader.text("load", signal.load);
    reader.text("errors", signal.errors);
    reader.text("at", signal.at);
    reader.text("opens", signal.opens);
    signal.extra = read_extra(reader);
    reader.duration("timeout", signal.timeout);
    reader.file("ca", signal.ca);
}

SignalOptions read_signal(TableReader& reader) {
    reader.require("kind", "write kind = \"probe\", \"prometheus\", \"json\" or \"push\"");
    const auto kind = reader.choice("kind", {"probe", "prometheus", "json", "push"});
    if (!kind) {
        reader.ignore_rest();
        return PushSignal{};
    }
    SignalOptions options;
    if (*kind == 0) {
        ProbeSignal probe;
        reader.url("url", probe.url);
        if (Rate rate; reader.rate("per_second", rate)) probe.per_second = rate.per_second;
        reader.duration("timeout", probe.timeout);
        reader.file("ca", probe.ca);
        options = std::move(probe);
    } else if (*kind == 1) {
        PrometheusSignal prometheus;
        read_polled(reader, prometheus);
        options = std::move(prometheus);
    } else if (*kind == 2) {
        JsonSignal json;
        read_polled(reader, json);
        if (const auto unit = reader.choice("unit", {"s", "ms"})) json.milliseconds = *unit == 1;
        options = std::move(json);
    } else {
        PushSignal push;
        reader.duration("every", push.every);
        options = push;
    }
    reader.finish();
    return options;
}

Backend read_backend(TableReader& reader) {
    Backend backend;
    auto& limits = backend.limits;
    reader.text("name", limits.name);
    reader.duration("latency_slo", limits.latency_slo);
    reader.ratio("error_slo", limits.error_slo);
    reader.ratio("reserve", limits.reserve);
    if (double hint = 0; reader.real("capacity_hint", hint)) limits.capacity_hint = hint;
    reader.duration("max_age", limits.max_age);
    reader.boolean("shadow", limits.shadow);
    reader.require("signal",
                   "say how the backend is watched: [backend.signal] with kind = \"probe\", \"prometheus\", "
                   "\"json\" or \"push\"");
    if (auto signal = reader.table("signal")) backend.signal = read_signal(*signal);
    reader.finish();
    return backend;
}

ApnsOptions read_apns(TableReader& reader) {
    ApnsOptions apns;
    reader.secret("key", apns.key);
    reader.text("key_id", apns.key_id);
    reader.text("team_id", apns.team_id);
    reader.secret("certificate", apns.certificate);
    reader.secret("private_key", apns.private_key);
    reader.text("topic", apns.topic);
    reader.text("push_type", apns.push_type);
    if (std::int64_t priority = 0; reader.whole("apns_priority", 1, 10, priority)) {
        apns.apns_priority = static_cast<int>(priority);
    }
    reader.url("url", apns.url);
    return apns;
}

FcmOptions read_fcm(TableReader& reader) {
    FcmOptions fcm;
    reader.secret("credentials", fcm.credentials);
    if (const auto priority = reader.choice("priority", {"HIGH", "NORMAL"})) {
        fcm.priority = *priority == 0 ? "HIGH" : "NORMAL";
    }
    reader.url("url", fcm.url);
    return fcm;
}

WebhookOptions read_webhook(TableReader& reader) {
    WebhookOptions webhook;
    reader.url("url", webhook.url);
    reader.secret("secret", webhook.secret);
    reader.boolean("idempotent", webhook.idempotent);
    return webhook;
}

/// Nothing when the vendor is not said: its keys cannot be judged then.
std::optional<VendorAccount> read_vendor(TableReader& reader) {
    reader.require("vendor", "write vendor = \"solapi\" or \"nhn\"");
    const auto vendor = reader.choice("vendor", {"solapi", "nhn"});
    if (!vendor) return std::nullopt;
    if (*vendor == 0) {
        SolapiAccount solapi;
        reader.text("api_key", solapi.api_key);
        reader.secret("api_secret", solapi.api_secret);
        reader.url("url", solapi.url);
        reader.secret("report_secret", solapi.report_secret);
        return solapi;
    }
    NhnAccount nhn;
    reader.text("app_key", nhn.app_key);
    reader.secret("secret_key", nhn.secret_key);
    reader.url("url", nhn.url);
    reader.secret("report_secret", nhn.report_secret);
    return nhn;
}

ChannelOptions read_channel(TableReader& reader, SpokenBySite& spoken) {
    ChannelOptions channel;
    reader.require("kind", "write kind = \"apns\", \"fcm\", \"webhook\", \"alimtalk\" or \"sms\"");
    const auto kind = reader.choice("kind", {"apns", "fcm", "webhook", "custom", "alimtalk", "sms"});
    if (!reader.text("name", channel.name) && kind && !reader.has("name")) {
        constexpr std::array<std::string_view, 6> names{"apns", "fcm", "webhook", "custom", "alimtalk", "sms"};
        channel.name = names[*kind];
    }
    if (!kind) {
        reader.ignore_rest();
        return channel;
    }
    if (*kind == 0) channel.provider = read_apns(reader);
    if (*kind == 1) channel.provider = read_fcm(reader);
    if (*kind == 2) channel.provider = read_webhook(reader);
    if (*kind >= 4) {
        auto vendor = read_vendor(reader);
        if (!vendor) {
            reader.ignore_rest();
            return channel;
        }
        std::string sender;
        reader.text("sender", sender);
        if (*kind == 4) {
            Message said;
            reader.text("template", said.template_id);
            reader.text_map("variables", said.variables);
            spoken[channel.name] = std::move(said);
            channel.provider = AlimtalkOptions{std::move(*vendor), std::move(sender)};
        } else {
            channel.provider = SmsOptions{std::move(*vendor), std::move(sender)};
        }
    }
    reader.rate("per_second", channel.per_second);
    if (std::int64_t in_flight = 0; reader.whole("in_flight", 1, 100'000, in_flight)) {
        channel.in_flight = static_cast<std::size_t>(in_flight);
    }
    reader.duration("timeout", channel.timeout);
    reader.file("ca", channel.ca);
    reader.finish();
    return channel;
}

QuotaOptions read_quota(TableReader& reader) {
    constexpr std::int64_t newest_generation = 1'000'000'000'000'000;  // what the store's numbers keep exactly
    QuotaOptions quota;
    SharedQuotaOptions& store = quota.store;
    reader.require("redis", "say where it is, for example redis = \"rediss://user@redis.internal:6379/0\"");
    reader.url("redis", store.redis);
    reader.secret("password", store.password);
    reader.secret("sentinel_password", store.sentinel_password);
    reader.file("ca", store.ca);
    reader.require("domain", "name it, for example domain = \"marketing\": nodes of one domain share every limit");
    reader.text("domain", store.domain);
    reader.text("node", store.node);
    if (std::int64_t generation = 0; reader.whole("generation", 0, newest_generation, generation)) {
        store.generation = static_cast<std::uint64_t>(generation);
    }
    reader.boolean("may_lead", store.may_lead);
    if (std::int64_t replicas = 0; reader.whole("replicas", 0, 100, replicas)) {
        store.rules.replicas = static_cast<int>(replicas);
    }
    reader.duration("replica_lag", store.rules.replica_lag);
    reader.duration("lease", store.rules.lease);
    reader.duration("renew", store.rules.renew);
    reader.duration("connect_timeout", store.connect_timeout);
    reader.duration("reply_timeout", store.reply_timeout);
    reader.duration("grace", quota.grace);
    reader.finish();
    return quota;
}

}  // namespace

void read_site(TableReader& root, Site& site, SpokenBySite& spoken) {
    for (auto& reader : root.tables("backend")) site.backends.push_back(read_backend(reader));
    for (auto& reader : root.tables("channel")) site.channels.push_back(read_channel(reader, spoken));
    if (auto reader = root.table("quota")) {
        site.quota = read_quota(*reader);
    }
    root.texts("transactional_templates", site.transactional_templates);
}

void refuse_site_tables(TableReader& root, const std::string& hint) {
    for (const auto key : site_keys) root.misplaced(key, hint);
}

bool has_site_tables(const TableReader& root) {
    for (const auto key : site_keys) {
        if (root.has(key)) return true;
    }
    return false;
}

}  // namespace tidegate::delivery
