#pragma once

#include <chrono>
#include <string>

#include "tidegate/delivery/progress.hpp"

namespace tidegate::cli {

/// Tells how a run goes, on standard error: two lines redrawn in place on a terminal, one line every few seconds
/// elsewhere.
class ProgressView {
  public:
    enum class Kind : std::uint8_t { bar, lines, none };

    /// `kind`: "auto" (bar on a terminal, lines otherwise), "bar", "lines" or "none".
    explicit ProgressView(const std::string& kind);

    void show(const Progress& progress);
    /// A note above the bar.
    void say(const std::string& line);
    void end();
    Kind kind() const { return kind_; }

  private:
    Kind kind_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point last_line_{};
    std::string last_reason_;
};

}  // namespace tidegate::cli
