#include "tidegate/delivery/campaign.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "delivery/names.hpp"
#include "delivery/step_message.hpp"
#include "net/crypto.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/delivery/site.hpp"

namespace tidegate {

std::string_view to_string(OnUnknown policy) {
    switch (policy) {
        case OnUnknown::resend_if_collapsible:
            return "resend-if-collapsible";
        case OnUnknown::resend:
            return "resend";
        case OnUnknown::never:
            return "never";
    }
    return "?";
}

namespace delivery {

bool plain_name(std::string_view name, std::size_t longest) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !name.empty() && name.size() <= longest && std::all_of(name.begin(), name.end(), plain) &&
           name.find_first_not_of('.') != std::string_view::npos;
}

namespace {

/// Firebase keeps a message for four weeks at most. Source: Firebase, "Set the lifespan of a message".
constexpr auto longest_fcm_ttl = std::chrono::hours(24 * 28);

class Check {
  public:
    Check(const Campaign& campaign, const Site& site) : campaign_(campaign), site_(site) {}

    Faults run() {
        identity();
        audience();
        message();
        route();
        adopt(campaign_.cohorts.validate(), "cohorts.");
        adopt(campaign_.response.validate(), "response.");
        event();
        impact();
        if (!(campaign_.per_second.per_second > 0)) {
            add("limits.per_second", "the limit is not above 0", "write messages per second, or leave it out");
        }
        if (!campaign_.ledger_key.empty()) {
            if (const auto sealer = net::Sealer::make(campaign_.ledger_key); !sealer) {
                add("ledger.key", sealer.error().what, sealer.error().hint);
            }
        }
        return std::move(faults_);
    }

  private:
    void add(std::string where, std::string what, std::string hint, Errc code = Errc::invalid) {
        faults_.push_back({code, std::move(what), std::move(where), std::move(hint)});
    }

    void adopt(Faults found, const std::string& prefix) {
        for (auto& fault : found) {
            if (!fault.where.starts_with(prefix)) fault.where.insert(0, prefix);
            faults_.push_back(std::move(fault));
        }
    }

    void identity() {
        if (campaign_.id.empty()) {
            add("campaign.id", "the campaign has no id", "give it one, e.g. id = \"card-benefit-2026-11\"");
        } else if (!plain_name(campaign_.id, 100)) {
            add("campaign.id", "\"" + campaign_.id + "\" cannot be an id: it names files",
                "use 1 to 100 of A-Z a-z 0-9 . _ -");
        }
        if (!local_minute_of_day(WallTime{}, campaign_.zone)) {
            add("campaign.zone", "unknown time zone \"" + campaign_.zone + "\"",
                "write an IANA name, e.g. \"Asia/Seoul\"");
        }
        if (campaign_.starts && campaign_.deadline && *campaign_.deadline <= *campaign_.starts) {
            add("campaign.deadline", "the deadline is not after the start", "move one of the two");
        }
        if (campaign_.priority < 0 || campaign_.priority > 9) {
            add("campaign.priority", "the priority is not between 0 and 9", "9 goes first, 5 is usual");
        }
        if (campaign_.purpose == Purpose::transactional) transactional();
    }

    void transactional() {
        const auto& listed = site_.transactional_templates;
        const auto of_site = [&](const std::string& id) {
            return std::find(listed.begin(), listed.end(), id) != listed.end();
        };
        std::vector<std::string> used;
        if (!campaign_.message.template_id.empty()) used.push_back(campaign_.message.template_id);
        for (const SendStep& step : campaign_.send) {
            if (!step.message.template_id.empty()) used.push_back(step.message.template_id);
        }
        const auto stranger = std::find_if_not(used.begin(), used.end(), of_site);
        if (!used.empty() && stranger == used.end()) return;
        add("campaign.purpose",
            used.empty() ? "a transactional campaign names no template"
                         : "the site does not list the template \"" + *stranger + "\" as transactional",
            "name one of the site's transactional_templates in [message] template, or use purpose = \"informational\"",
            Errc::refused);
    }

    void audience() {
        const auto& audience = campaign_.audience;
        if (audience.key.empty()) add("audience.key", "no column holds the identity", "e.g. key = \"customer_id\"");
        if (!(audience.max_malformed >= 0 && audience.max_malformed < 1)) {
            add("audience.max_malformed", "the share of malformed rows is not between 0 and 1",
                "write a share such as \"0.1%\"");
        }
        for (const auto& file : audience.suppress) {
            if (file.empty() || file == "-") {
                add("audience.suppress", "a suppression file must be a file: it is read again while running",
                    "name a file");
            }
        }
        std::set<std::pair<std::string, std::string>> seen;
        for (const auto& address : audience.addresses) {
            const auto where = "audience.address." + address.type;
            if (address.type.empty() || address.value.empty()) {
                add(where, "an address type or its column is empty", "e.g. apns = \"ios_token\"");
            } else if (!seen.insert({address.type, address.value}).second) {
                add(where, "the column \"" + address.value + "\" is named twice for " + address.type, "name it once");
            }
        }
    }

    void message() {
        const auto& message = campaign_.message;
        if (const auto compiled = MessageTemplate::compile(message); !compiled) adopt(compiled.error(), "message.");
        const bool by_step = std::any_of(campaign_.send.begin(), campaign_.send.end(),
                                         [](const SendStep& step) { return step.message != Message{}; });
        if (message.title.empty() && message.body.empty() && message.data.empty() && message.template_id.empty() &&
            !by_step) {
            add("message", "the message is empty", "write at least [message] body");
        }
        if (message.ttl && *message.ttl <= Duration::zero()) {
            add("message.ttl", "the time to live is not above zero", "e.g. ttl = \"4h\"");
        }
    }

