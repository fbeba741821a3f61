#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "signal/history.hpp"

namespace tidegate::signal {

/// Where one backend's history lies: a file that is only ever replaced as a whole, so that a reader needs no lock and a
/// torn write loses nothing. Threads: none of its own; several stores may share a file, also of several processes.
class HistoryStore {
  public:
    /// `directory` is made, mode 0700, when something is first kept.
    HistoryStore(std::string directory, std::string backend, const SignalOptions& signal);

    /// What lies there; an absent file is an empty history. Errors: it cannot be read, or is not ours to read.
    Result<History> load() const;

    /// What a writer has to add.
    struct News {
        std::vector<PastSample> samples{};
        std::optional<std::pair<WallTime, WallTime>> busy{};  ///< from and until when our sends are felt
    };
    /// Reads what lies there, adds the news, thins, and replaces the file; a short lock keeps other writers out
    /// meanwhile. Returns the outcome. Errors: `unavailable` (disk, lock held too long): nothing changed, try again;
    /// `refused`: a newer tidegate wrote it.
    Result<History> add(const News& news, WallTime now) const;

    /// Another file of this backend lies there, from a signal with another address or other queries.
    bool knows_another_signal() const;
    const std::string& path() const { return path_; }

  private:
    std::string directory_, backend_, identity_, path_;
};

}  // namespace tidegate::signal
