// CSV: portions never change the records, good records survive writing and reading, and a row that becomes a recipient
// keeps every promise of RecipientReader.
#include "audience/csv_parser.hpp"

#include <utility>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "tidegate/audience/recipient.hpp"
#include "tidegate/base/text.hpp"

using tidegate::fuzz::require;

namespace {

using Values = std::vector<std::string>;

struct Record {
    Values values;  ///< empty when malformed
    std::string malformed;
    bool operator==(const Record&) const = default;
};

class Records {
  public:
    explicit Records(std::size_t limit) : parser_(limit) {}

    void feed(std::string_view portion) {
        parser_.feed(portion);
        drain();
    }
    std::vector<Record> finish() {
        parser_.finish();
        drain();
        return std::move(records_);
    }

  private:
    void drain() {
        Values values;
        std::string malformed;
        while (parser_.next(values, malformed)) records_.push_back({malformed.empty() ? values : Values{}, malformed});
    }
    tidegate::audience::CsvParser parser_;
    std::vector<Record> records_;
};

std::vector<Record> read_whole(std::string_view text, std::size_t limit) {
    Records records(limit);
    records.feed(text);
    return records.finish();
}

std::vector<Record> read_in_portions(std::string_view text, std::size_t limit) {
    Records records(limit);
    tidegate::fuzz::in_portions(text, [&](std::string_view portion) { records.feed(portion); });
    return records.finish();
}

std::string written(const std::vector<Record>& records) {
    std::string text;
    for (const Record& record : records) {
        for (std::size_t i = 0; i < record.values.size(); ++i) {
            text += i == 0 ? "\"" : ",\"";
            for (const char c : record.values[i]) text.append(c == '"' ? 2 : 1, c);
            text += '"';
        }
        if (!record.values.empty()) text += "\r\n";
    }
    return text;
}

void check_recipients(const std::vector<Record>& records) {
    if (records.empty() || records[0].values.size() < 2) return;
    const Values& columns = records[0].values;
    tidegate::AudienceMapping mapping;
    mapping.key = columns[0];
    mapping.address_columns = {{"phone", columns.back()}, {"apns", columns[1]}, {"apns", columns.back()}};
    mapping.fields = columns;
    mapping.consent = mapping.night_consent = mapping.cohort_column = columns[columns.size() / 2];
    const auto reader = tidegate::RecipientReader::bind(mapping, columns);
    require(bool(reader) == !columns[0].empty(), "a mapping of existing columns binds when the key has a name");
    if (!reader) return;
    for (const Record& record : records) {
        const auto recipient = reader->read(record.values);
        if (!recipient) {
            require(!recipient.error().what.empty(), "a refused row says why");
            continue;
        }
        const std::string& key = recipient->key;
        require(!key.empty() && key.size() <= 256 && tidegate::valid_utf8(key) && tidegate::fuzz::printable(key),
                "a key is 1 to 256 bytes of printable UTF-8");
        require(recipient->fields.size() == mapping.fields.size(), "one value for each field");
        for (const auto& address : recipient->addresses) {
            require(!address.value.empty() && tidegate::valid_utf8(address.value) &&
                        tidegate::fuzz::printable(address.value),
                    "an address is printable UTF-8");
            require(std::count(recipient->addresses.begin(), recipient->addresses.end(), address) == 1,
                    "an address counts once");
        }
        if (recipient->consent_at) require(recipient->consent == tidegate::Consent::given, "a dated consent is given");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = tidegate::fuzz::text_of(data, size);
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    for (const std::size_t limit : {std::size_t{12}, tidegate::audience::max_record_bytes}) {
        const auto records = read_whole(text, limit);
        require(records.size() <= lines, "a record takes at least a line");
        require(records == read_in_portions(text, limit), "portions do not change the records");
        for (const Record& record : records) {
            require(record.values.empty() != record.malformed.empty(), "a record is good or malformed");
            for (const auto& value : record.values) {
                require(value.size() < limit, "no value is longer than the longest record");
                require(value.find('\0') == std::string::npos, "no value holds NUL");
            }
        }
    }
    const auto records = read_whole(text, tidegate::audience::max_record_bytes);
    std::vector<Record> good;
    for (const Record& record : records) {
        if (!record.values.empty()) good.push_back(record);
    }
    require(read_whole(written(good), tidegate::audience::max_record_bytes) == good,
            "what was read can be written and read again");
    check_recipients(records);
    return 0;
}
