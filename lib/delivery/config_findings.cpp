#include <algorithm>
#include <tuple>

#include "delivery/config_reader.hpp"

namespace tidegate::delivery {
namespace {

/// "backend[0].signal.url" is inside "backend[0].signal", "backend[0]" and "backend".
bool inside(std::string_view inner, std::string_view outer) {
    return inner.size() > outer.size() && inner.starts_with(outer) &&
           (inner[outer.size()] == '.' || inner[outer.size()] == '[');
}

}  // namespace

void Findings::fault(const SourceFile& file, int line, const std::string& key, Error error) {
    const auto text = line > 0 ? file.name + ":" + std::to_string(line) : file.name;
    error.where = text;
    faults_.emplace_back(Position{file.order, line, text}, std::move(error));
    if (!key.empty()) told_.insert(key);
}

void Findings::warn(const std::string& key, const std::string& text) {
    const auto* at = nearest_position(key);
    warnings.push_back((at ? at->text + ": " : std::string()) + text);
}

void Findings::stands(const SourceFile& file, int line, const std::string& key) {
    positions_[key] = {file.order, line, file.name + ":" + std::to_string(line)};
}

bool Findings::told(const std::string& key) const {
    if (key.empty()) return false;
    return any_told([&](const std::string& other) { return other == key || inside(key, other) || inside(other, key); });
}

void Findings::take(Error error, const SourceFile& fallback) {
    const auto key = error.where;
    if (told(key)) return;
    if (!key.empty() && error.what.find(key) == std::string::npos) error.what = key + ": " + error.what;
    if (const auto* at = nearest_position(key)) {
        error.where = at->text;
        faults_.emplace_back(*at, std::move(error));
    } else {
        error.where = fallback.name;
        faults_.emplace_back(Position{fallback.order, 0, fallback.name}, std::move(error));
    }
}

const Findings::Position* Findings::nearest_position(std::string key) const {
    while (!key.empty()) {
        if (const auto at = positions_.find(key); at != positions_.end()) return &at->second;
        const auto cut = key.find_last_of(".[");
        key.resize(cut == std::string::npos ? 0 : cut);
    }
    return nullptr;
}

Faults Findings::faults() const {
    auto sorted = faults_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        return std::tie(a.first.order, a.first.line) < std::tie(b.first.order, b.first.line);
    });
    Faults out;
    for (auto& [position, error] : sorted) out.push_back(std::move(error));
    return out;
}

std::map<std::string, std::string> Findings::lines() const {
    std::map<std::string, std::string> out;
    for (const auto& [key, position] : positions_) out[key] = position.text;
    return out;
}

}  // namespace tidegate::delivery
