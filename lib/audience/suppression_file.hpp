#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "audience/suppression_list.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate::audience {

/// One suppression file and what is known of it.
///
/// An entry counts from the first reading that shows it. It stops counting only after a second reading of the same,
/// unchanged file lacks it too: someone who truncates and rewrites a list in place must not free everybody for a
/// moment. The second reading also catches a change too quick for the file system's time stamps.
/// Threads: one.
class SuppressionFile {
  public:
    explicit SuppressionFile(std::string path) : path_(std::move(path)) {}

    /// Reads what changed since the last look; true when `entries` changed. An untouched file costs one stat, an
    /// appended one its new lines and a checksum over the rest.
    /// Errors: the file cannot be read or trusted; `entries` stays.
    Result<bool> look();
    /// Never null.
    const std::shared_ptr<const DigestList>& entries() const { return in_force_; }

  private:
    /// What tells one state of a file from another without reading it.
    struct Signature {
        dev_t device{};
        ino_t inode{};
        off_t size = -1;
        std::array<std::int64_t, 4> stamps{};
        bool operator==(const Signature&) const = default;
    };
    /// What tells one content from another; of a prefix, whether the file has only grown.
    struct Content {
        std::uint64_t size = 0;
        std::array<std::uint64_t, 2> checksum{};
        bool ends_line = true;
    };
    struct Reading {
        Signature signature;
        Content content;
        DigestList entries;
        bool added = false;  ///< `entries` are those behind the content known before
    };

    static Signature signature_of(const struct stat& status);
    Result<Reading> read() const;

    std::string path_;
    Signature signature_;
    Content content_;
    bool settled_ = false;
    std::shared_ptr<const DigestList> latest_ = std::make_shared<DigestList>();
    std::shared_ptr<const DigestList> in_force_ = latest_;
};

}  // namespace tidegate::audience
