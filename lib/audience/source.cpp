#include "tidegate/audience/source.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "audience/csv_parser.hpp"
#include "audience/input.hpp"
#include "audience/ndjson_parser.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {
namespace {

using audience::CsvParser;
using audience::Input;
using audience::NdjsonParser;

/// Pulls input through a push parser until it yields a record. False at the end of the input.
template <class Parser>
Result<bool> pull(Input& input, Parser& parser, std::vector<std::string>& values, std::string& malformed) {
    while (!parser.next(values, malformed)) {
        auto portion = input.read();
        if (!portion) return portion.error();
        if (portion->empty()) {
            parser.finish();
            return parser.next(values, malformed);
        }
        parser.feed(*portion);
    }
    return true;
}

std::optional<std::string> repeated(const std::vector<std::string>& names) {
    std::vector<std::string_view> sorted(names.begin(), names.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        // Spreadsheets leave nameless columns behind; nobody can refer to them, so they do no harm.
        if (sorted[i] == sorted[i - 1] && !sorted[i].empty()) return std::string(sorted[i]);
    }
    return std::nullopt;
}

Result<void> check_header(const std::vector<std::string>& names, const std::string& where) {
    const auto fault = [&](std::string what, std::string hint) {
        return Error{Errc::invalid, std::move(what), where, std::move(hint)};
    };
    for (const std::string& name : names) {
        if (!valid_utf8(name)) {
            return fault("the header is not UTF-8",
                         "Save the file as \"CSV UTF-8\"; a Korean spreadsheet writes CP949 by default.");
        }
    }
    if (std::all_of(names.begin(), names.end(), [](const auto& name) { return name.empty(); })) {
        return fault("the header names no column", "Put the column names in the first line.");
    }
    if (names.size() == 1 && names[0].find_first_of(";\t") != std::string::npos) {
        return fault("the header is one column; it seems to be separated by semicolons or tabs",
                     "Separate the columns with commas.");
    }
    if (auto name = repeated(names)) {
        return fault("column \"" + *name + "\" is named twice", "Rename or remove one of them.");
    }
    return {};
}

class CsvSource final : public AudienceSource {
  public:
    static Result<std::unique_ptr<AudienceSource>> open(Input input) {
        auto source = std::unique_ptr<CsvSource>(new CsvSource(std::move(input)));
        auto header = source->read_header();
        if (!header) return header.error();
        source->columns_ = *std::move(header);
        return std::unique_ptr<AudienceSource>(std::move(source));
    }

    const std::vector<std::string>& columns() const override { return columns_; }

    Result<bool> next(AudienceRow& row) override {
        auto found = pull(input_, parser_, row.values, row.malformed);
        if (!found || !*found) return found;
        row.number = ++number_;
        if (row.malformed.empty() && row.values.size() != columns_.size()) {
            row.malformed =
                std::to_string(row.values.size()) + " fields where the header has " + std::to_string(columns_.size());
        }
        return true;
    }

    Result<void> rewind() override {
        if (auto done = input_.rewind(); !done) return done;
        parser_ = CsvParser();
        number_ = 0;
        auto header = read_header();
        if (!header) return header.error();
        if (*header != columns_) {
            return Error{Errc::refused, "the header changed while the audience was being read", input_.name(),
                         "Leave the file alone until the campaign has been read in."};
        }
        return {};
    }

  private:
    explicit CsvSource(Input input) : input_(std::move(input)) {}

    Result<std::vector<std::string>> read_header() {
        std::vector<std::string> names;
        std::string malformed;
        auto found = pull(input_, parser_, names, malformed);
        if (!found) return found.error();
        const std::string where = input_.name() + ":1";
        if (!*found) {
            return Error{Errc::invalid, "the audience has no header", where, "Put the column names in the first line."};
        }
        if (malformed == "NUL byte") {
            return Error{Errc::invalid, "the header holds NUL bytes: not text, or UTF-16", where,
                         "Save the file as \"CSV UTF-8\"."};
        }
        if (!malformed.empty()) {
            return Error{Errc::invalid, "the header is malformed: " + malformed, where,
                         "Quote fields as RFC 4180 says and end lines with LF or CRLF."};
        }
        if (auto checked = check_header(names, where); !checked) return checked.error();
        return names;
    }

    Input input_;
    CsvParser parser_;
    std::vector<std::string> columns_;
    std::uint64_t number_ = 0;
};

class NdjsonSource final : public AudienceSource {
  public:
    NdjsonSource(Input input, std::vector<std::string> wanted)
        : input_(std::move(input)), columns_(std::move(wanted)), parser_(columns_) {}

    const std::vector<std::string>& columns() const override { return columns_; }

    Result<bool> next(AudienceRow& row) override {
        auto found = pull(input_, parser_, row.values, row.malformed);
        if (found && *found) row.number = ++number_;
        return found;
    }

    Result<void> rewind() override {
        if (auto done = input_.rewind(); !done) return done;
        parser_ = NdjsonParser(columns_);
        number_ = 0;
        return {};
    }

  private:
    Input input_;
    std::vector<std::string> columns_;
    NdjsonParser parser_;
    std::uint64_t number_ = 0;
};

bool ends_with_any_case(std::string_view text, std::string_view ending) {
    return text.size() >= ending.size() &&
           std::equal(ending.begin(), ending.end(), text.end() - static_cast<std::ptrdiff_t>(ending.size()),
                      [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

}  // namespace

Result<std::unique_ptr<AudienceSource>> open_audience(const std::string& path, const std::vector<std::string>& wanted) {
    auto input = Input::open(path);
    if (!input) return input.error();
    const char first = input->head().front();
    const bool ndjson =
        path == "-" ? first == '{' : ends_with_any_case(path, ".ndjson") || ends_with_any_case(path, ".jsonl");
    if (!ndjson) return CsvSource::open(*std::move(input));
    if (first == '[') {
        return Error{Errc::invalid, "the audience is a JSON array, not one object a line", input->name(),
                     "Write one object a line (jq -c '.[]')."};
    }
    if (auto name = repeated(wanted)) {
        return Error{Errc::invalid, "column \"" + *name + "\" is wanted twice", input->name(), "Ask for it once."};
    }
    return std::unique_ptr<AudienceSource>(std::make_unique<NdjsonSource>(*std::move(input), wanted));
}

}  // namespace tidegate
