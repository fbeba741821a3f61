#include "tidegate/base/secret.hpp"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "tidegate/base/text.hpp"

namespace tidegate {
namespace {

constexpr std::size_t largest_secret = 1024 * 1024;

void wipe(std::string& value) {
    value.clear();  // a text that was moved from is in no known state before
    value.resize(value.capacity());
    explicit_bzero(value.data(), value.size());
    value.clear();
}

Error missing(std::string_view reference, std::string why, std::string hint) {
    return {Errc::not_found, "cannot read the secret: " + std::move(why), std::string(reference), std::move(hint)};
}

/// Raw key bytes hold control characters or broken UTF-8; text holds neither, but for its line ends.
bool is_text(std::string_view content) {
    const auto odd = [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
    };
    return valid_utf8(content) && std::none_of(content.begin(), content.end(), odd);
}

Result<Secret> read_secret_file(std::string_view reference, const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) {
        if (errno == ENOENT) return missing(reference, "no such file", "make the file, or correct its path");
        return missing(reference, errno == EACCES ? "permission denied" : "cannot open it",
                       "make the file readable by the user who runs this");
    }
    struct stat about = {};
    if (::fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        ::close(file);
        return missing(reference, "not a regular file", "name a file");
    }
    // One buffer of the final size: a growing string would leave copies of the secret behind in freed memory.
    std::string content(largest_secret + 1, '\0');
    std::size_t filled = 0;
    bool failed = false;
    while (filled < content.size()) {
        const ssize_t got = ::read(file, content.data() + filled, content.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        failed = got < 0;
        if (got <= 0) break;
        filled += static_cast<std::size_t>(got);
    }
    ::close(file);
    // The last byte of a raw key may happen to be 0x0A.
    if (filled > 0 && content[filled - 1] == '\n' && is_text(std::string_view(content).substr(0, filled))) {
        --filled;
        if (filled > 0 && content[filled - 1] == '\r') --filled;
    }
    const bool usable = !failed && filled > 0 && filled <= largest_secret;
    Secret secret(usable ? content.substr(0, filled) : std::string());
    wipe(content);
    if (failed) return missing(reference, "reading failed", "check the disk");
    if (filled > largest_secret) return missing(reference, "larger than 1 MiB", "name the right file");
    if (!usable) return missing(reference, "the file is empty", "put the secret into it");
    return secret;
}

}  // namespace

Secret::Secret(std::string value) : value_(std::move(value)) {
    wipe(value);
}

Secret::~Secret() {
    wipe(value_);
}

Secret::Secret(const Secret&) = default;

Secret& Secret::operator=(const Secret& other) {
    if (this != &other) {
        wipe(value_);
        value_ = other.value_;
    }
    return *this;
}

Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) {
    wipe(other.value_);
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe(value_);
        value_ = std::move(other.value_);
        wipe(other.value_);
    }
    return *this;
}

bool Secret::equals(std::string_view candidate) const {
    const std::size_t length = value_.size();
    volatile unsigned difference = length == candidate.size() ? 0u : 1u;
    for (std::size_t i = 0; i < candidate.size(); ++i) {
        const auto mine = static_cast<unsigned char>(length == 0 ? 0 : value_[i % length]);
        difference = difference | static_cast<unsigned>(mine ^ static_cast<unsigned char>(candidate[i]));
    }
    return difference == 0;
}

Result<Secret> read_secret(std::string_view reference, const std::string& base_dir) {
    if (reference.starts_with("file:") && reference.size() > 5) {
        const std::filesystem::path path(reference.substr(5));
        return read_secret_file(reference, (std::filesystem::path(base_dir) / path).string());
    }
    if (reference.starts_with("env:") && reference.size() > 4) {
        const char* value = std::getenv(std::string(reference.substr(4)).c_str());
        if (value == nullptr || *value == '\0') {
            return missing(reference, "the variable is unset or empty", "set it in the environment of this process");
        }
        return Secret(value);
    }
    // What stands there may be the secret itself, so it is not repeated.
    return Error{Errc::invalid, "a secret is never written inline", "", "write file:PATH or env:NAME"};
}

std::string mask(std::string_view address) {
    static constexpr std::string_view ellipsis = "\u2026";
    if (!valid_utf8(address)) return std::string(ellipsis);
    std::size_t characters = 0;
    std::size_t tail = address.size();
    for (std::size_t i = address.size(); i-- > 0;) {
        if ((static_cast<unsigned char>(address[i]) & 0xc0u) == 0x80u) continue;
        if (++characters <= 4) tail = i;
        if (characters == 8) {
            std::string out(ellipsis);
            for (const char c : address.substr(tail)) {
                const auto byte = static_cast<unsigned char>(c);
                out += byte < 0x20 || byte == 0x7f ? '?' : c;
            }
            return out;
        }
    }
    return std::string(ellipsis);
}

}  // namespace tidegate
