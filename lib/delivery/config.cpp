#include "tidegate/delivery/config.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "delivery/config_parts.hpp"
#include "delivery/step_message.hpp"
#include "net/crypto.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {
namespace delivery {
namespace {

constexpr std::size_t largest_file = 1024 * 1024;

/// A file's bytes and its tree; `root` is absent when it cannot be read, with the reason among the findings.
struct Document {
    SourceFile file;
    std::string bytes;
    std::optional<Node> root;
};

Result<std::string> read_bytes(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        return Error{Errc::invalid, "is a folder, not a file", {}, "name the TOML file in it"};
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) return Error{Errc::not_found, "cannot be read", {}, "check the path and its permissions"};
    std::string bytes(largest_file + 1, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (in.bad()) return Error{Errc::unavailable, "reading failed", {}, "check the disk"};
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    if (bytes.size() > largest_file) {
        return Error{Errc::invalid, "is larger than 1 MiB", {}, "name the campaign file, not the audience"};
    }
    return bytes;
}

/// The line of the first byte that is not UTF-8; 0 when all is well.
int first_broken_line(std::string_view bytes) {
    if (valid_utf8(bytes)) return 0;
    for (int line = 1;; ++line) {
        const auto end = bytes.find('\n');
        if (!valid_utf8(bytes.substr(0, end)) || end == std::string_view::npos) return line;
        bytes.remove_prefix(end + 1);
    }
}

Document open_document(const std::string& path, int order, Findings& findings) {
    Document document;
    document.file = {order, path, std::filesystem::path(path).parent_path().string()};
    if (document.file.directory.empty()) document.file.directory = ".";
    auto bytes = read_bytes(path);
    if (!bytes) {
        findings.fault(document.file, 0, {}, bytes.error());
        return document;
    }
    document.bytes = std::move(*bytes);
    if (const int line = first_broken_line(document.bytes); line > 0) {
        findings.fault(document.file, line, {}, {Errc::invalid, "the file is not UTF-8", {}, "save it as UTF-8"});
        return document;
    }
    auto tree = parse_toml(document.bytes);
    if (!tree) {
        const int line = std::atoi(tree.error().where.c_str());
        findings.fault(document.file, line, {}, tree.error());
        return document;
    }
    document.root = std::move(*tree);
    return document;
}

/// The site's names cannot be trusted, so that a reference to one may be right after all.
bool names_in_doubt(const Findings& findings) {
    return findings.any_told([](const std::string& key) {
        const bool of_site = key.starts_with("backend") || key.starts_with("channel");
        return key == "site" ||
               (of_site && (key.find('.') == std::string::npos || key.ends_with(".name") || key.ends_with(".kind")));
    });
}

/// Korean law wants an advertisement labelled at its very beginning and a way to refuse more of them in it.
/// Source: Act on Promotion of Information and Communications Network Utilization, art. 50(4), and its decree's annex.
void warn_about_label(const Campaign& campaign, Findings& findings) {
    if (campaign.purpose != Purpose::advertising || campaign.zone != "Asia/Seoul") return;
    const auto& message = campaign.message;
    const auto& first = message.title.empty() ? message.body : message.title;
    if (!first.empty() && !first.starts_with("(광고)")) {
        findings.warn(message.title.empty() ? "message.body" : "message.title",
                      "an advertisement must begin with (광고)");
    }
    if (campaign.sender.empty()) {
        findings.warn("campaign.purpose",
                      "an advertisement must name its sender; say it as [campaign] sender, so that it can be checked");
    } else if (!first.empty() && message.title.find(campaign.sender) == std::string::npos &&
               message.body.find(campaign.sender) == std::string::npos) {
        findings.warn(message.body.empty() ? "message.title" : "message.body",
                      "an advertisement must name its sender, \"" + campaign.sender + "\"");
    }
    if (!message.body.empty() && message.body.find("수신거부") == std::string::npos &&
        message.body.find("수신 거부") == std::string::npos) {
        findings.warn("message.body", "an advertisement must say how to refuse more of them (수신거부)");
    }
}

/// Reactions within seconds of a large share are those of people who wait for something.
void warn_about_first_come(const Campaign& campaign, Findings& findings) {
    constexpr auto within = std::chrono::seconds(10);
    constexpr double large = 0.3;
    if (campaign.event || campaign.response.median > within || campaign.response.open_rate <= large) return;
    findings.warn("response",
                  "so many people so soon is what a first-come offer looks like; if they wait for an instant, state it "
                  "in [event], since nothing can brake a crowd that comes by the clock");
}

bool on_this_host(const std::string& redis) {
    const auto begin = std::max(redis.find("://") + 3, redis.find('@') + 1);  // npos + 1 = 0
    const std::string hosts = redis.substr(begin);
    return hosts.find(',') == std::string::npos &&
           (hosts.starts_with("127.") || hosts.starts_with("localhost") || hosts.starts_with("[::1]"));
}

/// Whoever reads the connection learns the password; whoever writes to it steers every node.
void warn_about_quota(const Site& site, Findings& findings) {
    if (!site.quota || site.quota->store.redis.starts_with("rediss") || on_this_host(site.quota->store.redis)) return;
    findings.warn("quota.redis",
                  "Redis is on another host and reached without TLS: the password and every limit cross the network in "
                  "the clear; rediss:// encrypts them");
}

void warn_about(const LoadedCampaign& loaded, Findings& findings) {
    const Site& site = loaded.site;
    const Campaign& campaign = loaded.campaign;
    if (site.backends.empty()) {
        findings.warn({}, "no [[backend]]: nothing is watched, only [limits] and account caps hold the campaign back");
    }
    for (std::size_t i = 0; i < site.backends.size(); ++i) {
        const auto& limits = site.backends[i].limits;
        const auto place = "backend[" + std::to_string(i) + "]";
        const auto impact = campaign.impact.find(limits.name);
        if (impact == campaign.impact.end()) {
            findings.warn(place, "the campaign states no [impact] for backend \"" + limits.name +
                                     "\": its sends are taken to cause no requests there");
        }
        if (limits.shadow) {
            findings.warn(place + ".shadow",
                          "backend \"" + limits.name + "\" is in shadow: decisions are recorded, not enforced");
        }
    }
    const auto& audience = campaign.audience;
    if (audience.file.empty()) {
        findings.warn("audience", "no [audience] file: only a program that hands over its own audience can run this");
    }
    if (campaign.purpose == Purpose::advertising && audience.consent.empty()) {
        findings.warn("audience",
                      "an advertisement without [audience] consent: nobody has agreed, so everybody is skipped");
    }
    warn_about_label(campaign, findings);
    warn_about_first_come(campaign, findings);
    warn_about_quota(site, findings);
    const bool own_channel = std::any_of(site.channels.begin(), site.channels.end(), [](const ChannelOptions& channel) {
        return std::holds_alternative<CustomOptions>(channel.provider);
    });
    for (const auto& address : audience.addresses) {
        const bool used = std::any_of(campaign.send.begin(), campaign.send.end(), [&](const SendStep& step) {
            return std::any_of(site.channels.begin(), site.channels.end(), [&](const ChannelOptions& channel) {
                return channel.name == step.channel && address_type(channel) == address.type;
            });
        });
        if (!used && !own_channel) {
            findings.warn("audience.address." + address.type,
                          "no step of the campaign sends to addresses of type \"" + address.type + "\"");
        }
    }
}

}  // namespace
}  // namespace delivery

