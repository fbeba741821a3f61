#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "delivery/config_tree.hpp"
#include "tidegate/base/rate.hpp"
#include "tidegate/base/result.hpp"
#include "tidegate/base/secret.hpp"

namespace tidegate::delivery {

/// One configuration file being read.
struct SourceFile {
    int order = 0;          ///< faults of file 0 are told first
    std::string name;       ///< as the user gave it
    std::string directory;  ///< its relative paths start here
};

/// What reading found: faults, warnings, and where each key stands. Keys are dotted names ("backend[0].name").
class Findings {
  public:
    /// `key` is what the fault is about; `what` should name it.
    void fault(const SourceFile& file, int line, const std::string& key, Error error);
    void warn(const std::string& key, const std::string& text);
    void stands(const SourceFile& file, int line, const std::string& key);
    /// Whether this file is met for the first time: what is wrong with it is told once.
    bool first_time(const std::string& file) { return files_.insert(file).second; }
    /// Keeps later findings about `key` quiet: its true fault has been told.
    void mute(const std::string& key) { told_.insert(key); }
    /// A fault about the key, something inside it, or something it is inside of, was told already.
    bool told(const std::string& key) const;
    /// Some told key for which `predicate` holds.
    template <class Predicate>
    bool any_told(Predicate predicate) const {
        for (const auto& key : told_) {
            if (predicate(key)) return true;
        }
        return false;
    }
    /// Takes a fault whose `where` is a dotted key, unless its cause was told: `where` becomes file:line.
    void take(Error error, const SourceFile& fallback);

    bool clean() const { return faults_.empty(); }
    Faults faults() const;
    std::map<std::string, std::string> lines() const;
    std::vector<std::string> warnings;

  private:
    struct Position {
        int order = 0;
        int line = 0;
        std::string text;
    };
    const Position* nearest_position(std::string key) const;

    std::vector<std::pair<Position, Error>> faults_;
    std::map<std::string, Position> positions_;
    std::set<std::string> told_, files_;
};

/// Reads one table key by key. Every getter leaves its output alone when the key is absent or at fault, and returns
/// whether it was set. `finish` then reports the keys nobody asked for.
class TableReader {
  public:
    TableReader(const Node& table, std::string path, const SourceFile& file, Findings& findings);

    bool has(std::string_view key) const { return table_.find(key) != nullptr; }
    const std::string& path() const { return path_; }
    std::string path_of(std::string_view key) const;

    bool text(std::string_view key, std::string& out);
    bool boolean(std::string_view key, bool& out);
    bool real(std::string_view key, double& out);
    /// A share, 0..1: a number, or "5%".
    bool ratio(std::string_view key, double& out);
    bool ratios(std::string_view key, std::vector<double>& out);
    bool rate(std::string_view key, Rate& out);
    /// A whole number from `lowest` to `highest`.
    bool whole(std::string_view key, std::int64_t lowest, std::int64_t highest, std::int64_t& out);
    bool duration(std::string_view key, Duration& out);
    bool time(std::string_view key, std::optional<WallTime>& out);
    /// `file:PATH` or `env:NAME`, resolved.
    bool secret(std::string_view key, Secret& out);
    /// A path, resolved against the file's folder; "-" stays.
    bool file(std::string_view key, std::string& out);
    bool files(std::string_view key, std::vector<std::string>& out);
    /// A URL; a password in it is refused.
    bool url(std::string_view key, std::string& out);
    /// A list of texts.
    bool texts(std::string_view key, std::vector<std::string>& out);
    /// One of `words`; returns its index.
    std::optional<std::size_t> choice(std::string_view key, std::initializer_list<std::string_view> words);
    /// A table whose keys are the user's own names: texts to texts.
    bool text_map(std::string_view key, std::map<std::string, std::string>& out);

    std::optional<TableReader> table(std::string_view key);
    std::vector<TableReader> tables(std::string_view key);
    /// For tables whose keys are the user's own names.
    std::vector<std::pair<std::string, const Node*>> own_names();

    /// A fault when the key is absent; `hint` shows how to write it.
    void require(std::string_view key, std::string hint);
    /// A key that is known and stands in the wrong file.
    void misplaced(std::string_view key, const std::string& hint);
    void fault(std::string_view key, std::string what, std::string hint, Errc code = Errc::invalid);
    /// Reports unknown keys with the nearest known one.
    void finish();
    /// Unknown keys are not told: the table's kind is at fault already.
    void ignore_rest() { finished_ = true; }

  private:
    const Node* take(std::string_view key);
    bool wrong(const Node& node, std::string_view key, std::string_view wanted, std::string hint);
    void fault_at(const Node& node, const std::string& path, std::string what, std::string hint,
                  Errc code = Errc::invalid);
    std::optional<double> share(const Node& node, const std::string& path);
    std::optional<std::string> resolved(const Node& node, const std::string& path);
    void warn_if_shared(std::string_view key, const std::string& file);

    const Node& table_;
    std::string path_;
    const SourceFile& file_;
    Findings& findings_;
    std::vector<std::string> known_;
    bool finished_ = false;
};

}  // namespace tidegate::delivery
