#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tidegate/audience/source.hpp"

namespace tidegate::test {

/// An audience out of memory.
class VectorAudience final : public AudienceSource {
  public:
    VectorAudience(std::vector<std::string> columns, std::vector<std::vector<std::string>> rows)
        : columns_(std::move(columns)), rows_(std::move(rows)) {}

    /// `count` people with the columns key and address: ("k1", "a1"), ...
    static VectorAudience of(std::size_t count) {
        std::vector<std::vector<std::string>> rows;
        for (std::size_t i = 1; i <= count; ++i) rows.push_back({"k" + std::to_string(i), "a" + std::to_string(i)});
        return VectorAudience({"key", "address"}, std::move(rows));
    }

    const std::vector<std::string>& columns() const override { return columns_; }
    Result<bool> next(AudienceRow& row) override {
        if (at_ == rows_.size()) return false;
        row.values = rows_[at_];
        row.malformed.clear();
        row.number = ++at_;
        return true;
    }
    Result<void> rewind() override {
        at_ = 0;
        return {};
    }

  private:
    std::vector<std::string> columns_;
    std::vector<std::vector<std::string>> rows_;
    std::size_t at_ = 0;
};

}  // namespace tidegate::test
