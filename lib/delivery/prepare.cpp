#include "delivery/prepare.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "delivery/reports.hpp"
#include "delivery/step_message.hpp"
#include "net/crypto.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/ledger/fingerprint.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"

namespace tidegate::delivery {

namespace {

constexpr std::size_t preflight_recipients = 200;

Faults one(Error error) {
    return {std::move(error)};
}

std::string short_hash(const std::string& text) {
    return net::sha256_hex(text).substr(0, 16);
}

std::string limits_of(const Campaign& campaign) {
    std::string text = "per_second=";
    text +=
        std::isfinite(campaign.per_second.per_second) ? std::to_string(campaign.per_second.per_second) : "unlimited";
    text += " deadline=" + (campaign.deadline ? format_wall_time(*campaign.deadline) : std::string("none"));
    text += " priority=" + std::to_string(campaign.priority);
    text += " on_unknown=" + std::string(to_string(campaign.on_unknown));
    if (campaign.event) text += " event=" + format_wall_time(campaign.event->at);
    return text;
}

/// Not the lock beside it: another starter may be waiting on that very file.
void remove_ledger(const std::string& path) {
    for (const char* suffix : {"-wal", "-shm", ""}) {
        std::error_code ignored;
        std::filesystem::remove(path + suffix, ignored);
    }
}

/// Removes the ledger this call made unless everything went well.
class FreshLedger {
  public:
    FreshLedger() = default;
    ~FreshLedger() {
        if (path_.empty()) return;
        remove_ledger(path_);
    }
    FreshLedger(const FreshLedger&) = delete;
    FreshLedger& operator=(const FreshLedger&) = delete;
    void made(const std::string& path) { path_ = path; }
    void keep() { path_.clear(); }

