#include "progress_bar.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "command.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::cli {

namespace {

constexpr auto line_every = std::chrono::seconds(3);

std::size_t terminal_width() {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
    return 100;
}

std::string per_second(double rate) {
    if (!std::isfinite(rate)) return "unlimited";
    return grouped(static_cast<std::uint64_t>(std::llround(std::max(rate, 0.0)))) + "/s";
}

std::string counts(const Progress& progress) {
    const auto pending = progress.totals.outcomes[static_cast<std::size_t>(Final::pending)];
    std::string text = grouped(progress.totals.recipients - pending) + " of " + grouped(progress.totals.recipients) +
                       "  " + per_second(progress.rate) + " (allowed " + per_second(progress.allowed) + ")";
    if (progress.cohorts > 1) {
        text += "  cohort " + std::to_string(progress.cohort + 1) + "/" + std::to_string(progress.cohorts);
    }
    if (progress.eta)
        text += "  left " + format_duration(std::chrono::duration_cast<std::chrono::seconds>(*progress.eta));
    if (progress.deadline_holds && !*progress.deadline_holds) text += "  MISSES THE DEADLINE";
    return text;
}

std::string backend_line(const Progress& progress) {
    std::string text;
    for (const BackendProgress& backend : progress.backends) {
        if (!text.empty()) text += "  ";
        text += backend.name + " p99 " +
                (std::isfinite(backend.p99_s) ? std::to_string(std::llround(backend.p99_s * 1000)) : "?") + "/" +
                std::to_string(std::llround(backend.slo_s * 1000)) + " ms, committed " +
                std::to_string(std::llround(backend.committed)) + "/s";
        if (backend.state != "open") text += " [" + backend.state + "]";
    }
    return text;
}

std::string cut(std::string text, std::size_t width) {
    // Cutting inside a multi-byte character would garble the terminal.
    if (text.size() > width) {
        text.resize(width);
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
    }
    return text;
}

/// A reason whose figures alone have moved is no news.
std::string without_figures(std::string reason) {
    std::erase_if(reason, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    return reason;
}

}  // namespace

ProgressView::ProgressView(const std::string& kind) {
    if (kind == "none") {
        kind_ = Kind::none;
    } else if (kind == "bar" || (kind == "auto" && ::isatty(STDERR_FILENO) == 1)) {
        kind_ = Kind::bar;
    } else {
        kind_ = Kind::lines;
    }
}

void ProgressView::show(const Progress& progress) {
    if (kind_ == Kind::none) return;
    const auto now = std::chrono::steady_clock::now();
    const std::string state = progress.paused ? "paused" : std::string(to_string(progress.state));
    if (kind_ == Kind::lines) {
        const std::string words = without_figures(progress.reason);
        const bool news = words != last_reason_ && progress.allowed <= 0;
        if (!news && now - last_line_ < line_every) return;
        last_line_ = now;
        last_reason_ = words;
        std::cerr << state << ": " << counts(progress) << "  " << backend_line(progress);
        if (!progress.reason.empty()) std::cerr << "  (" << progress.reason << ")";
        std::cerr << '\n';
        return;
    }
    const std::size_t width = terminal_width() - 1;
    const auto pending = static_cast<double>(progress.totals.outcomes[static_cast<std::size_t>(Final::pending)]);
    const auto all = static_cast<double>(progress.totals.recipients);
    const double share = all > 0 ? 1 - pending / all : 0;
    constexpr std::size_t cells = 24;
    const auto full = static_cast<std::size_t>(share * cells);
    std::string bar = "[" + std::string(full, '=') + std::string(cells - full, ' ') + "] " +
                      std::to_string(static_cast<int>(share * 100)) + "%  ";
    if (drawn_) std::cerr << "\x1b[2A\r";
    std::cerr << "\x1b[2K" << cut(bar + counts(progress), width) << '\n'
              << "\x1b[2K"
              << cut(backend_line(progress) + (progress.reason.empty() ? "" : "  (" + progress.reason + ")"), width)
              << '\n'
              << std::flush;
    drawn_ = true;
}

void ProgressView::say(const std::string& line) {
    if (kind_ == Kind::none) return;
    if (drawn_) std::cerr << "\x1b[2A\r\x1b[2K";
    std::cerr << line << '\n';
    if (drawn_) std::cerr << "\x1b[2K\n\n";
}

void ProgressView::end() {
    drawn_ = false;
}

}  // namespace tidegate::cli
