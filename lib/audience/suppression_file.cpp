#include "audience/suppression_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>

// Compiled in: its symbols stay out of ours.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tidegate::audience {
namespace {

Error unreadable(const std::string& path, const std::string& why, Errc code) {
    return {code, "the suppression list cannot be read: " + why, path,
            "Put a readable list there; the one read before stays in force."};
}

Error unreadable(const std::string& path, int error) {
    return unreadable(path, std::generic_category().message(error),
                      error == ENOENT || error == ENOTDIR ? Errc::not_found : Errc::unavailable);
}

class File {
  public:
    // O_NONBLOCK: a named pipe in the list's place must not stop the campaign's thread.
    explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    int fd() const { return fd_; }
    /// Bytes read, 0 at the end, -1 with errno.
    ssize_t read(char* to, std::size_t size) const {
        for (;;) {
            const ssize_t count = ::read(fd_, to, size);
            if (count >= 0 || errno != EINTR) return count;
        }
    }

  private:
    int fd_;
};

/// A running checksum of the bytes from the beginning of a file. Equal content is all it has to recognise.
class Checksum {
  public:
    Checksum() : state_(XXH3_createState(), &XXH3_freeState) { XXH3_128bits_reset(state_.get()); }
    void update(std::string_view bytes) { XXH3_128bits_update(state_.get(), bytes.data(), bytes.size()); }
    std::array<std::uint64_t, 2> value() const {
        const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
        return {hash.high64, hash.low64};
    }

  private:
    std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state_;
};

std::shared_ptr<const DigestList> united(const DigestList& a, const DigestList& b) {
    auto both = std::make_shared<DigestList>();
    both->reserve(a.size() + b.size());
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(*both));
    both->shrink_to_fit();
    return both;
}

}  // namespace

SuppressionFile::Signature SuppressionFile::signature_of(const struct stat& status) {
    return {status.st_dev,
            status.st_ino,
            status.st_size,
            {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec}};
}

Result<SuppressionFile::Reading> SuppressionFile::read() const {
    const File file(path_);
    struct stat status {};
    if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) return unreadable(path_, errno);
    if (!S_ISREG(status.st_mode)) return unreadable(path_, "it is not a regular file", Errc::invalid);

    Reading reading;
    reading.signature = signature_of(status);
    std::string buffer(std::size_t{256} * 1024, '\0');
    Checksum checksum;
    // First the bytes known before: while they are the same, only what stands behind them has to be taken apart.
    std::uint64_t known = 0;
    while (known < content_.size) {
        const auto want = std::min<std::uint64_t>(buffer.size(), content_.size - known);
        const ssize_t count = file.read(buffer.data(), static_cast<std::size_t>(want));
        if (count < 0) return unreadable(path_, errno);
        if (count == 0) break;
        checksum.update({buffer.data(), static_cast<std::size_t>(count)});
        known += static_cast<std::uint64_t>(count);
    }
    reading.added = known == content_.size && checksum.value() == content_.checksum && content_.size > 0;
    reading.content = content_;
    SuppressionListReader reader;
    bool restart = !reading.added;
    // When the known bytes did not end a line, what follows them belongs to their last line.
    bool mends_a_line = !content_.ends_line;
    for (;;) {
        if (restart) {
            if (::lseek(file.fd(), 0, SEEK_SET) != 0) return unreadable(path_, errno);
            checksum = Checksum();
            reading.content = {};
            reading.added = mends_a_line = false;
        }
        const ssize_t count = file.read(buffer.data(), buffer.size());
        if (count < 0) return unreadable(path_, errno);
        if (count == 0) break;
        restart = mends_a_line;
        if (restart) continue;
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
        checksum.update(bytes);
        reader.feed(bytes);
        reading.content.size += bytes.size();
        reading.content.ends_line = bytes.ends_with('\n');
    }
    reading.content.checksum = checksum.value();
    if (auto fault = reader.finish(reading.entries)) return unreadable(path_, *fault, Errc::invalid);
    return reading;
}

Result<bool> SuppressionFile::look() {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) {
        settled_ = false;
        return unreadable(path_, errno);
    }
    if (settled_ && signature_of(status) == signature_) return false;
    auto reading = read();
    if (!reading) {
        settled_ = false;
        return reading.error();
    }
    if (!reading->added) {
        latest_ = std::make_shared<const DigestList>(std::move(reading->entries));
    } else if (!reading->entries.empty()) {
        latest_ = united(*latest_, reading->entries);
    }
    content_ = reading->content;
    settled_ = reading->signature == signature_;
    signature_ = reading->signature;

    const auto before = in_force_;
    const bool nobody_freed = std::includes(latest_->begin(), latest_->end(), before->begin(), before->end());
    in_force_ = settled_ || nobody_freed ? latest_ : united(*latest_, *before);
    return in_force_ != before;
}

}  // namespace tidegate::audience
