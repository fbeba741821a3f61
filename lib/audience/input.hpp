#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tidegate/base/result.hpp"

namespace tidegate::audience {

/// The bytes of a file or of standard input, in portions, without a UTF-8 byte order mark.
/// Threads: one at a time.
class Input {
  public:
    /// `path` "-" is standard input. Errors: not found, not readable, a directory, empty, UTF-16 or UTF-32.
    static Result<Input> open(const std::string& path);
    Input(Input&& other) noexcept;
    Input& operator=(Input&&) = delete;
    ~Input();

    /// The first bytes, while nothing has been read. At least one.
    std::string_view head() const { return head_; }
    /// The next portion; empty at the end. It is valid until the next call.
    Result<std::string_view> read();
    /// Errors: `refused` for standard input and whatever cannot seek.
    Result<void> rewind();
    /// For messages: the path, or "standard input".
    const std::string& name() const { return name_; }

  private:
    Input(int fd, bool owned, std::string name);
    Result<void> begin();
    Result<std::size_t> fill(std::size_t offset);

    int fd_;
    bool owned_;  ///< false: standard input, which is the host's
    std::string name_;
    std::unique_ptr<char[]> buffer_;
    std::string_view head_;
};

}  // namespace tidegate::audience
