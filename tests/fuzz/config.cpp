// Site and campaign files: whatever stands in them, every fault names a line of the file, no secret is repeated, and
// what is accepted keeps the promises of `load_campaign`.
//
// Input: the campaign file; a line "---"; the site file, which the campaign file calls "101".
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <regex>
#include <set>

#include "delivery/config_tree.hpp"
#include "fuzz/fuzz.hpp"
#include "tidegate/base/text.hpp"
#include "tidegate/delivery/config.hpp"

using namespace tidegate;
using tidegate::fuzz::require;

namespace {

constexpr std::string_view planted = "hunter2hunter2";

/// A file in memory that opens as /proc/self/fd/`number`.
void write_file(int number, std::string_view bytes) {
    const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
    require(file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
                ::dup2(file, number) == number,
            "files in memory work");
    ::close(file);
}

int lines_of(std::string_view text) {
    return static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
}

void check_tree(const delivery::Node& node, int lines) {
    require(node.line >= 0 && node.line <= lines, "every value stands on a line of the file");
    std::set<std::string_view> names;
    for (const auto& [name, value] : node.keys) {
        require(names.insert(name).second, "a key stands once in its table");
        check_tree(value, lines);
    }
    for (const auto& item : node.items) check_tree(item, lines);
}

/// `where` is "file" or "file:line".
void check_place(const std::string& where, int lines) {
    const auto colon = where.rfind(':');
    if (colon == std::string::npos) return;
    int line = 0;
    std::from_chars(where.data() + colon + 1, where.data() + where.size(), line);
    require(line >= 1 && line <= lines, "a fault names a line of the file");
}

/// The planted secret stands once, as the value of a key that holds a secret.
bool secret_is_planted(std::string_view text) {
    const auto at = text.find(planted);
    if (at == std::string_view::npos || text.find(planted, at + 1) != std::string_view::npos) return false;
    if (text.find("\"\"\"") != std::string_view::npos || text.find("'''") != std::string_view::npos) return false;
    const auto begin = text.rfind('\n', at) + 1;
    static const std::regex key("[ \t]*(password|secret|credentials|certificate|private_key)[ \t]*=[ \t]*[\"']?");
    const std::string before(text.substr(begin, at - begin));
    return std::regex_match(before, key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    std::string_view site = text;
    const std::string_view campaign = fuzz::take_part(site);
    const int lines = lines_of(text);
    if (valid_utf8(campaign)) {
        if (const auto tree = delivery::parse_toml(campaign)) check_tree(*tree, lines_of(campaign));
    }

    write_file(100, campaign);
    write_file(101, site);
    const auto loaded = load_campaign("/proc/self/fd/100");
    const bool planted_secret = secret_is_planted(text);
    if (!loaded) {
        require(!loaded.error().empty(), "a refusal has its reasons");
        for (const Error& fault : loaded.error()) {
            require(!fault.what.empty() && !fault.where.empty(), "a fault says what and where");
            require(valid_utf8(fault.text()) || !valid_utf8(text), "a fault is readable");
            check_place(fault.where, lines);
            if (planted_secret) require(fault.text().find(planted) == std::string::npos, "no secret is repeated");
        }
        return 0;
    }
    for (const auto& [key, where] : loaded->lines) check_place(where, lines);
    for (const auto& warning : loaded->warnings) {
        if (planted_secret) require(warning.find(planted) == std::string::npos, "no secret is repeated");
    }
    require(loaded->site.validate().empty(), "a loaded site is valid");
    require(loaded->campaign.validate(loaded->site).empty(), "a loaded campaign is valid");
    require(bool(MessageTemplate::compile(loaded->campaign.message)), "its message compiles");
    const auto wanted = loaded->campaign.mapping().wanted_columns();
    require(std::set<std::string>(wanted.begin(), wanted.end()).size() == wanted.size(), "a column is wanted once");
    return 0;
}
