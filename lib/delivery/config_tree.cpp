#include "delivery/config_tree.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <chrono>

namespace tidegate::delivery {
namespace {

WallTime wall_time(const toml::date_time& moment) {
    const auto day = std::chrono::sys_days(std::chrono::year(moment.date.year) / moment.date.month / moment.date.day);
    const auto clock = std::chrono::hours(moment.time.hour) + std::chrono::minutes(moment.time.minute) +
                       std::chrono::seconds(moment.time.second) +
                       std::chrono::milliseconds(moment.time.nanosecond / 1'000'000);
    return std::chrono::time_point_cast<std::chrono::milliseconds>(day) + clock -
           std::chrono::minutes(moment.offset ? moment.offset->minutes : 0);
}

Node convert(const toml::node& from, int line) {
    Node node;
    node.line = line;
    if (const auto* table = from.as_table()) {
        node.kind = Node::Kind::table;
        for (const auto& [key, value] : *table) {
            // A table's own line is its header's, an inline value's that of its key.
            const auto own =
                static_cast<int>((value.is_table() || value.is_array() ? value.source() : key.source()).begin.line);
            const auto at = own > 0 ? own : static_cast<int>(key.source().begin.line);
            node.keys.emplace_back(std::string(key.str()), convert(value, at));
        }
        std::stable_sort(node.keys.begin(), node.keys.end(),
                         [](const auto& a, const auto& b) { return a.second.line < b.second.line; });
    } else if (const auto* array = from.as_array()) {
        node.kind = Node::Kind::array;
        for (const auto& item : *array) node.items.push_back(convert(item, static_cast<int>(item.source().begin.line)));
    } else if (const auto* text = from.as_string()) {
        node.kind = Node::Kind::text;
        node.text = text->get();
    } else if (const auto* integer = from.as_integer()) {
        node.kind = Node::Kind::integer;
        node.integer = integer->get();
    } else if (const auto* real = from.as_floating_point()) {
        node.kind = Node::Kind::real;
        node.real = real->get();
    } else if (const auto* boolean = from.as_boolean()) {
        node.kind = Node::Kind::boolean;
        node.boolean = boolean->get();
    } else if (const auto* moment = from.as_date_time(); moment && moment->get().offset) {
        node.kind = Node::Kind::time;
        node.time = wall_time(moment->get());
    } else {
        node.kind = Node::Kind::local_time;
    }
    return node;
}

/// The parser's words without what it quotes from a value: an unquoted password must not reach a log.
std::string without_values(std::string_view description) {
    constexpr std::string_view preamble = "Error while parsing ";
    if (description.starts_with(preamble)) description.remove_prefix(preamble.size());
    if (description.find("redefine") != std::string_view::npos) return std::string(description);  // quotes keys only
    std::string out;
    for (std::size_t i = 0; i < description.size(); ++i) {
        const auto close = description[i] == '\'' ? description.find('\'', i + 1) : std::string_view::npos;
        if (close == std::string_view::npos) {
            out += description[i];
            continue;
        }
        constexpr std::size_t one_character = 3;  // between quotes, escaped at most: "saw '\n'"
        out += close - i <= one_character ? description.substr(i, close - i + 1) : "the value";
        i = close;
    }
    return out;
}

std::string hint_for(std::string_view description) {
    if (description.find("could not determine value type") != std::string_view::npos) return "put texts in \"quotes\"";
    if (description.find("control characters") != std::string_view::npos)
        return "close the text with a quote on its line";
    if (description.find("redefine") != std::string_view::npos) return "keep one of the two";
    return "see https://toml.io for the form";
}

}  // namespace

const Node* Node::find(std::string_view key) const {
    for (const auto& [name, value] : keys) {
        if (name == key) return &value;
    }
    return nullptr;
}

std::string_view describe(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::table:
            return "a table";
        case Node::Kind::array:
            return "a list";
        case Node::Kind::text:
            return "a text";
        case Node::Kind::integer:
        case Node::Kind::real:
            return "a number";
        case Node::Kind::boolean:
            return "true or false";
        case Node::Kind::time:
            return "a date and time";
        case Node::Kind::local_time:
            return "a date or time without an offset";
    }
    return "something else";
}

Result<Node> parse_toml(std::string_view bytes) {
    const toml::parse_result parsed = toml::parse(bytes);
    if (!parsed) {
        const auto& fault = parsed.error();
        return Error{Errc::invalid, "not valid TOML: " + without_values(fault.description()),
                     std::to_string(fault.source().begin.line), hint_for(fault.description())};
    }
    return convert(parsed.table(), 1);
}

}  // namespace tidegate::delivery
