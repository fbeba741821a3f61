#include <algorithm>
#include <iterator>
#include <utility>

#include "tidegate/base/text.hpp"
#include "tidegate/message/message.hpp"

namespace tidegate {
namespace {

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// Counts what a person counts: characters, from 1.
std::string position(std::string_view text, std::size_t offset) {
    const auto characters = std::count_if(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset),
                                          [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return std::to_string(characters + 1);
}

std::size_t index_of(std::vector<std::string>& columns, std::string_view name) {
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
    columns.emplace_back(name);
    return columns.size() - 1;
}

}  // namespace

Result<TextTemplate> TextTemplate::compile(std::string_view text) {
    const auto fault = [&](std::string what, std::size_t at) {
        return Error{Errc::invalid,
                     std::move(what) + " at character " + position(text, at),
                     {},
                     "Write {{column}} or {{column|default}}."};
    };
    if (!valid_utf8(text)) return Error{Errc::invalid, "the text is not UTF-8", {}, "Save the file as UTF-8."};
    TextTemplate result;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t open = text.find("{{", at);
        Piece piece;
        piece.literal = text.substr(at, open == std::string_view::npos ? open : open - at);
        if (open == std::string_view::npos) {
            result.pieces_.push_back(std::move(piece));
            break;
        }
        const std::size_t close = text.find("}}", open + 2);
        const std::string_view hole = text.substr(open + 2, close == std::string_view::npos ? close : close - open - 2);
        if (close == std::string_view::npos || hole.find("{{") != std::string_view::npos) {
            return fault("\"{{\" without \"}}\"", open);
        }
        const std::size_t bar = hole.find('|');
        const std::string_view name = trim(hole.substr(0, bar));
        if (name.empty()) return fault("a hole without a column name", open);
        if (name.find_first_of("{}") != std::string_view::npos) return fault("a brace in a column name", open);
        if (bar != std::string_view::npos) piece.fallback = trim(hole.substr(bar + 1));
        piece.column = static_cast<int>(index_of(result.columns_, name));
        result.pieces_.push_back(std::move(piece));
        at = close + 2;
    }
    return result;
}

Result<MessageTemplate, Faults> MessageTemplate::compile(const Message& message, std::vector<std::string> columns) {
    MessageTemplate result;
    result.columns_ = std::move(columns);
    result.template_id_ = message.template_id;
    Faults faults;
    const auto part = [&](const std::string& text, const std::string& where) {
        Part compiled;
        auto parsed = TextTemplate::compile(text);
        if (!parsed) {
            faults.push_back(parsed.error());
            faults.back().where = where;
            return compiled;
        }
        compiled.text = *std::move(parsed);
        for (const std::string& column : compiled.text.columns()) {
            compiled.index.push_back(index_of(result.columns_, column));
        }
        return compiled;
    };
    result.title_ = part(message.title, "message.title");
    result.body_ = part(message.body, "message.body");
    result.link_ = part(message.link, "message.link");
    result.collapse_ = part(message.collapse, "message.collapse");
    for (const auto& [name, text] : message.data) result.data_[name] = part(text, "message.data." + name);
    for (const auto& [name, text] : message.variables) {
        result.variables_[name] = part(text, "message.variables." + name);
    }
    if (!faults.empty()) return faults;
    return result;
}

std::string MessageTemplate::fill(const Part& part, const std::vector<std::string>& values) {
    std::string text;
    for (const TextTemplate::Piece& piece : part.text.pieces_) {
        text += piece.literal;
        if (piece.column < 0) continue;
        const std::size_t index = part.index[static_cast<std::size_t>(piece.column)];
        const bool given = index < values.size() && !values[index].empty();
        text += given ? values[index] : piece.fallback;
    }
    return text;
}

RenderedMessage MessageTemplate::render(const std::vector<std::string>& values) const {
    RenderedMessage message{
        fill(title_, values), fill(body_, values), fill(link_, values), fill(collapse_, values), {}, template_id_, {}};
    for (const auto& [name, part] : data_) message.data.emplace_hint(message.data.end(), name, fill(part, values));
    for (const auto& [name, part] : variables_) {
        message.variables.emplace_hint(message.variables.end(), name, fill(part, values));
    }
    return message;
}

}  // namespace tidegate
