#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "report/compose.hpp"

namespace tidegate {

namespace {

/// What the whole is called when its parts differ: the state that most needs somebody's attention.
RunState worse(RunState a, RunState b) {
    constexpr std::array<RunState, 6> order{RunState::running,    RunState::aborted,          RunState::stopped,
                                            RunState::incomplete, RunState::awaiting_reports, RunState::completed};
    return std::find(order.begin(), order.end(), a) < std::find(order.begin(), order.end(), b) ? a : b;
}

void add(LedgerTotals& into, const LedgerTotals& part) {
    into.rows += part.rows;
    into.malformed += part.malformed;
    into.duplicates += part.duplicates;
    into.recipients += part.recipients;
    into.deliveries += part.deliveries;
    into.attempts += part.attempts;
    into.elapsed_s = std::max(into.elapsed_s, part.elapsed_s);
    for (std::size_t i = 0; i < final_count; ++i) into.outcomes[i] += part.outcomes[i];
}

void add(std::map<std::uint32_t, CohortRecord>& into, const CohortRecord& part) {
    const auto [it, fresh] = into.emplace(part.index, part);
    CohortRecord& whole = it->second;
    if (fresh || part.recipients == 0) return;
    if (whole.recipients == 0) {
        whole = part;
        return;
    }
    whole.recipients += part.recipients;
    whole.released += part.released;
    if (part.started_at && (!whole.started_at || *part.started_at < *whole.started_at)) {
        whole.started_at = part.started_at;
    }
    // Finished only when every node has finished its share.
    if (!whole.finished_at || !part.finished_at) {
        whole.finished_at.reset();
    } else {
        whole.finished_at = std::max(*whole.finished_at, *part.finished_at);
    }
}

void add(std::map<std::string, BackendSummary>& into, const BackendSummary& part) {
    const auto [it, fresh] = into.emplace(part.name, part);
    if (fresh) return;
    BackendSummary& whole = it->second;
    // Every node watches the same backend: the seconds are the same seconds.
    whole.seconds_over_slo = std::max(whole.seconds_over_slo, part.seconds_over_slo);
    whole.worst_p99_s = std::max(whole.worst_p99_s, part.worst_p99_s);
    whole.slo_s = std::min(whole.slo_s, part.slo_s);
}

template <class Map>
auto values(Map map) {
    std::vector<typename Map::mapped_type> out;
    out.reserve(map.size());
    for (auto& [key, value] : map) out.push_back(std::move(value));
    return out;
}

std::string says(std::string_view left, std::uint64_t a, std::string_view right, std::uint64_t b) {
    return std::string(left) + " (" + std::to_string(a) + ") is not " + std::string(right) + " (" + std::to_string(b) +
           ")";
}

}  // namespace

Result<RunReport> merge(const std::vector<RunReport>& parts) {
    if (parts.empty()) return Error{Errc::invalid, "there is no report to merge", "", "name at least one ledger"};
    RunReport whole;
    whole.campaign = parts.front().campaign;
    whole.state = parts.front().state;
    std::map<std::uint32_t, CohortRecord> cohorts;
    std::map<std::pair<std::string, std::string>, ChannelTally> channels;
    std::map<std::string, BackendSummary> backends;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const RunReport& part = parts[i];
        if (part.campaign != whole.campaign) {
            return Error{Errc::invalid, "the ledgers belong to different campaigns",
                         "\"" + whole.campaign + "\" and \"" + part.campaign + "\"", "merge one campaign at a time"};
        }
        const auto twin = std::find(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(i), part);
        if (!part.events.empty() && twin != parts.begin() + static_cast<std::ptrdiff_t>(i)) {
            return Error{Errc::invalid, "the same ledger was given twice", part.campaign, "name each ledger once"};
        }
        whole.state = worse(whole.state, part.state);
        add(whole.totals, part.totals);
        for (const auto& cohort : part.cohorts) add(cohorts, cohort);
        for (const auto& backend : part.backends) add(backends, backend);
        for (const auto& channel : part.channels) {
            ChannelTally& tally = channels[{channel.name, channel.kind}];
            tally.name = channel.name;
            tally.kind = channel.kind;
            for (std::size_t k = 0; k < channel.answers.size(); ++k) tally.answers[k] += channel.answers[k];
        }
        // Nodes share one curve of people; the one that saw most of them knows it best.
        if (part.response && (!whole.response || part.response->opens > whole.response->opens))
            whole.response = part.response;
        whole.holds.insert(whole.holds.end(), part.holds.begin(), part.holds.end());
        whole.events.insert(whole.events.end(), part.events.begin(), part.events.end());
        whole.malformed.insert(whole.malformed.end(), part.malformed.begin(), part.malformed.end());
    }
    whole.cohorts = values(std::move(cohorts));
    whole.channels = values(std::move(channels));
    whole.backends = values(std::move(backends));
    std::stable_sort(whole.holds.begin(), whole.holds.end(), [](const HoldRecord& a, const HoldRecord& b) {
        return std::tie(a.from, a.backend) < std::tie(b.from, b.backend);
    });
    std::stable_sort(whole.events.begin(), whole.events.end(),
                     [](const EventRecord& a, const EventRecord& b) { return a.at < b.at; });
    if (whole.malformed.size() > report::kMalformedKept) whole.malformed.resize(report::kMalformedKept);
    return whole;
}

std::vector<std::string> broken_invariants(const RunReport& report, bool all_devices) {
    std::vector<std::string> broken;
    const LedgerTotals& t = report.totals;
    const std::uint64_t accounted = t.malformed + t.duplicates + t.recipients;
    if (!all_devices && t.rows != accounted) {
        broken.push_back(says("rows", t.rows, "malformed + duplicates + recipients", accounted));
    }
    if (all_devices && t.rows < accounted) {
        broken.push_back("rows (" + std::to_string(t.rows) + ") are fewer than malformed + duplicates + recipients (" +
                         std::to_string(accounted) + ")");
    }
    const std::uint64_t outcomes = std::accumulate(t.outcomes.begin(), t.outcomes.end(), std::uint64_t{0});
    if (t.recipients != outcomes) broken.push_back(says("recipients", t.recipients, "the sum of outcomes", outcomes));
    const std::uint64_t in_cohorts =
        std::accumulate(report.cohorts.begin(), report.cohorts.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const CohortRecord& c) { return sum + c.recipients; });
    if (!report.cohorts.empty() && t.recipients != in_cohorts) {
        broken.push_back(says("recipients", t.recipients, "the sum of cohorts", in_cohorts));
    }
    const std::uint64_t pending = report::count(t, Final::pending);
    const bool ended = report.state == RunState::completed || report.state == RunState::awaiting_reports;
    if (ended && pending > 0) {
        broken.push_back("the state is " + std::string(to_string(report.state)) + " but recipients are pending (" +
                         std::to_string(pending) + ")");
    }
    return broken;
}

namespace report {

std::vector<BackendSummary> all_backends(const RunReport& report) {
    std::vector<BackendSummary> all = report.backends;
    for (const auto& hold : report.holds) {
        const bool listed = std::any_of(all.begin(), all.end(), [&](const auto& b) { return b.name == hold.backend; });
        if (!listed) {
            all.emplace_back();
            all.back().name = hold.backend;
        }
    }
    return all;
}

}  // namespace report

}  // namespace tidegate