    void route() {
        for (std::size_t i = 0; i < campaign_.send.size(); ++i) {
            auto compiled = MessageTemplate::compile(campaign_.send[i].message);
            if (compiled) continue;
            for (Error& fault : compiled.error()) {
                fault.where = "send[" + std::to_string(i) + "]." + fault.where.substr(fault.where.find('.') + 1);
                faults_.push_back(std::move(fault));
            }
        }
        if (campaign_.send.empty()) {
            add("send", "no channel to send through",
                "add [[send]] with channel = one of the site's [[channel]] names");
        }
        std::vector<std::string_view> names;
        for (const auto& channel : site_.channels) names.push_back(channel.name);
        std::set<std::string> used;
        for (std::size_t i = 0; i < campaign_.send.size(); ++i) {
            const auto& name = campaign_.send[i].channel;
            const auto where = "send[" + std::to_string(i) + "].channel";
            const auto channel = std::find_if(site_.channels.begin(), site_.channels.end(),
                                              [&](const ChannelOptions& other) { return other.name == name; });
            if (name.empty()) {
                add(where, "a step names no channel", "e.g. channel = \"ios\"");
            } else if (channel == site_.channels.end()) {
                unknown(where, "channel", name, names);
            } else if (!used.insert(name).second) {
                add(where, "the channel \"" + name + "\" has a step already", "keep one of the two");
            } else {
                step(*channel);
                for (Error& fault : check_step(campaign_, i, *channel)) faults_.push_back(std::move(fault));
            }
        }
    }

    void step(const ChannelOptions& channel) {
        // A host's own channel says its address type only at run time.
        if (std::holds_alternative<CustomOptions>(channel.provider)) return;
        // Without an address a webhook is given the key.
        if (std::holds_alternative<WebhookOptions>(channel.provider)) return;
        const auto kind = address_type(channel);
        const auto& addresses = campaign_.audience.addresses;
        if (std::none_of(addresses.begin(), addresses.end(), [&](const Address& a) { return a.type == kind; })) {
            add("audience.address", "no column holds the addresses for channel \"" + channel.name + "\"",
                "add " + kind + " = \"COLUMN\" to [audience.address]");
        }
        if (kind == "fcm" && campaign_.message.ttl && *campaign_.message.ttl > longest_fcm_ttl) {
            add("message.ttl", "channel \"" + channel.name + "\" keeps messages for 28 days at most",
                "write \"28d\" or less");
        }
    }

    void event() {
        if (!campaign_.event) return;
        adopt(campaign_.event->rush.validate(), "event.");
        if (site_.quota) {
            add("event", "nobody counts yet how many the nodes of a domain have told together before the instant",
                "send a first-come event from a site without [quota]", Errc::refused);
        }
        if (campaign_.event->at == WallTime{}) {
            add("event.at", "the event has no instant",
                "state it with its offset, e.g. at = 2026-11-23T11:00:00+09:00");
        } else if (campaign_.starts && campaign_.event->at <= *campaign_.starts) {
            add("event.at", "the event is not after the campaign's start, so nobody would be told before it",
                "let the campaign start earlier, or leave out [event]");
        }
    }

    void impact() {
        if (campaign_.impact.empty() && !site_.backends.empty()) {
            add("impact",
                "the campaign says nothing about the load it will cause, so no backend could be protected from it",
                "add [impact] with a line such as " + site_.backends.front().limits.name +
                    " = { per_open = 3 }; write 0 for a backend it does not touch");
        }
        std::vector<std::string_view> names;
        for (const auto& backend : site_.backends) names.push_back(backend.limits.name);
        for (const auto& [name, impact] : campaign_.impact) {
            const auto where = "impact." + name;
            if (std::find(names.begin(), names.end(), name) == names.end()) unknown(where, "backend", name, names);
            const auto usable = [](double value) { return std::isfinite(value) && value >= 0; };
            if (!usable(impact.per_open)) add(where + ".per_open", "requests per open are negative", "write 0 or more");
            if (!usable(impact.per_delivery)) {
                add(where + ".per_delivery", "requests per delivery are negative", "write 0 or more");
            }
        }
    }

    void unknown(const std::string& where, const std::string& what, const std::string& name,
                 const std::vector<std::string_view>& names) {
        std::string hint = "the site has no " + what;
        if (const auto close = nearest(name, names)) {
            hint = "did you mean \"" + *close + "\"?";
        } else if (!names.empty()) {
            hint = "the site has: ";
            for (const auto& known : names) hint += (&known == &names.front() ? "" : ", ") + std::string(known);
        }
        add(where, "unknown " + what + " \"" + name + "\"", hint, Errc::not_found);
    }

    const Campaign& campaign_;
    const Site& site_;
    Faults faults_;
};

}  // namespace
}  // namespace delivery

Faults Campaign::validate(const Site& site) const {
    return delivery::Check(*this, site).run();
}

AudienceMapping Campaign::mapping() const {
    AudienceMapping mapping;
    mapping.key = audience.key;
    mapping.address_columns = audience.addresses;
    mapping.fields = (*delivery::compile_messages(*this)).back().columns();
    mapping.consent = audience.consent;
    mapping.night_consent = audience.night_consent;
    mapping.cohort_column = cohorts.column;
    return mapping;
}

}  // namespace tidegate
