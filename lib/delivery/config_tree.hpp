#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate::delivery {

/// One value of a configuration file and the line it stands on. A plain tree, so that reading it needs no parser's
/// types.
struct Node {
    enum class Kind : std::uint8_t { table, array, text, integer, real, boolean, time, local_time };
    struct Entry;  // not a pair: its traits ask for the complete node while the node is being defined

    Kind kind = Kind::table;
    int line = 0;      ///< of the key, or of the value inside an array
    std::string text;  ///< of a text
    std::int64_t integer = 0;
    double real = 0.0;
    bool boolean = false;
    WallTime time{};          ///< of a date-time with offset; `local_time` has none
    std::vector<Node> items;  ///< of an array
    std::vector<Entry> keys;  ///< of a table, by line

    /// Null when the table has no such key.
    const Node* find(std::string_view key) const;
};

/// One key of a table.
struct Node::Entry {
    std::string name;
    Node value;
};

/// "a text", "a number", "a table": for messages.
std::string_view describe(Node::Kind kind);

/// Parses TOML 1.0. Errors: the first fault of syntax, `where` being its line ("12"); values are never quoted, they may
/// be secrets.
Result<Node> parse_toml(std::string_view bytes);

}  // namespace tidegate::delivery
