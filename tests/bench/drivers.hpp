#pragma once

#include <map>
#include <string>

namespace tidegate::bench {

/// "--name value" pairs behind a subcommand.
class Options {
  public:
    /// Throws when an argument is not part of a pair.
    Options(int count, char** arguments);

    /// Throws when it is absent.
    std::string text(const std::string& name) const;
    std::string text(const std::string& name, const std::string& otherwise) const;
    long number(const std::string& name, long otherwise) const;

  private:
    std::map<std::string, std::string> values_;
};

/// Writes a CSV of `--rows` recipients (key, token, phone, name, consent) to `--out`.
int make_audience(const Options& options);
/// Reads `--file` into a ledger in `--dir`, which is removed again, as `Gate::start` does it.
int ingest(const Options& options);
/// Prints one webhook body of the campaign that `gate` runs.
int print_body(const Options& options);
/// `--messages` POSTs through libcurl's multi interface and nothing else; `--mode perform|socket`.
int bare_loop(const Options& options);
/// The same through our HttpLoop and HttpPool.
int pool_loop(const Options& options);
/// The same as a campaign: Gate, ledger, webhook channel.
int gate_run(const Options& options);
/// Figures of the shared quota as a table; `--only NAME`, `--times N`, `--seconds N`, `--json FILE`. Fails when one is
/// missed.
int quota_figures(const Options& options);

}  // namespace tidegate::bench