  private:
    std::string path_;
};

Result<void> make_directory(const std::string& dir) {
    std::error_code failed;
    std::filesystem::create_directories(std::filesystem::path(dir).parent_path(), failed);
    if (::mkdir(dir.c_str(), 0700) == 0 || errno == EEXIST) {
        if (std::filesystem::is_directory(dir, failed)) return {};
        return Error{Errc::invalid, "is not a directory", dir, "name another ledger directory"};
    }
    return Error{Errc::unavailable, std::string("cannot be made: ") + std::strerror(errno), dir,
                 "make it, or name another one with --ledger"};
}

Faults compare_content(SqliteLedger& ledger, const Campaign& campaign) {
    Faults faults;
    for (const auto& [name, value] : content_of(campaign)) {
        Result<std::optional<std::string>> before = ledger.meta("content." + name);
        if (!before) return one(before.error());
        if (*before && **before == value) continue;
        Error fault{Errc::refused, "the campaign's " + name + " changed since this ledger was begun",
                    "campaign " + campaign.id,
                    "give a changed campaign a new id; a ledger answers for one content only"};
        if (value.size() < 80 && *before && (*before)->size() < 80 && name.find("text") == std::string::npos) {
            fault.what += ": it was \"" + before->value_or("") + "\" and is \"" + value + "\"";
        }
        faults.push_back(std::move(fault));
    }
    return faults;
}

Result<void, Faults> compare_audience(SqliteLedger& ledger, AudienceSource& audience, const Campaign& campaign) {
    Result<std::string> now = audience_fingerprint(audience, campaign.mapping(), 0);
    if (!now) return one(now.error());
    Result<std::optional<std::string>> before = ledger.meta("audience_fingerprint");
    if (!before) return one(before.error());
    if (before->value_or("") == *now) return {};
    return one({Errc::refused, "the audience is not the one this ledger was begun with",
                "campaign " + campaign.id + (campaign.audience.file.empty() ? "" : ", " + campaign.audience.file),
                "bring back the file it was begun with, or give the changed campaign a new id"});
}

/// Faults of the audience say where they stand within it; people look for a file.
Faults in_file(Faults faults, const std::string& file) {
    if (file.empty()) return faults;
    for (Error& fault : faults) {
        if (fault.where.starts_with("row ")) fault.where.insert(0, file + ", ");
        if (fault.where == "audience") fault.where = file;
        if (fault.where.starts_with("audience.")) fault.where.insert(0, file + ", ");
    }
    return faults;
}

/// What earlier runs of this ledger are still owed.
Result<void> owed_reports(SqliteLedger& ledger, TimePoint now, RunParts& parts) {
    return ledger.for_each(
        {Final::accepted, Final::pending}, [&](const LedgerRecipient&, const std::vector<LedgerDelivery>& deliveries) {
            for (const LedgerDelivery& one : deliveries) {
                const std::size_t step = step_of(one.id);
                if (step >= parts.steps.size() || !parts.steps[step].traits.two_phase) continue;
                if (one.outcome != Final::accepted || !open_to_report(one)) continue;
                parts.awaited.expect({parts.steps[step].channel, request_of(one.last.provider_id)}, now);
            }
        });
}

/// The form of the first messages, channel by channel; one fault for each channel that would refuse.
Faults preflight(Ledger& ledger, const RunParts& parts) {
    Faults faults;
    std::vector<bool> told(parts.accounts.size(), false);
    std::size_t seen = 0;
    for (const CohortRecord& cohort : parts.cohorts) {
        if (seen >= preflight_recipients) break;
        Result<std::vector<LedgerRecipient>> some = ledger.walk({cohort.index, 0, 0}, preflight_recipients - seen);
        if (!some) return one(some.error());
        seen += some->size();
        for (const LedgerRecipient& recipient : *some) {
            for (std::size_t step = 0; step < parts.steps.size(); ++step) {
                const RouteStep& route = parts.steps[step];
                for (const std::string& address : addresses_for(recipient.person, route.traits)) {
                    if (told[route.channel]) break;
                    Attempt attempt;
                    attempt.campaign = parts.campaign.id;
                    attempt.id = net::uuid_of(parts.campaign.id);
                    attempt.key = recipient.person.key;
                    attempt.address = address;
                    attempt.purpose = parts.campaign.purpose;
                    attempt.message = parts.messages[step].render(recipient.person.fields);
                    Result<void> form = parts.accounts[route.channel]->channel().check(attempt);
                    if (form || form.error().code == Errc::invalid) continue;
                    Error fault = form.error();
                    fault.where = "channel " + parts.accounts[route.channel]->name() + ", recipient " +
                                  std::to_string(recipient.id);
                    faults.push_back(std::move(fault));
                    told[route.channel] = true;
                }
            }
        }
    }
    return faults;
}

Result<void> note_changes(SqliteLedger& ledger, const Campaign& campaign, const RunOptions& options, WallTime wall) {
    LedgerBatch batch;
    const std::string limits = limits_of(campaign);
    Result<std::optional<std::string>> before = ledger.meta("limits");
    if (!before) return before.error();
    if (*before != limits) {
        if (*before) batch.events.push_back({wall, "limits", **before + " -> " + limits, options.operator_name});
        batch.meta.emplace_back("limits", limits);
    }
    for (const auto& [name, value] : options.record) {
        Result<std::optional<std::string>> old = ledger.meta("record." + name);
        if (old && *old == value) continue;
        batch.meta.emplace_back("record." + name, value);
        if (old && *old) batch.events.push_back({wall, "record", name + ": " + value, options.operator_name});
    }
    return batch.empty() ? Result<void>{} : ledger.commit(batch);
}

}  // namespace

std::map<std::string, std::string> content_of(const Campaign& campaign) {
    std::map<std::string, std::string> content;
    content["purpose"] = std::string(to_string(campaign.purpose));
    const Message& message = campaign.message;
    content["title text"] = short_hash(message.title);
    content["body text"] = short_hash(message.body);
    content["link text"] = short_hash(message.link);
    content["collapse text"] = short_hash(message.collapse);
    std::string data = message.template_id;
    for (const auto& [name, value] : message.data) data += '\n' + name + '=' + value;
    for (const auto& [name, value] : message.variables) data += "\n#{" + name + "}=" + value;
    content["data text"] = short_hash(data);
    std::string own;  // told only where a step has something of its own: ledgers begun before know nothing of it
    for (const SendStep& step : campaign.send) {
        if (step.message == Message{}) continue;
        const Message& said = step.message;
        own += step.channel + '\n' + said.title + '\n' + said.body + '\n' + said.link + '\n' + said.collapse + '\n' +
               said.template_id;
        for (const auto& [name, value] : said.data) own += '\n' + name + '=' + value;
        for (const auto& [name, value] : said.variables) own += "\n#{" + name + "}=" + value;
    }
    if (!own.empty()) content["text of single steps"] = short_hash(own);
    std::string route;
    for (const SendStep& step : campaign.send)
        route += (route.empty() ? "" : ", ") + step.channel + (step.also ? " (also)" : "");
    content["route"] = route;
    const CohortOptions& cohorts = campaign.cohorts;
    std::string split = cohorts.column.empty() ? "hash x " + std::to_string(cohorts.count) : "column " + cohorts.column;
    for (const double share : cohorts.canary) split += ", canary " + std::to_string(share);
    content["cohorts"] = split + ", " + std::to_string(cohorts.shards) + " shards";
    content["devices"] = campaign.audience.all_devices ? "all" : "first";
    return content;
}

std::vector<std::pair<double, double>> recent_releases(const std::vector<CampaignTick>& ticks, const Campaign& campaign,
                                                       WallTime wall) {
    std::vector<std::pair<double, double>> recent;
    const double horizon = ResponseModel(campaign.response).horizon();
    for (const CampaignTick& tick : ticks) {
        const double ago = Seconds(wall - tick.at).count();
        if (ago >= 0 && ago < horizon && tick.released > 0)
            recent.emplace_back(ago, static_cast<double>(tick.released));
    }
    std::sort(recent.begin(), recent.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    return recent;
}

Result<RunParts, Faults> prepare(const Site& site, const Campaign& campaign, AudienceSource& audience,
                                 const std::vector<Account*>& accounts, const RunOptions& options, bool dry_run,
                                 const Clock& clock) {
    if (Faults faults = campaign.validate(site); !faults.empty()) return faults;
    Result<std::vector<MessageTemplate>, Faults> messages = compile_messages(campaign);
    if (!messages) return messages.error();

    RunParts parts;
    parts.campaign = campaign;
    parts.messages = std::move(*messages);
    for (const SendStep& step : campaign.send) {
        const auto wanted = std::find_if(accounts.begin(), accounts.end(),
                                         [&](const Account* account) { return account->name() == step.channel; });
        if (wanted == accounts.end()) {
            return one(
                {Errc::not_found, "there is no channel \"" + step.channel + "\"", "campaign " + campaign.id, ""});
        }
        auto known = std::find(parts.accounts.begin(), parts.accounts.end(), *wanted);
        if (known == parts.accounts.end()) known = parts.accounts.insert(parts.accounts.end(), *wanted);
        parts.steps.push_back(
            {static_cast<std::size_t>(known - parts.accounts.begin()), step.also, (*wanted)->traits()});
    }
    if (!campaign.audience.suppress.empty()) {
        Result<std::unique_ptr<SuppressionSource>, Faults> lists = open_suppression(campaign.audience.suppress);
        if (!lists) return lists.error();
        parts.suppression.push_back(std::move(*lists));
    }
    if (options.suppression) parts.suppression.push_back(options.suppression);

    if (Result<void> made = make_directory(options.ledger_dir); !made) return one(made.error());
    const std::string path = options.ledger_dir + "/" + campaign.id + (dry_run ? ".dry-run" : "") + ".ledger";
    const WallTime wall = clock.wall();
    if (dry_run) remove_ledger(path);  // a rehearsal begins anew each time
    const bool resuming = std::filesystem::exists(path);
    if (!resuming && options.must_exist) {
        return one(
            {Errc::not_found, "there is no ledger to resume", path, "run without --resume to begin the campaign"});
    }
    FreshLedger fresh;
    if (!resuming) {
        IngestOptions ingest;
        ingest.path = path;
        ingest.campaign_id = campaign.id;
        ingest.mapping = campaign.mapping();
        ingest.cohorts = campaign.cohorts;
        ingest.all_devices = campaign.audience.all_devices;
        ingest.max_malformed = campaign.audience.max_malformed;
        ingest.key = campaign.ledger_key;
        ingest.now = wall;
        ingest.progress = options.ingest_progress;
        for (const auto& [name, value] : content_of(campaign)) ingest.meta["content." + name] = value;
        ingest.meta["operator"] = options.operator_name;
        for (const SendStep& step : campaign.send)
            ingest.meta["sends"] += (ingest.meta["sends"].empty() ? "" : "\n") + step.channel;
        std::error_code unknown;
        const std::uintmax_t bytes = std::filesystem::file_size(campaign.audience.file, unknown);
        if (!unknown) ingest.source_bytes = bytes;
        Result<LedgerTotals, Faults> taken = SqliteLedger::ingest(audience, ingest);
        if (!taken) return in_file(std::move(taken.error()), campaign.audience.file);
        fresh.made(path);
    }
    Result<std::unique_ptr<SqliteLedger>> opened = SqliteLedger::open_for_sending(path, campaign.ledger_key);
    if (!opened) return one(opened.error());
    SqliteLedger& ledger = **opened;

    if (resuming) {
        Result<std::optional<std::string>> state = ledger.meta("state");
        if (!state) return one(state.error());
        if (state->value_or("") == "aborted") {
            return one(
                {Errc::refused, "the campaign was aborted and stays so", path, "begin a new campaign with a new id"});
        }
        Result<std::optional<std::string>> purged = ledger.meta("purged_at");
        if (!purged) return one(purged.error());
        if (*purged) {
            return one({Errc::refused, "the personal data of this ledger were purged, so nobody can be sent to", path,
                        "begin a new campaign with a new id"});
        }
        Faults changed = compare_content(ledger, campaign);
        if (!changed.empty()) return changed;
        if (Result<void, Faults> same = compare_audience(ledger, audience, campaign); !same) return same.error();
    }
    if (Result<void> noted = note_changes(ledger, campaign, options, wall); !noted) return one(noted.error());

    Result<LedgerTotals> totals = ledger.totals();
    if (!totals) return one(totals.error());
    Result<std::vector<CohortRecord>> cohorts = ledger.cohorts();
    if (!cohorts) return one(cohorts.error());
    parts.totals = *totals;
    parts.cohorts = std::move(*cohorts);
    if (parts.cohorts.empty()) parts.cohorts.push_back({0, "all", false, totals->recipients, 0, {}, {}});
    if (!resuming) {
        if (Faults faults = preflight(ledger, parts); !faults.empty()) return faults;
    }
    for (DeliveryId last = 0;;) {
        Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> open = ledger.open(last, 1000);
        if (!open) return one(open.error());
        if (open->empty()) break;
        last = open->back().first.id;
        std::move(open->begin(), open->end(), std::back_inserter(parts.open));
    }
    if (Result<std::vector<CampaignTick>> ticks = ledger.ticks())
        parts.recent = recent_releases(*ticks, campaign, wall);
    Result<std::optional<std::string>> failed_gate = ledger.meta("failed_gate");
    if (!failed_gate) return one(failed_gate.error());
    parts.failed_gate = failed_gate->value_or("");
    parts.limit = options.limit;
    parts.watch_after = options.watch_after;
    parts.wait_reports = dry_run ? Duration{0} : options.wait_reports;
    if (resuming && parts.wait_reports > Duration{0}) {
        if (Result<void> read = owed_reports(ledger, clock.now(), parts); !read) return one(read.error());
    }
    parts.operator_name = options.operator_name;
    parts.ledger_path = path;
    const std::string entropy = net::random_bytes(sizeof parts.seed);
    std::memcpy(&parts.seed, entropy.data(), sizeof parts.seed);
    parts.ledger = std::move(*opened);
    fresh.keep();
    return parts;
}

}  // namespace tidegate::delivery
