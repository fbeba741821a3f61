#include "ledger/files.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "tidegate/base/text.hpp"

namespace tidegate::ledger {

namespace {

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> sync_descriptor(int fd, const std::string& path) {
    if (::fsync(fd) != 0) return system_error(errno, "cannot be made durable", path);
    return {};
}

/// What the holder wrote about itself, reduced to printable characters: the file is only advisory.
std::string holder_in(int fd) {
    char buffer[160];
    const ssize_t got = ::pread(fd, buffer, sizeof buffer, 0);
    std::string text;
    for (ssize_t i = 0; i < got; ++i) {
        const char c = buffer[i];
        if (c == '\n') break;
        if (c >= ' ' && c < 127) text += c;
    }
    return text.empty() ? "another process" : text;
}

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
}
Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

Error system_error(int number, const std::string& what, const std::string& path) {
    std::string hint;
    if (number == ENOSPC || number == EDQUOT) hint = "free space and try again";
    if (number == EACCES || number == EPERM || number == EROFS)
        hint = "check the permissions of the file and of its folder";
    if (number == ENOENT) hint = "make the folder first";
    return {Errc::unavailable, what + ": " + std::generic_category().message(number), path, hint};
}

bool exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

std::uint64_t size_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Result<Descriptor> create_private(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid()) return system_error(errno, "cannot be made", path);
    if (::fchmod(file.get(), 0600) != 0) return system_error(errno, "cannot be made private", path);
    return file;
}

Result<void> sync_file(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return system_error(errno, "cannot be opened", path);
    return sync_descriptor(file.get(), path);
}

Result<void> publish(const std::string& from, const std::string& to) {
    int rc = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
    if (rc != 0 && (errno == EINVAL || errno == ENOSYS)) {
        // Filesystems without the flag: the holder's lock already keeps other ledgers away.
        if (exists(to)) return system_error(EEXIST, "cannot take its name", to);
        rc = ::rename(from.c_str(), to.c_str());
    }
    if (rc != 0) return system_error(errno, "cannot take its name", to);
    const std::string folder = folder_of(to);
    Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Result<void> synced;
    if (!directory.valid())
        synced = system_error(errno, "cannot be opened", folder);
    else
        synced = sync_descriptor(directory.get(), folder);
    if (!synced) ::unlink(to.c_str());  // a name that may vanish in a power cut is not a ledger
    return synced;
}

Result<void> check_free_space(const std::string& path, std::uint64_t needed) {
    const std::string folder = folder_of(path);
    struct statvfs info {};
    if (::statvfs(folder.c_str(), &info) != 0) return system_error(errno, "cannot be examined", folder);
    const auto free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    if (free >= needed) return {};
    const auto mib = [](std::uint64_t bytes) { return std::to_string((bytes + (1U << 20) - 1) >> 20) + " MiB"; };
    return Error{Errc::unavailable, "the ledger needs about " + mib(needed) + ", free are " + mib(free), folder,
                 "free space or name another folder for ledgers"};
}

Result<HolderLock> HolderLock::take(const std::string& ledger_path, WallTime now) {
    HolderLock lock;
    lock.path_ = ledger_path + ".lock";
    for (int looks = 0;;) {
        Descriptor file(::open(lock.path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file.valid()) return system_error(errno, "cannot be made", lock.path_);
        if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EINTR) continue;
            if (errno != EWOULDBLOCK) return system_error(errno, "cannot be locked", lock.path_);
            // `taken` holds it for an instant; a sender holds it longer.
            if (++looks < 5) {
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
                continue;
            }
            return Error{Errc::refused, "the ledger is held by " + holder_in(file.get()), ledger_path,
                         "wait for it to end, or end it"};
        }
        // The previous holder removes its file as it goes: a lock on a name already gone protects nothing.
        struct stat ours {
        }, named{};
        if (::fstat(file.get(), &ours) != 0 || ::stat(lock.path_.c_str(), &named) != 0 || ours.st_ino != named.st_ino ||
            ours.st_dev != named.st_dev)
            continue;
        if (::fchmod(file.get(), 0600) != 0) return system_error(errno, "cannot be made private", lock.path_);
        const std::string holder = "process " + std::to_string(::getpid()) + " since " + format_wall_time(now) + "\n";
        // On a full disk the name is lost, the lock is not.
        if (::ftruncate(file.get(), 0) != 0 ||
            ::pwrite(file.get(), holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
        }
        lock.file_ = std::move(file);
        return lock;
    }
}

bool HolderLock::taken(const std::string& ledger_path) {
    const Descriptor file(::open((ledger_path + ".lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.valid()) return errno != ENOENT;
    return ::flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

HolderLock::~HolderLock() {
    if (file_.valid()) ::unlink(path_.c_str());
}
HolderLock::HolderLock(HolderLock&& other) noexcept : file_(std::move(other.file_)), path_(std::move(other.path_)) {}
HolderLock& HolderLock::operator=(HolderLock&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(path_, other.path_);
    return *this;
}

}  // namespace tidegate::ledger
