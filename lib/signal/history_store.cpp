#include "signal/history_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

namespace tidegate::signal {

namespace {

constexpr std::size_t largest_file = 8U << 20;  // a full history has about one megabyte
constexpr int lock_tries = 100;
constexpr auto lock_pause = std::chrono::milliseconds(20);

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }

  private:
    int fd_;
};

Error failed(const std::string& what, const std::string& path) {
    const int number = errno;
    return {Errc::unavailable, what + ": " + std::generic_category().message(number), path,
            number == ENOSPC ? "free space" : "check the folder's permissions, or name another one for the history"};
}

Result<void> make_directory(const std::string& directory) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(directory).parent_path(), ignored);
    if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return failed("cannot be made", directory);
}

Result<void> write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed("cannot be written", path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd) != 0) return failed("cannot be made durable", path);
    return {};
}

/// New beside the old, durable, then renamed over it: whoever looks sees one or the other, whole.
Result<void> replace(const std::string& directory, const std::string& path, std::string_view text) {
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());  // left by a writer that was killed
    {
        const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file.valid()) return failed("cannot be made", fresh);
        Result<void> written = write_all(file.get(), text, fresh);
        if (!written) {
            ::unlink(fresh.c_str());
            return written;
        }
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("cannot be replaced", path);
    const Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid() || ::fsync(folder.get()) != 0) return failed("cannot be made durable", directory);
    return {};
}

}  // namespace

HistoryStore::HistoryStore(std::string directory, std::string backend, const SignalOptions& signal)
    : directory_(std::move(directory)),
      backend_(std::move(backend)),
      identity_(history_identity(signal)),
      path_(directory_ + "/" + backend_ + "-" + identity_ + ".history") {}

Result<History> HistoryStore::load() const {
    const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.valid()) {
        if (errno == ENOENT) return History();
        return failed("cannot be read", path_);
    }
    std::string text;
    for (char buffer[1 << 16]; text.size() <= largest_file;) {
        const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("cannot be read", path_);
        if (got == 0) break;
        text.append(buffer, static_cast<std::size_t>(got));
    }
    auto history = text.size() > largest_file
                       ? Result<History>(Error{Errc::invalid, "is larger than a history can be", {}, "move it away"})
                       : History::parse(text, identity_);
    if (!history) history.error().where = path_;
    return history;
}

Result<History> HistoryStore::add(const News& news, WallTime now) const {
    if (auto made = make_directory(directory_); !made) return made.error();
    const std::string lock_path = path_ + ".lock";
    const Descriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.valid()) return failed("cannot be made", lock_path);
    // A writer holds it for some milliseconds. One that was stopped in the middle must not stop us for ever.
    for (int tries = 1; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
        if (errno != EWOULDBLOCK && errno != EINTR) return failed("cannot be locked", lock_path);
        if (tries == lock_tries)
            return Error{Errc::unavailable, "another process has been writing this history for too long", path_,
                         "look for a stopped tidegate"};
        std::this_thread::sleep_for(lock_pause);
    }
    auto history = load();
    if (!history && history.error().code != Errc::invalid) return history;
    // What is no history, or a damaged one, gives way: it would keep the next campaign uninformed for ever.
    History merged = history ? std::move(*history) : History();
    if (news.busy) merged.busy(news.busy->first, news.busy->second);
    for (const PastSample& sample : news.samples) merged.add(sample);
    merged.thin(now);
    if (auto done = replace(directory_, path_, merged.text(backend_, identity_)); !done) return done.error();
    return merged;
}

bool HistoryStore::knows_another_signal() const {
    std::error_code failed;
    const std::string own = std::filesystem::path(path_).filename().string();
    for (const auto& entry : std::filesystem::directory_iterator(directory_, failed)) {
        const std::string name = entry.path().filename().string();
        // NAME-IDENTITY.history; a name may itself contain a hyphen, so lengths are compared.
        if (name != own && name.size() == own.size() && name.starts_with(backend_ + "-") && name.ends_with(".history"))
            return true;
    }
    return false;
}

}  // namespace tidegate::signal
