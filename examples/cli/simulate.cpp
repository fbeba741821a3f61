#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <iostream>
#include <thread>

#include "command.hpp"
#include "tidegate/sim/comparison.hpp"
#include "tidegate/sim/rehearsal.hpp"
#include "tidegate/sim/spelling.hpp"

namespace tidegate::cli {

namespace {

/// A request that has been understood.
struct Wanted {
    std::vector<sim::Scenario> scenarios;
    std::vector<sim::Policy> policies;
    std::vector<std::uint64_t> seeds;
    sim::Grain grain = sim::Grain::flow;
};

void add(Faults& faults, const Faults& more) {
    faults.insert(faults.end(), more.begin(), more.end());
}

/// Puts the campaign into each scenario.
Faults apply_campaign(const SimulateOptions& options, std::vector<sim::Scenario>& scenarios) {
    const std::string& file = options.common.file;
    Result<LoadedCampaign, Faults> loaded = load_campaign(file);
    if (!loaded) return loaded.error();
    if (loaded->site.backends.empty())
        return {{Errc::invalid, "no [[backend]]: there is nothing to rehearse against", file,
                 "state the backends that the campaign loads"}};
    std::uint64_t recipients = options.recipients;
    if (recipients == 0) {
        Result<Preview, Faults> seen = look_at(*loaded);
        if (!seen) return seen.error();
        for (const CohortRecord& cohort : seen->cohorts) recipients += cohort.recipients;
    }
    if (!options.common.json) {
        for (const std::string& warning : loaded->warnings) std::cerr << "warning: " << warning << '\n';
        std::cerr << "campaign " << loaded->campaign.id << ": " << grouped(recipients)
                  << " recipients; cohorts, canaries, quiet hours and suppression are not rehearsed\n";
    }
    Faults faults;
    for (sim::Scenario& scenario : scenarios) {
        scenario = sim::rehearsal(std::move(scenario), loaded->site, loaded->campaign, static_cast<double>(recipients));
        for (Error& fault : scenario.validate()) {
            fault.where = file + " in scenario " + scenario.name + ": " + fault.where;
            faults.push_back(std::move(fault));
        }
    }
    return faults;
}

/// Those of `policies` that a grain can rehearse; says which were left out.
std::vector<sim::Policy> fitting(std::vector<sim::Policy> policies, sim::Grain grain, bool json) {
    std::string left;
    std::erase_if(policies, [&](const sim::Policy& policy) {
        const bool refused = !sim::refusals(grain, {.campaigns = {}}, {policy}).empty();
        if (refused) left += (left.empty() ? "" : ", ") + std::string(sim::name_of(policy.kind));
        return refused;
    });
    if (!left.empty() && !json) std::cerr << "left out, for the delivery machine has no such policy: " << left << '\n';
    return policies;
}

/// Everything asked for, or every fault of it at once.
Result<Wanted, Faults> understand(const SimulateOptions& options) {
    Wanted wanted;
    Faults faults;
    if (options.policies.empty() && !options.compare) wanted.policies = {{sim::PolicyKind::impact}};
    std::string policies;
    for (const std::string& list : options.policies) policies += (policies.empty() ? "" : ",") + list;
    if (!options.policies.empty()) {
        if (Result<std::vector<sim::Policy>> read = sim::parse_policies(policies))
            wanted.policies = std::move(*read);
        else
            faults.push_back(read.error());
    }
    if (const std::optional<sim::Grain> grain = sim::grain_named(options.grain))
        wanted.grain = *grain;
    else
        faults.push_back(
            {Errc::invalid, "there is no grain \"" + options.grain + "\"", "--grain", "say flow or exact"});
    if (options.compare)
        wanted.policies = fitting(sim::every_policy(wanted.policies), wanted.grain, options.common.json);
    if (Result<std::vector<std::uint64_t>> read = sim::parse_seeds(options.seeds))
        wanted.seeds = std::move(*read);
    else
        faults.push_back(read.error());
    for (const std::string& name :
         options.scenarios.empty() ? std::vector<std::string>{"nominal"} : options.scenarios) {
        Result<std::vector<sim::Scenario>, Faults> found = sim::scenarios_named(name);
        if (!found) {
            add(faults, found.error());
            continue;
        }
        std::move(found->begin(), found->end(), std::back_inserter(wanted.scenarios));
    }
    if (!options.svg.empty() && wanted.scenarios.size() > 1)
        faults.push_back({Errc::invalid, "--svg draws one scenario, and here are " + grouped(wanted.scenarios.size()),
                          "--svg", "name one, or use --html for a page of all of them"});
    if (options.recipients > 0 && options.common.file.empty())
        faults.push_back({Errc::invalid, "--recipients belongs to a campaign file, and none is named", "--recipients",
                          "name the campaign file; a scenario says itself how many it has"});
    if (faults.empty() && !options.common.file.empty()) add(faults, apply_campaign(options, wanted.scenarios));
    if (!faults.empty()) return faults;
    for (const sim::Scenario& scenario : wanted.scenarios) {
        Faults refused = sim::refusals(wanted.grain, scenario, wanted.policies);
        for (Error& fault : refused) fault.where = scenario.name + ": " + fault.where;
        add(faults, refused);
    }
    if (!faults.empty()) return faults;
    return wanted;
}

/// Does every job, on so many threads. Jobs know their place, so who comes first does not matter.
void do_all(const std::vector<std::function<void()>>& jobs, unsigned threads) {
    const bool told = ::isatty(STDERR_FILENO) == 1 && jobs.size() > 8;
    std::atomic<std::size_t> next{0}, done{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < jobs.size(); i = next++) {
            jobs[i]();
            const std::size_t so_far = ++done;
            if (told)
                std::cerr << ("\r" + grouped(so_far) + " of " + grouped(jobs.size()) + " rehearsals") << std::flush;
        }
    };
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads && i < jobs.size(); ++i) helpers.emplace_back(work);
    work();
    helpers.clear();
    if (told) std::cerr << "\r\033[K" << std::flush;
}

