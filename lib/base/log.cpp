#include "tidegate/base/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace tidegate {
namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

/// The Log whose sink this thread is inside of: a sink that logs would otherwise wait for itself.
thread_local const void* entered = nullptr;

}  // namespace

struct Log::Impl {
    LogSink sink;
    LogLevel level;
    std::mutex one_at_a_time;
};

Log::Log(LogSink sink, LogLevel level) : impl_(new Impl{std::move(sink), level, {}}) {}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view line) {
    if (level < impl_->level || !impl_->sink || entered == impl_.get()) return;
    const void* const outer = std::exchange(entered, impl_.get());
    try {
        // One call is one line: text that came from outside must not be able to forge another.
        std::string clean;
        if (std::any_of(line.begin(), line.end(), is_control)) {
            clean = line;
            std::replace_if(clean.begin(), clean.end(), is_control, ' ');
            line = clean;
        }
        const std::lock_guard lock(impl_->one_at_a_time);
        impl_->sink(level, line);
    } catch (...) {
        // A sink's failure must not become the campaign's.
    }
    entered = outer;
}

LogSink stderr_sink() {
    auto logger = std::make_shared<spdlog::logger>("tidegate", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(spdlog::level::trace);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    return [logger](LogLevel level, std::string_view line) {
        logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
    };
}

}  // namespace tidegate
