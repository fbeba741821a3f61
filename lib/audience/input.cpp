#include "audience/input.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tidegate::audience {
namespace {

constexpr std::size_t portion = std::size_t{256} * 1024;

Error failure(const std::string& name, const char* what, int error) {
    return {Errc::unavailable, what + (": " + std::generic_category().message(error)), name,
            "Check the file and its disk, then run again."};
}

}  // namespace

Input::Input(int fd, bool owned, std::string name)
    : fd_(fd), owned_(owned), name_(std::move(name)), buffer_(std::make_unique<char[]>(portion)) {}

Input::Input(Input&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      owned_(other.owned_),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      head_(std::exchange(other.head_, {})) {}

Input::~Input() {
    if (owned_ && fd_ >= 0) ::close(fd_);
}

Result<Input> Input::open(const std::string& path) {
    int fd = STDIN_FILENO;
    if (path != "-") {
        fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
            return Error{Errc::not_found, "the audience file does not exist", path,
                         "Check the path; relative paths start at the folder of the campaign file."};
        }
        if (fd < 0) {
            return Error{Errc::invalid, "the audience cannot be opened: " + std::generic_category().message(errno),
                         path, "Check the permissions of the file and of its folders."};
        }
    }
    const bool standard = path == "-";
    Input input(fd, !standard, standard ? "standard input" : path);
    struct stat status {};
    if (::fstat(fd, &status) != 0) return failure(input.name_, "the audience cannot be examined", errno);
    if (S_ISDIR(status.st_mode)) {
        return Error{Errc::invalid, "the audience is a directory", path, "Name a file inside it."};
    }
    // Advice only: a pipe refuses it and loses nothing.
    if (S_ISREG(status.st_mode)) static_cast<void>(::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    if (auto begun = input.begin(); !begun) return begun.error();
    return input;
}

Result<std::size_t> Input::fill(std::size_t offset) {
    for (;;) {
        const ssize_t count = ::read(fd_, buffer_.get() + offset, portion - offset);
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno == EAGAIN) {
            // Whoever shares standard input with us may have made it non-blocking.
            pollfd waiting{fd_, POLLIN, 0};
            static_cast<void>(::poll(&waiting, 1, -1));
        } else if (errno != EINTR) {
            return failure(name_, "the audience cannot be read", errno);
        }
    }
}

Result<void> Input::begin() {
    std::size_t size = 0;
    while (size < 4) {  // the longest byte order mark
        auto more = fill(size);
        if (!more) return more.error();
        if (*more == 0) break;
        size += *more;
    }
    head_ = {buffer_.get(), size};
    if (head_.starts_with("\xEF\xBB\xBF")) head_.remove_prefix(3);
    if (head_.starts_with("\xFF\xFE") || head_.starts_with("\xFE\xFF") ||
        head_.starts_with(std::string_view("\0\0\xFE\xFF", 4))) {
        return Error{Errc::invalid, "the audience is UTF-16 or UTF-32, not UTF-8", name_,
                     "Save it as \"CSV UTF-8\", or convert it with iconv -t UTF-8."};
    }
    if (head_.empty()) {
        return Error{Errc::invalid, "the audience is empty", name_, "Export it again, with its header line."};
    }
    return {};
}

Result<std::string_view> Input::read() {
    if (!head_.empty()) return std::exchange(head_, {});
    auto size = fill(0);
    if (!size) return size.error();
    return std::string_view(buffer_.get(), *size);
}

Result<void> Input::rewind() {
    if (!owned_ || ::lseek(fd_, 0, SEEK_SET) != 0) {
        return Error{Errc::refused, "the audience can be read only once", name_, "Name a file instead."};
    }
    return begin();
}

}  // namespace tidegate::audience
