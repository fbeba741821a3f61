#include "delivery/config_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "tidegate/base/text.hpp"

namespace tidegate::delivery {
namespace {

std::string in_quotes(std::string_view word) {
    return "\"" + std::string(word) + "\"";
}

std::string listed(const std::vector<std::string_view>& words) {
    std::string out;
    for (const auto& word : words) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

/// Keys of the file itself; TOML takes them for part of a table when they come after one.
bool belongs_at_the_top(std::string_view key) {
    return key == "site" || key == "transactional_templates";
}

/// A user with a password, before the host.
bool carries_password(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return false;
    const auto authority = url.substr(scheme + 3, url.find_first_of("/?#", scheme + 3) - (scheme + 3));
    const auto at = authority.rfind('@');
    return at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos;
}

}  // namespace

TableReader::TableReader(const Node& table, std::string path, const SourceFile& file, Findings& findings)
    : table_(table), path_(std::move(path)), file_(file), findings_(findings) {
    if (!path_.empty()) findings_.stands(file_, table_.line, path_);
}

std::string TableReader::path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const Node* TableReader::take(std::string_view key) {
    known_.emplace_back(key);
    const auto* node = table_.find(key);
    if (node) findings_.stands(file_, node->line, path_of(key));
    return node;
}

void TableReader::fault_at(const Node& node, const std::string& path, std::string what, std::string hint, Errc code) {
    findings_.fault(file_, node.line, path, {code, std::move(what), {}, std::move(hint)});
}

void TableReader::fault(std::string_view key, std::string what, std::string hint, Errc code) {
    const auto* node = table_.find(key);
    fault_at(node ? *node : table_, path_of(key), std::move(what), std::move(hint), code);
}

bool TableReader::wrong(const Node& node, std::string_view key, std::string_view wanted, std::string hint) {
    fault_at(node, path_of(key),
             path_of(key) + " must be " + std::string(wanted) + ", not " + std::string(describe(node.kind)),
             std::move(hint));
    return false;
}

bool TableReader::text(std::string_view key, std::string& out) {
    const auto* node = take(key);
    if (!node) return false;
    if (node->kind != Node::Kind::text) return wrong(*node, key, "a text", "put it in \"quotes\"");
    out = node->text;
    return true;
}

bool TableReader::boolean(std::string_view key, bool& out) {
    const auto* node = take(key);
    if (!node) return false;
    if (node->kind != Node::Kind::boolean) return wrong(*node, key, "true or false", "write it without quotes");
    out = node->boolean;
    return true;
}

bool TableReader::real(std::string_view key, double& out) {
    const auto* node = take(key);
    if (!node) return false;
    if (node->kind != Node::Kind::integer && node->kind != Node::Kind::real) {
        return wrong(*node, key, "a number", "write it without quotes");
    }
    const double value = node->kind == Node::Kind::real ? node->real : static_cast<double>(node->integer);
    if (!std::isfinite(value)) {
        fault(key, path_of(key) + " must be a finite number", "write digits");
        return false;
    }
    out = value;
    return true;
}

std::optional<double> TableReader::share(const Node& node, const std::string& path) {
    const std::string hint = "write a share such as 0.05 or \"5%\"";
    double value = 0;
    if (node.kind == Node::Kind::integer) {
        value = static_cast<double>(node.integer);
    } else if (node.kind == Node::Kind::real) {
        value = node.real;
    } else if (node.kind == Node::Kind::text) {
        const auto* begin = node.text.data();
        const auto* end = begin + node.text.size();
        const auto [stop, fault] = std::from_chars(begin, end, value);
        if (fault != std::errc() || stop + 1 != end || *stop != '%') {
            fault_at(node, path, path + ": " + in_quotes(node.text) + " is not a share", hint);
            return std::nullopt;
        }
        value /= 100;
    } else {
        fault_at(node, path, path + " must be a share, not " + std::string(describe(node.kind)), hint);
        return std::nullopt;
    }
    if (!(value >= 0 && value <= 1)) {
        fault_at(node, path, path + " must lie between 0 and 1", hint);
        return std::nullopt;
    }
    return value;
}

bool TableReader::ratio(std::string_view key, double& out) {
    const auto* node = take(key);
    if (!node) return false;
    const auto value = share(*node, path_of(key));
    if (value) out = *value;
    return value.has_value();
}

bool TableReader::ratios(std::string_view key, std::vector<double>& out) {
    const auto* node = take(key);
    if (!node) return false;
    if (node->kind != Node::Kind::array) return wrong(*node, key, "a list of shares", "write [\"0.1%\", \"1%\"]");
    std::vector<double> values;
    for (const auto& item : node->items) {
        if (const auto value = share(item, path_of(key))) values.push_back(*value);
    }
    if (values.size() != node->items.size()) return false;
    out = std::move(values);
    return true;
}

bool TableReader::rate(std::string_view key, Rate& out) {
    double value = 0;
    if (!real(key, value)) return false;
    if (value <= 0) {
        fault(key, path_of(key) + " must be above 0", "write a number per second, or leave it out for no limit");
        return false;
    }
    out = Rate{value};
    return true;
}

bool TableReader::whole(std::string_view key, std::int64_t lowest, std::int64_t highest, std::int64_t& out) {
    const auto* node = take(key);
    if (!node) return false;
    if (node->kind != Node::Kind::integer) return wrong(*node, key, "a whole number", "write digits without quotes");
    if (node->integer < lowest || node->integer > highest) {
        fault(key, path_of(key) + " is " + std::to_string(node->integer),
              "write a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest));
        return false;
    }
    out = node->integer;
    return true;
}

bool TableReader::duration(std::string_view key, Duration& out) {
    const auto* node = take(key);
    if (!node) return false;
    if (node->kind != Node::Kind::text) {
        return wrong(*node, key, "a duration", "write a text with its unit, e.g. \"250ms\", \"30s\" or \"4h\"");
    }
    const auto parsed = parse_duration(node->text);
    if (!parsed) {
        fault(key, path_of(key) + ": " + parsed.error().what, parsed.error().hint);
        return false;
    }
    out = *parsed;
    return true;
}

bool TableReader::time(std::string_view key, std::optional<WallTime>& out) {
    const auto* node = take(key);
    if (!node) return false;
    if (node->kind == Node::Kind::local_time) {
        fault(key, path_of(key) + " has no offset, so it names a different moment in each zone",
              "write date, time and offset, e.g. 2026-11-23T09:00:00+09:00");
        return false;
    }
    if (node->kind != Node::Kind::time) {
        return wrong(*node, key, "a date and time", "write it without quotes, e.g. 2026-11-23T09:00:00+09:00");
    }
    out = node->time;
    return true;
}

bool TableReader::secret(std::string_view key, Secret& out) {
    std::string reference;
    if (!text(key, reference)) return false;
    if (!reference.starts_with("file:") && !reference.starts_with("env:")) {
        fault(key, path_of(key) + " holds the secret itself; files are copied and mailed, secrets must not be",
              "write \"file:PATH\" or \"env:NAME\" and keep the secret there");
        return false;
    }
    auto read = read_secret(reference, file_.directory);
    if (!read) {
        const auto& error = read.error();
        fault(key, path_of(key) + " = " + in_quotes(reference) + ": " + error.what, error.hint, error.code);
        return false;
    }
    out = std::move(*read);
    // A certificate is no secret though it is read like one.
    if (reference.starts_with("file:") && key != "certificate") warn_if_shared(key, reference.substr(5));
    return true;
}

void TableReader::warn_if_shared(std::string_view key, const std::string& file) {
    const auto path = (std::filesystem::path(file_.directory) / file).lexically_normal();
    std::error_code failed;
    const auto mode = std::filesystem::status(path, failed).permissions();
    using std::filesystem::perms;
    if (failed || (mode & (perms::group_read | perms::others_read)) == perms::none) return;
    if (!findings_.first_time(path.string())) return;
    findings_.warn(path_of(key), path_of(key) + ": the secret file " + in_quotes(file) + " can be read by " +
                                     ((mode & perms::others_read) != perms::none ? "everyone" : "its group") +
                                     "; chmod 600 it");
}

std::optional<std::string> TableReader::resolved(const Node& node, const std::string& path) {
    if (node.kind != Node::Kind::text || node.text.empty()) {
        fault_at(node, path, path + " must be the path of a file", "put it in \"quotes\"");
        return std::nullopt;
    }
    const std::filesystem::path given(node.text);
    if (node.text == "-" || given.is_absolute()) return node.text;
    return (std::filesystem::path(file_.directory) / given).lexically_normal().string();
}

bool TableReader::file(std::string_view key, std::string& out) {
    const auto* node = take(key);
    if (!node) return false;
    auto path = resolved(*node, path_of(key));
    if (path) out = std::move(*path);
    return path.has_value();
}

bool TableReader::files(std::string_view key, std::vector<std::string>& out) {
    const auto* node = take(key);
    if (!node) return false;
    if (node->kind != Node::Kind::array) return wrong(*node, key, "a list of files", "write [\"opt_out.csv\"]");
    std::vector<std::string> paths;
    for (const auto& item : node->items) {
        if (auto path = resolved(item, path_of(key))) paths.push_back(std::move(*path));
    }
    if (paths.size() != node->items.size()) return false;
    out = std::move(paths);
    return true;
}

bool TableReader::url(std::string_view key, std::string& out) {
    std::string value;
    if (!text(key, value)) return false;
    if (carries_password(value)) {
        fault(key, path_of(key) + " carries a password",
              "take it out of the URL; secrets are \"file:PATH\" or \"env:NAME\"");
        return false;
    }
    out = std::move(value);
    return true;
}

bool TableReader::texts(std::string_view key, std::vector<std::string>& out) {
    const auto* node = take(key);
    if (!node) return false;
    const bool fits =
        node->kind == Node::Kind::array && std::all_of(node->items.begin(), node->items.end(),
                                                       [](const Node& item) { return item.kind == Node::Kind::text; });
    if (!fits) {
        fault(key, path_of(key) + " must be a list of texts", "write [\"one\", \"two\"]");
        return false;
    }
    out.clear();
    for (const auto& item : node->items) out.push_back(item.text);
    return true;
}

std::optional<std::size_t> TableReader::choice(std::string_view key, std::initializer_list<std::string_view> words) {
    std::string word;
    if (!text(key, word)) return std::nullopt;
    const std::vector<std::string_view> known(words);
    const auto found = std::find(known.begin(), known.end(), word);
    if (found != known.end()) return static_cast<std::size_t>(found - known.begin());
    const auto close = nearest(word, known);
    fault(key, path_of(key) + ": unknown word " + in_quotes(word),
          (close ? "did you mean " + in_quotes(*close) + "? " : std::string()) + "one of: " + listed(known));
    return std::nullopt;
}

bool TableReader::text_map(std::string_view key, std::map<std::string, std::string>& out) {
    auto reader = table(key);
    if (!reader) return false;
    for (const auto& [name, node] : reader->own_names()) {
        if (node->kind == Node::Kind::text) {
            out[name] = node->text;
        } else {
            reader->wrong(*node, name, "a text", "put it in \"quotes\"");
        }
    }
    return true;
}

std::optional<TableReader> TableReader::table(std::string_view key) {
    const auto* node = take(key);
    if (!node) return std::nullopt;
    if (node->kind != Node::Kind::table) {
        wrong(*node, key, "one table", "write [" + path_of(key) + "] once, with single brackets");
        return std::nullopt;
    }
    return TableReader(*node, path_of(key), file_, findings_);
}

std::vector<TableReader> TableReader::tables(std::string_view key) {
    const auto* node = take(key);
    std::vector<TableReader> readers;
    if (!node) return readers;
    const bool fits =
        node->kind == Node::Kind::array && std::all_of(node->items.begin(), node->items.end(),
                                                       [](const Node& item) { return item.kind == Node::Kind::table; });
    if (!fits) {
        fault(key, path_of(key) + " must be a list of tables",
              "write [[" + std::string(key) + "]], with double brackets");
        return readers;
    }
    for (std::size_t i = 0; i < node->items.size(); ++i) {
        readers.emplace_back(node->items[i], path_of(key) + "[" + std::to_string(i) + "]", file_, findings_);
    }
    return readers;
}

std::vector<std::pair<std::string, const Node*>> TableReader::own_names() {
    finished_ = true;
    std::vector<std::pair<std::string, const Node*>> names;
    for (const auto& [name, node] : table_.keys) {
        findings_.stands(file_, node.line, path_of(name));
        names.emplace_back(name, &node);
    }
    return names;
}

void TableReader::require(std::string_view key, std::string hint) {
    if (has(key)) return;
    fault(key, path_of(key) + " is missing", std::move(hint));
}

void TableReader::misplaced(std::string_view key, const std::string& hint) {
    known_.emplace_back(key);
    const auto* node = table_.find(key);
    if (!node) return;
    const auto& first = node->kind == Node::Kind::array && !node->items.empty() ? node->items.front() : *node;
    fault_at(first, path_of(key), path_of(key) + " does not belong in this file", hint);
}

void TableReader::finish() {
    if (finished_) return;
    finished_ = true;
    std::vector<std::string_view> known(known_.begin(), known_.end());
    std::sort(known.begin(), known.end());
    for (const auto& [name, node] : table_.keys) {
        if (std::binary_search(known.begin(), known.end(), std::string_view(name))) continue;
        const auto close = nearest(name, known);
        std::string hint = close ? "did you mean " + in_quotes(*close) + "?" : "known here: " + listed(known);
        if (!path_.empty() && belongs_at_the_top(name)) hint = "put it above the first [table] of the file";
        fault_at(node, path_of(name), "unknown key " + path_of(name), std::move(hint));
        // What the slip was meant to set is not missing as well.
        if (close) findings_.mute(path_of(*close));
    }
}

}  // namespace tidegate::delivery
