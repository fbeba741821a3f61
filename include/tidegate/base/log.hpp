#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tidegate/base/export.hpp"

namespace tidegate {

/// How much a line matters.
enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Receives one finished line. Threads: called from any of the library's threads, one call at a time.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// The library's logging face. Addresses and secrets are masked before they get here.
/// Threads: every member may be called from any thread. A sink that throws is ignored for that line.
class TIDEGATE_EXPORT Log {
  public:
    /// Lines at `level` and above go to `sink`; an empty sink drops everything.
    explicit Log(LogSink sink, LogLevel level = LogLevel::info);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// Passes one line on when its level is high enough.
    void write(LogLevel level, std::string_view line);
    void info(std::string_view line) { write(LogLevel::info, line); }     ///< the run's course
    void warn(std::string_view line) { write(LogLevel::warning, line); }  ///< worth a look
    void error(std::string_view line) { write(LogLevel::error, line); }   ///< somebody must act
    void debug(std::string_view line) { write(LogLevel::debug, line); }   ///< for us

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// A sink that writes time-stamped lines to standard error through a logger of its own (never the host's registry).
TIDEGATE_EXPORT LogSink stderr_sink();

}  // namespace tidegate
