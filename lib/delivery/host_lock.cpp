#include "delivery/host_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "net/crypto.hpp"

namespace tidegate::delivery {

namespace {

std::string lock_directory(const std::string& wanted) {
    if (!wanted.empty()) return wanted;
    if (::access("/run/lock", W_OK) == 0) return "/run/lock";
    return "/tmp";
}

std::string read_holder(int fd) {
    std::array<char, 256> text{};
    const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
    std::string holder(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return holder.empty() ? "another process" : holder;
}

}  // namespace

Result<HostLock> HostLock::take(const std::string& dir, const std::string& backend, const std::string& identity,
                                const std::string& holder) {
    const std::string path =
        lock_directory(dir) + "/tidegate-" + net::sha256_hex(backend + '\n' + identity).substr(0, 24) + ".lock";
    // Every user of the host must be able to see the lock; the sticky directory keeps them from removing it.
    // Linux refuses O_CREAT on somebody else's file in a sticky directory (fs.protected_regular), hence two steps.
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < 3; ++tries) {
        fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno == ENOENT)
            fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0 && errno != ENOENT && errno != EEXIST) break;
    }
    if (fd < 0) {
        return Error{Errc::unavailable, "cannot make the lock file " + path + ": " + std::strerror(errno),
                     "backend \"" + backend + "\"", "make the directory writable or name another one"};
    }
    static_cast<void>(::fchmod(fd, 0666));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const std::string who = read_holder(fd);
        ::close(fd);
        return Error{Errc::refused, "the backend is already in the hands of " + who, "backend \"" + backend + "\"",
                     "two gates would double its load: let the other one finish, or stop it"};
    }
    const std::string text = holder + "\n";
    static_cast<void>(!::ftruncate(fd, 0));
    static_cast<void>(!::pwrite(fd, text.data(), text.size(), 0));
    return HostLock(fd);
}

HostLock::HostLock(HostLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

HostLock& HostLock::operator=(HostLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

HostLock::~HostLock() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace tidegate::delivery