Result<LoadedCampaign, Faults> load_campaign(const std::string& path) {
    using namespace delivery;
    Findings findings;
    LoadedCampaign loaded;
    loaded.path = path;

    const auto campaign_document = open_document(path, 0, findings);
    if (!campaign_document.root) return findings.faults();
    loaded.directory = campaign_document.file.directory;
    loaded.campaign_hash = loaded.site_hash = net::sha256_hex(campaign_document.bytes);

    TableReader root(*campaign_document.root, {}, campaign_document.file, findings);
    Document site_document;
    std::string site_path;
    SpokenBySite spoken;
    bool site_known = true;
    const bool two_files = root.has("site");
    if (root.file("site", site_path)) {
        refuse_site_tables(root, "move it to " + site_path + ", or leave out `site`");
        site_document = open_document(site_path, 1, findings);
        site_known = site_document.root.has_value();
        loaded.site_hash = net::sha256_hex(site_document.bytes);
        if (site_known) {
            TableReader site_root(*site_document.root, {}, site_document.file, findings);
            refuse_campaign_tables(site_root, "move it to the campaign file");
            read_site(site_root, loaded.site, spoken);
            site_root.finish();
        }
    } else if (two_files) {
        site_known = false;
        refuse_site_tables(root, "leave out `site` when the site's tables stand in the campaign file");
    } else {
        read_site(root, loaded.site, spoken);
    }
    read_campaign(root, loaded.campaign);
    root.finish();
    if (!two_files && !root.has("send")) {
        for (const auto& channel : loaded.site.channels) loaded.campaign.send.push_back({channel.name, false, {}});
    }
    for (SendStep& step : loaded.campaign.send) {
        const auto said = spoken.find(step.channel);
        if (said == spoken.end()) continue;
        const Message message = message_of(loaded.campaign, step);
        if (message.template_id.empty()) step.message.template_id = said->second.template_id;
        if (message.variables.empty()) step.message.variables = said->second.variables;
    }

    const bool references_in_doubt = !site_known || names_in_doubt(findings);
    const auto& site_file = two_files && site_known ? site_document.file : campaign_document.file;
    loaded.site_directory = site_file.directory;
    if (site_known) {
        for (auto& fault : loaded.site.validate()) findings.take(std::move(fault), site_file);
    }
    for (auto& fault : loaded.campaign.validate(loaded.site)) {
        const bool refers = fault.code == Errc::not_found || fault.where == "campaign.purpose";
        if (refers && references_in_doubt) continue;
        findings.take(std::move(fault), campaign_document.file);
    }
    if (!findings.clean()) return findings.faults();

    warn_about(loaded, findings);
    loaded.lines = findings.lines();
    loaded.warnings = std::move(findings.warnings);
    return loaded;
}

Result<LoadedSite, Faults> load_site(const std::string& path) {
    using namespace delivery;
    Findings findings;
    const auto document = open_document(path, 0, findings);
    if (!document.root) return findings.faults();
    TableReader root(*document.root, {}, document.file, findings);
    if (root.has("site") || root.has("campaign")) {
        auto campaign = load_campaign(path);
        if (!campaign) return campaign.error();
        return LoadedSite{std::move(campaign->site), path, campaign->site_directory, campaign->site_hash, {}};
    }
    LoadedSite loaded{{}, path, document.file.directory, net::sha256_hex(document.bytes), {}};
    SpokenBySite spoken;  // for a campaign; here it is read for its form
    read_site(root, loaded.site, spoken);
    root.finish();
    for (auto& fault : loaded.site.validate()) findings.take(std::move(fault), document.file);
    if (!findings.clean()) return findings.faults();
    loaded.warnings = std::move(findings.warnings);
    return loaded;
}

}  // namespace tidegate
