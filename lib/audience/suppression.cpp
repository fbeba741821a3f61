#include "tidegate/audience/suppression.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "audience/suppression_file.hpp"

namespace tidegate {
namespace {

using audience::DigestList;
using audience::SuppressionFile;

class FileSuppression final : public SuppressionSource {
  public:
    explicit FileSuppression(std::vector<SuppressionFile> files) : files_(std::move(files)) { publish(); }

    bool suppressed(std::string_view identity) const override {
        const std::string normal = audience::normal_identity(identity);
        if (normal.empty()) return false;
        const auto digest = audience::digest_of(normal);
        const auto lists = current();
        return std::any_of(lists->begin(), lists->end(),
                           [&](const auto& list) { return std::binary_search(list->begin(), list->end(), digest); });
    }

    Result<void> refresh() override {
        Result<void> result;
        bool changed = false;
        for (SuppressionFile& file : files_) {
            auto looked = file.look();
            if (looked) {
                changed = changed || *looked;
            } else if (result) {
                result = looked.error();  // the others are still brought up to date
            }
        }
        if (changed) publish();
        return result;
    }

  private:
    using Lists = std::vector<std::shared_ptr<const DigestList>>;

    std::shared_ptr<const Lists> current() const {
        const std::lock_guard lock(mutex_);
        return lists_;
    }

    void publish() {
        auto lists = std::make_shared<Lists>();
        for (const SuppressionFile& file : files_) lists->push_back(file.entries());
        const std::lock_guard lock(mutex_);
        lists_ = std::move(lists);
    }

    std::vector<SuppressionFile> files_;  ///< the refreshing thread's
    mutable std::mutex mutex_;
    std::shared_ptr<const Lists> lists_;
};

}  // namespace

Result<std::unique_ptr<SuppressionSource>, Faults> open_suppression(const std::vector<std::string>& paths) {
    std::vector<SuppressionFile> files;
    Faults faults;
    for (const std::string& path : paths) {
        files.emplace_back(path);
        if (auto looked = files.back().look(); !looked) {
            faults.push_back(looked.error());
            faults.back().hint = "Check the path and the permissions; an empty file is a valid list.";
        }
    }
    if (!faults.empty()) return faults;
    return std::unique_ptr<SuppressionSource>(std::make_unique<FileSuppression>(std::move(files)));
}

}  // namespace tidegate
