#pragma once

#include <memory>
#include <string>

#include "command.hpp"
#include "progress_bar.hpp"
#include "tidegate/delivery/config.hpp"
#include "tidegate/delivery/gate.hpp"

namespace tidegate::cli {

/// Sleeps; false as soon as somebody wants the command to end.
bool nap(Duration length);

/// Blocks SIGINT and SIGTERM in this thread and those it starts, so that `follow` can take them in order.
void block_signals();

/// Waits for one of them; true when it came.
bool wait_for_stop_signal(Duration at_most);

/// Watches a run to its end. The first SIGINT or SIGTERM stops it and waits up to 10 s for what is in flight; a second
/// one does not wait.
RunResult follow(CampaignHandle& handle, ProgressView& view);

/// A log sink that appends to a file, or warnings and errors to standard error when `path` is empty.
Result<LogSink> open_log(const std::string& path);

/// Prints the report and says on standard error when it contradicts itself; returns the run's exit code.
int conclude(const CampaignHandle& handle, const RunResult& result, bool json, bool all_devices);

}  // namespace tidegate::cli