std::vector<sim::Comparison> rehearse(const Wanted& wanted, bool drawn, unsigned threads) {
    const std::size_t seeds = wanted.seeds.size();
    std::vector<sim::Comparison> all;
    for (const sim::Scenario& scenario : wanted.scenarios) {
        sim::Comparison& one = all.emplace_back(sim::Comparison{scenario, wanted.seeds, {}, {}, wanted.grain});
        one.oracle.resize(seeds);
        for (const sim::Policy& policy : wanted.policies)
            one.policies.push_back({policy, std::vector<sim::SimResult>(seeds)});
    }
    std::vector<std::function<void()>> jobs;
    for (sim::Comparison& one : all)
        for (std::size_t i = 0; i < seeds; ++i) {
            // Only the first seed is drawn, and records are large.
            const bool keep = drawn && i == 0;
            const std::uint64_t seed = wanted.seeds[i];
            const auto rehearse_one = [&scenario = one.scenario, seed, keep](const sim::Policy& policy,
                                                                             sim::Grain grain) {
                return sim::simulate(scenario, policy, seed, keep, grain);
            };
            jobs.push_back([rehearse_one, &into = one.oracle[i]] {
                into = rehearse_one({sim::PolicyKind::oracle}, sim::Grain::flow);
            });
            for (sim::PolicyRuns& runs : one.policies)
                if (runs.policy.kind != sim::PolicyKind::oracle)
                    jobs.push_back([rehearse_one, &runs, i, grain = wanted.grain] {
                        runs.runs[i] = rehearse_one(runs.policy, grain);
                    });
        }
    do_all(jobs, threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency()));
    for (sim::Comparison& one : all)
        for (sim::PolicyRuns& runs : one.policies)
            if (runs.policy.kind == sim::PolicyKind::oracle) runs.runs = one.oracle;
    return all;
}

}  // namespace

int simulate(const SimulateOptions& options) {
    const bool json = options.common.json;
    const Result<Wanted, Faults> wanted = understand(options);
    if (!wanted) return tell(wanted.error(), json);
    const bool drawn = !options.html.empty() || !options.svg.empty();
    const std::vector<sim::Comparison> all = rehearse(*wanted, drawn, options.jobs);
    if (!options.html.empty())
        if (const int failed = write_picture(options.html, sim::to_html(all), json); failed != ok) return failed;
    if (!options.svg.empty())
        if (const int failed = write_picture(options.svg, sim::to_svg(all.front()), json); failed != ok) return failed;
    std::cout << (json ? sim::to_json(all) + "\n" : sim::to_text(all));
    return ok;
}

}  // namespace tidegate::cli
