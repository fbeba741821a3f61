#include "audience/suppression_list.hpp"

#include <algorithm>

namespace tidegate::audience {
namespace {

/// The longest line end we wait for; identities are at most 256 bytes, push tokens a few kilobytes.
constexpr std::size_t max_line = std::size_t{1} << 20;

std::string first_field(std::string_view line) {
    if (!line.starts_with('"')) return std::string(line.substr(0, line.find(',')));
    std::string field;
    for (std::size_t at = 1; at < line.size(); ++at) {
        if (line[at] == '"' && (at + 1 == line.size() || line[++at] != '"')) break;
        field += line[at];
    }
    return field;
}

}  // namespace

void SuppressionListReader::feed(std::string_view chunk) {
    while (!chunk.empty() && !fault_) {
        const std::size_t end = chunk.find('\n');
        if (end == std::string_view::npos) {
            rest_.append(chunk);
            if (rest_.size() > max_line) fault_ = "a line is longer than 1 MiB";
            return;
        }
        if (rest_.empty()) {
            take(chunk.substr(0, end));
        } else {
            rest_.append(chunk.substr(0, end));
            take(rest_);
            rest_.clear();
        }
        chunk.remove_prefix(end + 1);
    }
}

std::optional<std::string> SuppressionListReader::finish(DigestList& list) {
    if (!fault_ && !rest_.empty()) take(rest_);
    if (fault_) return fault_;
    std::sort(digests_.begin(), digests_.end());
    digests_.erase(std::unique(digests_.begin(), digests_.end()), digests_.end());
    digests_.shrink_to_fit();
    list = std::move(digests_);
    return std::nullopt;
}

void SuppressionListReader::take(std::string_view line) {
    if (first_) {
        first_ = false;
        if (line.starts_with("\xFF\xFE") || line.starts_with("\xFE\xFF")) fault_ = "it is UTF-16, not UTF-8";
        if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    }
    if (line.find('\0') != std::string_view::npos && !fault_) fault_ = "it holds NUL bytes";
    if (fault_ || line.starts_with('#')) return;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string field = first_field(line);
    add(field);
    if (const std::size_t cut = field.find_first_of(";\t"); cut != std::string::npos) add(field.substr(0, cut));
}

void SuppressionListReader::add(std::string_view identity) {
    const std::string normal = normal_identity(identity);
    if (!normal.empty()) digests_.push_back(digest_of(normal));
}

}  // namespace tidegate::audience
