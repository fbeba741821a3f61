#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "delivery/prepare.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"

namespace tidegate::delivery {

namespace {

class ScratchDirectory {
  public:
    ScratchDirectory() {
        std::error_code failed;
        const std::filesystem::path base = std::filesystem::temp_directory_path(failed);
        std::string pattern = (failed ? "/tmp" : base.string()) + "/tidegate-preview-XXXXXX";
        if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    ~ScratchDirectory() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

bool on_a_list(const RunParts& parts, const std::string& identity) {
    for (const auto& source : parts.suppression) {
        if (source->suppressed(identity)) return true;
    }
    return false;
}

void look_at(const LedgerRecipient& recipient, const RunParts& parts, const Hours& hours, WallTime wall,
             std::size_t samples, Preview& seen) {
    if (on_a_list(parts, recipient.person.key)) {
        ++seen.suppressed;
        return;
    }
    const Eligibility may = eligible(recipient.person, parts.campaign.purpose, hours, wall);
    if (may.kind == Eligibility::Kind::skip) {
        ++seen.no_consent;
        return;
    }
    const RouteMove move = next_move(parts.steps, recipient, {}, parts.campaign.purpose);
    if (move.finished) {
        ++seen.no_address;
        return;
    }
    if (may.kind == Eligibility::Kind::wait) ++seen.waiting_for_morning;
    const RouteStep& step = parts.steps[step_of(move.start.front())];
    const std::string& channel = parts.accounts[step.channel]->name();
    ++seen.first_channel[channel];
    if (seen.samples.size() < samples) {
        const std::string address = addresses_for(recipient.person, step.traits)[address_of(move.start.front())];
        seen.samples.push_back({recipient.id, mask(recipient.person.key), channel, mask(address),
                                parts.messages[step_of(move.start.front())].render(recipient.person.fields)});
    }
}

}  // namespace

Result<Preview, Faults> preview(const Site& site, const Campaign& campaign, AudienceSource& audience,
                                const std::vector<Account*>& accounts, std::size_t samples, const Clock& clock) {
    const ScratchDirectory scratch;
    if (scratch.path().empty()) {
        return Faults{{Errc::unavailable, "cannot make a temporary directory", "", "make TMPDIR writable"}};
    }
    RunOptions options;
    options.ledger_dir = scratch.path();
    Result<RunParts, Faults> parts = prepare(site, campaign, audience, accounts, options, true, clock);
    if (!parts) return parts.error();

    Preview seen;
    seen.totals = parts->totals;
    seen.cohorts = parts->cohorts;
    // The scratch ledger is ours alone: what `prepare` opened is the one that also answers the report's questions.
    if (auto* ledger = dynamic_cast<SqliteLedger*>(parts->ledger.get())) {
        if (Result<std::vector<MalformedRecord>> rows = ledger->malformed(20)) seen.malformed = std::move(*rows);
    }
    const WallTime wall = clock.wall();
    Result<Hours> hours = hours_at(wall, campaign.zone);
    if (!hours) return Faults{hours.error()};
    for (const CohortRecord& cohort : seen.cohorts) {
        LedgerCursor cursor{cohort.index, 0, 0};
        for (;;) {
            Result<std::vector<LedgerRecipient>> some = parts->ledger->walk(cursor, 1000);
            if (!some) return Faults{some.error()};
            if (some->empty()) break;
            for (const LedgerRecipient& recipient : *some) look_at(recipient, *parts, *hours, wall, samples, seen);
            cursor = {cohort.index, some->back().shard, some->back().id};
        }
    }
    return seen;
}

}  // namespace tidegate::delivery
