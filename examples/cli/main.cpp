// The `tidegate` command: one-off campaigns from files, and the operator's hand on a running gate.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>

#include "command.hpp"

int main(int argc, char** argv) {
    namespace cli = tidegate::cli;
    CLI::App app{
        "Releases bulk announcements only as fast as your own backend can bear the people who will open the app."};
    app.set_version_flag("--version", "tidegate " TIDEGATE_VERSION);
    app.require_subcommand(1);
    std::function<int()> command;

    const auto campaign_file = [](CLI::App* sub, cli::Common& common) {
        sub->add_option("FILE", common.file, "campaign file (TOML)")->required();
        sub->add_flag("--json", common.json, "answer in JSON");
    };

    cli::CheckOptions check;
    CLI::App* sub = app.add_subcommand("check", "read everything a run would read and name every fault; sends nothing");
    campaign_file(sub, check.common);
    sub->add_option("--preview", check.preview,
                    "show the message as the first N recipients would get it, addresses masked");
    sub->callback([&] { command = [&] { return cli::check(check); }; });

    cli::PlanOptions plan;
    sub = app.add_subcommand("plan", "cohorts, start times, predicted load, finish; sends nothing");
    campaign_file(sub, plan.common);
    sub->callback([&] { command = [&] { return cli::plan(plan); }; });

    cli::SimulateOptions simulate;
    sub = app.add_subcommand(
        "simulate", "rehearse in virtual time, against a model of the backends; sends nothing and asks nobody");
    sub->add_option("FILE", simulate.common.file,
                    "campaign file: its site and audience are put into each scenario (default: the scenario's own)");
    sub->add_option("--scenario", simulate.scenarios,
                    "scenario file, a folder of them, or \"nominal\" (the default); may be repeated")
        ->allow_extra_args(false);
    sub->add_option("--policy", simulate.policies,
                    "blast, static, aimd, gradient, impact or oracle, comma separated; static=3200 sets its rate "
                    "(default: impact)")
        ->allow_extra_args(false);
    sub->add_flag("--compare", simulate.compare, "every policy");
    sub->add_option("--grain", simulate.grain,
                    "flow, or exact: the whole delivery machine, person by person, up to 200,000 people")
        ->capture_default_str();
    sub->add_option("--seeds", simulate.seeds, "e.g. 1-20 or 1,3,7-9; the first one is drawn")->capture_default_str();
    sub->add_option("--recipients", simulate.recipients,
                    "how many people FILE is sent to (default: as many as its audience has)")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
    sub->add_flag("--json", simulate.common.json, "answer in JSON");
    sub->add_option("--html", simulate.html, "write the curves of all policies, laid over each other, to this file");
    sub->add_option("--svg", simulate.svg, "write one picture of one scenario to this file");
    sub->add_option("--jobs", simulate.jobs, "threads; the answer does not depend on it (default: one for each core)")
        ->check(CLI::Range(1U, 256U));
    sub->callback([&] { command = [&] { return cli::simulate(simulate); }; });

    const auto history_option = [](CLI::App* made, std::string& directory) {
        made->add_option("--history", directory,
                         "where backends' histories lie (default: history/ beside the site file)");
    };
    history_option(app.get_subcommand("check"), check.history);
    history_option(app.get_subcommand("plan"), plan.history);

    cli::ObserveOptions observe;
    sub = app.add_subcommand("observe", "watch the backends without sending, so that the first campaign is informed");
    sub->add_option("SITE", observe.common.file, "site file, or a campaign file with its site")->required();
    sub->add_flag("--json", observe.common.json, "answer in JSON");
    history_option(sub, observe.history);
    sub->add_option("--for", observe.duration, "end after this long (default: at Ctrl-C or SIGTERM)");
    sub->add_option("--progress", observe.progress, "auto, lines or none")
        ->check(CLI::IsMember({"auto", "lines", "none"}));
    sub->add_option("--log", observe.log, "append the library's log to this file");
    sub->callback([&] { command = [&] { return cli::observe(observe); }; });

    cli::TestOptions test;
    sub = app.add_subcommand("test", "send the real message to a few people of your own");
    campaign_file(sub, test.common);
    sub->add_option("--to", test.to, "audience file with the same columns, at most 100 rows")->required();
    sub->add_option("--ledger", test.ledger, "directory for ledgers");
    sub->callback([&] { command = [&] { return cli::test(test); }; });

    cli::RunCommand run;
    sub = app.add_subcommand("run", "send the campaign; run it again to resume");
    campaign_file(sub, run.common);
    sub->add_option("--ledger", run.ledger, "directory for ledgers (default: ledger/ beside the campaign file)");
    history_option(sub, run.history);
    sub->add_flag("--resume", run.resume, "an absent ledger is an error");
    sub->add_option("--listen", run.listen, "serve the operator's surface on 127.0.0.1:PORT or unix:/PATH");
    sub->add_option("--token", run.token,
                    "token file for --listen (made when absent; default control.token beside the ledger)");
    sub->add_option("--limit", run.limit, "at most N recipients in this ledger; ends with 4");
    sub->add_option("--wait-reports", run.wait_reports,
                    "wait that long for delivery reports, and send what they leave to the next channel (default 0s)");
    sub->add_option("--watch", run.watch, "keep recording the backends that long after the last message");
    sub->add_flag("--dry-run", run.dry_run, "everything but the network, in a ledger of its own");
    sub->add_option("--progress", run.progress, "auto, bar, lines or none")
        ->check(CLI::IsMember({"auto", "bar", "lines", "none"}));
    sub->add_option("--log", run.log, "append the library's log to this file");
    sub->callback([&] { command = [&] { return cli::run(run); }; });

    cli::ReportOptions report;
    sub =
        app.add_subcommand("report", "what became of everyone: of a campaign file, or of ledgers (several are merged)");
    sub->add_option("FILE", report.files, "campaign file or ledgers")->required();
    sub->add_flag("--json", report.json, "answer in JSON");
    sub->add_option("--ledger", report.ledger, "directory for ledgers");
    sub->add_option("--html", report.html,
                    "write the picture to this file; ledgers of several campaigns are laid side by side");
    sub->add_option("--export", report.exports, "outcomes, comma separated, and the CSV file to write")->expected(2);
    sub->add_option("--dead", report.condemned,
                    "write whose addresses providers called dead or doubtful to this CSV file");
    sub->callback([&] { command = [&] { return cli::report(report); }; });

    cli::CollectCommand collect;
    sub = app.add_subcommand("collect", "fetch the delivery reports of Alimtalk and SMS into the ledger");
    campaign_file(sub, collect.common);
    sub->add_option("--ledger", collect.ledger, "directory for ledgers");
    sub->callback([&] { command = [&] { return cli::collect(collect); }; });

    cli::PurgeOptions purge;
    sub = app.add_subcommand("purge", "remove personal data from the ledger for ever; keys and outcomes stay");
    campaign_file(sub, purge.common);
    sub->add_option("--ledger", purge.ledger, "directory for ledgers");
    sub->callback([&] { command = [&] { return cli::purge(purge); }; });

    cli::QuotaCommand quota;
    sub =
        app.add_subcommand("quota", "the limits that nodes share through Redis: who holds what, and what was ordered");
    sub->add_option("FILE", quota.common.file, "campaign or site file with [quota]")->required();
    sub->add_flag("--json", quota.common.json, "answer in JSON");
    sub->add_flag("--audit", quota.audit, "add every sum up anew; ends with 5 and says what differs");
    sub->callback([&] { command = [&] { return cli::quota(quota); }; });

    cli::RemoteOptions remote;
    const auto on_running_gate = [&](const char* name, const char* help, int (*act)(const cli::RemoteOptions&)) {
        CLI::App* made = app.add_subcommand(name, help);
        made->add_option("--control", remote.control, "address of the operator's surface")->capture_default_str();
        made->add_option("--token", remote.token, "token file");
        made->add_flag("--json", remote.json, "answer in JSON");
        made->callback([&command, &remote, act] { command = [&remote, act] { return act(remote); }; });
        return made;
    };
    constexpr const char* campaign_words =
        "campaign id, may be left out when there is only one; without --token a campaign file with [quota]: every node";
    on_running_gate("status", "how a running gate stands", cli::status);
    for (CLI::App* made : {on_running_gate("pause", "stop handing over; the process lives on", cli::pause),
                           on_running_gate("resume", "go on after a pause", cli::resume),
                           on_running_gate("abort", "end the campaign for good", cli::abort)}) {
        made->add_option("CAMPAIGN", remote.campaign, campaign_words);
    }
    sub = on_running_gate("rate", "lower the rate, or put the configured one back", cli::rate);
    sub->add_option("RATE", remote.rate, "messages per second, or \"configured\"")->required();
    sub->add_option("CAMPAIGN", remote.campaign, campaign_words);
    sub = on_running_gate("hold", "the red button: no campaign releases anything that loads this backend", cli::hold);
    sub->add_option("--backend", remote.backend, "backend name");
    sub->add_option("--domain", remote.domain,
                    "a file with [quota]: on every node of its domain, everything or only --backend");
    sub->add_flag("--release", remote.release, "let go again");

    if (argc > 1 && argv[1][0] != '-') {
        std::vector<std::string> known;
        for (const CLI::App* one : app.get_subcommands({})) known.push_back(one->get_name());
        if (std::find(known.begin(), known.end(), argv[1]) == known.end()) {
            const bool json = std::find(argv, argv + argc, std::string("--json")) != argv + argc;
            return cli::not_here(argv[1], known, json);
        }
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
        // CLI11's own codes would collide with the table of exit codes.
        return app.exit(problem) == 0 ? cli::ok : cli::refused;
    }
    return command();
}
