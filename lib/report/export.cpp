#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "report/compose.hpp"
#include "report/csv.hpp"

namespace tidegate {

namespace {

constexpr std::size_t kBuffer = 1U << 16;

/// A new file that disappears again unless it was finished.
class NewFile {
  public:
    explicit NewFile(const std::string& path)
        : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) {
        if (fd_ < 0) error_ = errno;
    }
    ~NewFile() {
        if (fd_ < 0) return;
        ::close(fd_);
        ::unlink(path_.c_str());
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    void write(std::string_view text) {
        if (error_ != 0) return;
        buffer_ += text;
        if (buffer_.size() >= kBuffer) flush();
    }

    void finish() {
        flush();
        if (error_ == 0 && ::fsync(fd_) != 0 && errno != EINVAL) error_ = errno;
        if (error_ != 0) return;
        if (::close(fd_) != 0) {
            error_ = errno;
            ::unlink(path_.c_str());
        }
        fd_ = -1;
    }

    int error() const { return error_; }

  private:
    void flush() {
        std::string_view left = buffer_;
        while (error_ == 0 && !left.empty()) {
            const ssize_t n = ::write(fd_, left.data(), left.size());
            if (n > 0) left.remove_prefix(static_cast<std::size_t>(n));
            if (n < 0 && errno != EINTR) error_ = errno;
        }
        buffer_.clear();
    }

    std::string path_;
    std::string buffer_;
    int fd_;
    int error_ = 0;
};

Error failure(int error, const std::string& path) {
    if (error == EEXIST) return {Errc::refused, "the file exists", path, "name another file or remove this one"};
    if (error == ENOSPC || error == EDQUOT) {
        return {Errc::unavailable, "the disk is full", path, "free space or name a file elsewhere"};
    }
    const bool place = error == ENOENT || error == ENOTDIR || error == EACCES || error == EROFS || error == ELOOP;
    return {place ? Errc::invalid : Errc::unavailable, std::string("cannot be written: ") + std::strerror(error), path,
            "check the folder and its permissions"};
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string each; std::getline(in, each);) out.push_back(each);
    return out;
}

}  // namespace

Result<std::uint64_t> export_recipients(SqliteLedger& ledger, const std::vector<Final>& outcomes,
                                        const std::string& path) {
    const auto names = ledger.meta(report::kMetaSends);
    if (!names) return names.error();
    const std::vector<std::string> sends = lines(names->value_or(""));

    NewFile file(path);
    file.write(report::kCsvHeader);
    if (file.error() != 0) return failure(file.error(), path);
    std::uint64_t rows = 0;
    const auto read =
        ledger.for_each(outcomes, [&](const LedgerRecipient& recipient, const std::vector<LedgerDelivery>& deliveries) {
            file.write(report::csv_row(recipient, deliveries, sends));
            ++rows;
        });
    if (!read) return read.error();
    file.finish();
    if (file.error() != 0) return failure(file.error(), path);
    return rows;
}

Result<std::uint64_t> export_condemned(SqliteLedger& ledger, const std::string& path) {
    const auto names = ledger.meta(report::kMetaSends);
    if (!names) return names.error();
    const std::vector<std::string> sends = lines(names->value_or(""));
    std::vector<Final> all;
    for (std::size_t i = 0; i < final_count; ++i) all.push_back(static_cast<Final>(i));

    NewFile file(path);
    file.write(report::kCondemnedHeader);
    if (file.error() != 0) return failure(file.error(), path);
    std::uint64_t rows = 0;
    const auto read =
        ledger.for_each(all, [&](const LedgerRecipient& recipient, const std::vector<LedgerDelivery>& deliveries) {
            for (const LedgerDelivery& delivery : deliveries) {
                if (!delivery.last.drop_address && !delivery.last.quarantine_address) continue;
                file.write(report::condemned_row(recipient, delivery, sends));
                ++rows;
            }
        });
    if (!read) return read.error();
    file.finish();
    if (file.error() != 0) return failure(file.error(), path);
    return rows;
}

}  // namespace tidegate
