#pragma once

#include <cstdint>
#include <string>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate::ledger {

/// A file descriptor that closes itself.
class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept;
    Descriptor& operator=(Descriptor&& other) noexcept;

    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }

  private:
    int fd_;
};

/// "what: <system's text>" with the path; disk-full numbers get the hint to free space.
Error system_error(int number, const std::string& what, const std::string& path);

bool exists(const std::string& path);
/// Bytes; 0 when absent.
std::uint64_t size_of(const std::string& path);
/// Makes an empty file that only its owner may read and write, whatever the umask. Errors: it exists.
Result<Descriptor> create_private(const std::string& path);
/// Errors: the file's data cannot be made durable.
Result<void> sync_file(const std::string& path);
/// Renames without replacing and makes the new name durable. Errors: `to` exists; I/O.
Result<void> publish(const std::string& from, const std::string& to);
/// Errors: fewer than `needed` bytes are free where `path` is to stand.
Result<void> check_free_space(const std::string& path, std::uint64_t needed);

/// The right to write a ledger: an advisory lock on a file beside it, which also says who holds it. Kept by the kernel
/// for the open file, so it ends with the process however that ends.
class HolderLock {
  public:
    HolderLock() = default;
    /// Errors: `refused`, naming the holder; I/O.
    static Result<HolderLock> take(const std::string& ledger_path, WallTime now);
    /// Whether somebody, this process included, holds it now.
    static bool taken(const std::string& ledger_path);
    ~HolderLock();
    HolderLock(HolderLock&& other) noexcept;
    HolderLock& operator=(HolderLock&& other) noexcept;

    bool held() const { return file_.valid(); }

  private:
    Descriptor file_;
    std::string path_;
};

}  // namespace tidegate::ledger
