#include "tidegate/sim/comparison.hpp"

#include <algorithm>
#include <cmath>

#include "report/words.hpp"
#include "sim/telling.hpp"
#include "tidegate/sim/spelling.hpp"

namespace tidegate::sim {

using report::decimal;
using report::elapsed;
using report::fit;
using report::fit_right;
using report::grouped;

std::vector<Record> Comparison::records() const {
    std::vector<Record> all;
    for (const PolicyRuns& one : policies) all.push_back(record_of(one.policy, one.runs, oracle));
    return all;
}

double recipients_of(const Scenario& scenario) {
    double all = 0.0;
    for (const Campaign& campaign : scenario.campaigns) all += campaign.recipients;
    return all;
}

std::string label_of(const Policy& policy) {
    const std::string name(name_of(policy.kind));
    return policy.kind == PolicyKind::fixed ? name + " " + report::rate(policy.fixed_rate) : name;
}

std::string seconds_word(double seconds) {
    return decimal(seconds, 0) + " s";
}

namespace {

std::string line(std::string text) {
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
}

constexpr std::string_view kMeaning =
    "over SLO: seconds in which a backend breaks its objective and would not without the campaign\n";

/// What became of everybody.
std::string everybody(const ExactResult& exact) {
    const LedgerTotals& totals = exact.report.totals;
    std::string outcomes;
    for (std::size_t i = 0; i < totals.outcomes.size(); ++i)
        if (totals.outcomes[i] > 0)
            outcomes += (outcomes.empty() ? "" : ", ") + grouped(totals.outcomes[i]) + " " +
                        std::string(to_string(static_cast<Final>(i)));
    std::string out = "  " + grouped(totals.recipients) + " recipients: " + outcomes + "\n";
    out += "  " + grouped(totals.attempts) + " attempts in " + grouped(exact.report.cohorts.size()) +
           " cohorts; on the device of " + grouped(exact.reached) + ", more than once of " + grouped(exact.twice) +
           "\n";
    return out + "  ended with " + std::to_string(exact.end.exit_code) +
           (exact.end.why.empty() ? "" : ": " + exact.end.why) + "\n";
}

std::string of_one(const Comparison& comparison) {
    const Scenario& scenario = comparison.scenario;
    const Record oracle = record_of({PolicyKind::oracle}, comparison.oracle, comparison.oracle);
    std::string out = line(scenario.name + (scenario.about.empty() ? "" : ": " + scenario.about));
    out += decimal(recipients_of(scenario), 0) + " recipients, seeds " + format_seeds(comparison.seeds) +
           "; the oracle takes " + elapsed(oracle.median_completion_s) + " (median)\n\n";
    out += line("  " + fit("policy", 14) + fit_right("completion", 12) + fit_right("takes", 14) +
                fit_right("over SLO", 12) + fit_right("worst seed", 12) + fit_right("finished", 11));
    for (const Record& record : comparison.records()) {
        out += line("  " + fit(label_of(record.policy), 14) + fit_right(multiple(record.median_completion) + " x", 12) +
                    fit_right(elapsed(record.median_completion_s), 14) +
                    fit_right(seconds_word(record.median_over), 12) + fit_right(seconds_word(record.worst_over), 12) +
                    fit_right(grouped(record.finished) + " of " + grouped(comparison.seeds.size()), 11));
    }
    out += "\ncompletion: median multiple of the oracle's time on the same seed\n" + std::string(kMeaning);
    for (const PolicyRuns& one : comparison.policies)
        if (!one.runs.empty())
            for (const CampaignResult& campaign : one.runs.front().campaigns)
                if (campaign.exact)
                    out += "\n" + label_of(one.policy) + ", seed " + std::to_string(comparison.seeds.front()) + ", " +
                           campaign.id + "\n" + everybody(*campaign.exact);
    return out;
}

}  // namespace

std::string multiple(double value) {
    if (!std::isfinite(value)) return decimal(value, 0);
    // Always three places: the columns of a table must agree.
    const std::string whole = decimal(std::floor(value), 0);
    const auto thousandths = static_cast<long>(std::llround((value - std::floor(value)) * 1000.0));
    if (thousandths == 1000) return decimal(std::floor(value) + 1.0, 0) + ".000";
    const std::string digits = std::to_string(1000 + thousandths);
    return whole + "." + digits.substr(1);
}

std::string cell_of(const Record& record) {
    std::string cell = multiple(record.median_completion) + " · " + decimal(record.median_over, 0) + "(" +
                       decimal(record.worst_over, 0) + ")";
    if (record.finished < record.completion.size())
        cell += " " + grouped(record.finished) + "/" + grouped(record.completion.size());
    return cell;
}

std::string to_text(const std::vector<Comparison>& comparisons) {
    if (comparisons.size() == 1) return of_one(comparisons.front());
    constexpr std::size_t name_columns = 20, cell_columns = 22;
    std::string out;
    if (comparisons.empty()) return out;
    std::string head = fit("scenario", name_columns) + fit_right("oracle", 12);
    for (const PolicyRuns& one : comparisons.front().policies) head += fit_right(label_of(one.policy), cell_columns);
    out += line(head);
    for (const Comparison& comparison : comparisons) {
        const Record oracle = record_of({PolicyKind::oracle}, comparison.oracle, comparison.oracle);
        std::string row =
            fit(comparison.scenario.name, name_columns) + fit_right(decimal(oracle.median_completion_s, 0) + " s", 12);
        for (const Record& record : comparison.records()) row += fit_right(cell_of(record), cell_columns);
        out += line(row);
    }
    return out + "\nseeds " + format_seeds(comparisons.front().seeds) +
           "; completion as a multiple of the oracle's, median · seconds over SLO, median(worst)" +
           "; n/m: finished on n seeds only\n" + std::string(kMeaning);
}

}  // namespace tidegate::sim
