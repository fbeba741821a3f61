#pragma once

#include <string>

#include "tidegate/base/result.hpp"

namespace tidegate::delivery {

/// An advisory lock that one process of this host holds on a backend, so that a second one cannot double its load.
/// Released with the object or with the process, whichever ends first.
class HostLock {
  public:
    /// `dir` empty: /run/lock where it can be written, else the temporary directory. `identity` tells backends of the
    /// same name apart (the signal's address). Errors: `refused` naming the holder; `unavailable` when no lock can be
    /// made.
    static Result<HostLock> take(const std::string& dir, const std::string& backend, const std::string& identity,
                                 const std::string& holder);
    HostLock(HostLock&& other) noexcept;
    HostLock& operator=(HostLock&& other) noexcept;
    ~HostLock();

  private:
    explicit HostLock(int fd) : fd_(fd) {}
    int fd_ = -1;
};

}  // namespace tidegate::delivery
