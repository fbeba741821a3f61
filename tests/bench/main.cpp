// One program: the micro benchmarks, and the drivers that run.sh calls as subcommands.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <exception>
#include <string>

#include "drivers.hpp"

namespace {

using Driver = int (*)(const tidegate::bench::Options&);

struct Command {
    const char* name;
    Driver run;
};

constexpr Command commands[] = {
    {"audience", tidegate::bench::make_audience}, {"ingest", tidegate::bench::ingest},
    {"body", tidegate::bench::print_body},        {"loop", tidegate::bench::bare_loop},
    {"pool", tidegate::bench::pool_loop},         {"gate", tidegate::bench::gate_run},
#if TIDEGATE_HAS_REDIS
    {"quota", tidegate::bench::quota_figures},
#endif
};

}  // namespace

int main(int argc, char** argv) {
    const std::string wanted = argc > 1 ? argv[1] : "";
    for (const Command& command : commands) {
        if (wanted != command.name) continue;
        try {
            return command.run(tidegate::bench::Options(argc - 2, argv + 2));
        } catch (const std::exception& fault) {
            std::fprintf(stderr, "tidegate-bench %s: %s\n", command.name, fault.what());
            return 1;
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
