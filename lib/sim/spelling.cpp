#include "tidegate/sim/spelling.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "tidegate/base/text.hpp"

namespace tidegate::sim {
namespace {

constexpr std::array kEveryKind = {PolicyKind::blast,    PolicyKind::fixed,  PolicyKind::aimd,
                                   PolicyKind::gradient, PolicyKind::impact, PolicyKind::oracle};
constexpr double kFastest = 1e9;  // messages/s

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t comma = std::min(text.find(',', from), text.size());
        parts.push_back(text.substr(from, comma - from));
        from = comma + 1;
    }
    return parts;
}

std::string in_quotes(std::string_view word) {
    return "\"" + printable(word) + "\"";
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || end.ec != std::errc{} || end.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

Error seeds_fault(std::string what) {
    return {Errc::invalid, std::move(what), "--seeds", "write whole numbers and ranges, e.g. 1-20 or 1,3,7-9"};
}

Error policy_fault(std::string what, std::string hint) {
    return {Errc::invalid, std::move(what), "--policy", std::move(hint)};
}

Result<Policy> parse_policy(std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const auto kind = policy_named(name);
    if (!kind) {
        std::vector<std::string_view> known;
        for (const PolicyKind one : kEveryKind) known.push_back(name_of(one));
        const auto meant = nearest(name, known);
        return policy_fault(
            "there is no policy " + in_quotes(name),
            meant ? "did you mean " + *meant + "?" : "use blast, static, aimd, gradient, impact or oracle");
    }
    Policy policy{.kind = *kind};
    if (equals == std::string_view::npos) return policy;
    if (*kind != PolicyKind::fixed)
        return policy_fault(in_quotes(word) + ": only static takes a rate", "write " + std::string(name));
    const auto rate = number<double>(word.substr(equals + 1));
    if (!rate || !(*rate > 0.0) || *rate > kFastest)
        return policy_fault(in_quotes(word) + " has no rate of messages a second", "write e.g. static=3200");
    policy.fixed_rate = *rate;
    return policy;
}

}  // namespace

Result<std::vector<std::uint64_t>> parse_seeds(std::string_view text) {
    std::vector<std::uint64_t> seeds;
    std::set<std::uint64_t> seen;
    for (const std::string_view part : split(text)) {
        const std::size_t dash = part.find('-');
        const auto first = number<std::uint64_t>(part.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : number<std::uint64_t>(part.substr(dash + 1));
        if (!first || !last) return seeds_fault(in_quotes(part) + " is neither a seed nor a range of seeds");
        if (*last < *first) return seeds_fault(in_quotes(part) + " runs backwards");
        if (*last - *first >= max_seeds - seeds.size())
            return seeds_fault("more than " + std::to_string(max_seeds) + " seeds");
        for (std::uint64_t i = 0; i <= *last - *first; ++i) {
            if (!seen.insert(*first + i).second)
                return seeds_fault("seed " + std::to_string(*first + i) + " is named twice");
            seeds.push_back(*first + i);
        }
    }
    return seeds;
}

std::string format_seeds(const std::vector<std::uint64_t>& seeds) {
    std::string text;
    for (std::size_t i = 0; i < seeds.size();) {
        std::size_t last = i;
        while (last + 1 < seeds.size() && seeds[last + 1] == seeds[last] + 1) ++last;
        text += (text.empty() ? "" : ",") + std::to_string(seeds[i]);
        if (last > i) text += (last > i + 1 ? "-" : ",") + std::to_string(seeds[last]);
        i = last + 1;
    }
    return text;
}

Result<std::vector<Policy>> parse_policies(std::string_view text) {
    std::vector<Policy> policies;
    for (const std::string_view word : split(text)) {
        Result<Policy> policy = parse_policy(word);
        if (!policy) return policy.error();
        const bool twice = std::any_of(policies.begin(), policies.end(),
                                       [&](const Policy& given) { return given.kind == policy->kind; });
        if (twice) return policy_fault(std::string(name_of(policy->kind)) + " is named twice", "name it once");
        policies.push_back(*policy);
    }
    return policies;
}

std::vector<Policy> every_policy(const std::vector<Policy>& given) {
    std::vector<Policy> all;
    for (const PolicyKind kind : kEveryKind) {
        const auto found =
            std::find_if(given.begin(), given.end(), [kind](const Policy& policy) { return policy.kind == kind; });
        all.push_back(found != given.end() ? *found : Policy{.kind = kind});
    }
    return all;
}

Result<std::vector<Scenario>, Faults> scenarios_named(const std::string& name) {
    namespace fs = std::filesystem;
    if (name == "nominal") return std::vector<Scenario>{Scenario{.about = "everything as believed, nothing happens"}};
    std::error_code ignored;
    std::vector<std::string> files;
    if (fs::is_directory(name, ignored)) {
        for (const auto& entry : fs::directory_iterator(name, ignored))
            if (entry.path().extension() == ".toml") files.push_back(entry.path().string());
        std::sort(files.begin(), files.end());
        if (files.empty())
            return Faults{{Errc::not_found, "no scenario file in this folder", name, "name a folder with .toml files"}};
    } else if (fs::exists(name, ignored)) {
        files.push_back(name);
    } else {
        return Faults{{Errc::not_found, "there is no scenario " + in_quotes(name), "--scenario",
                       "name a scenario file or a folder of them; \"nominal\" is built in"}};
    }
    std::vector<Scenario> scenarios;
    Faults faults;
    for (const std::string& file : files) {
        Result<Scenario, Faults> read = read_scenario(file);
        if (read)
            scenarios.push_back(std::move(*read));
        else
            faults.insert(faults.end(), read.error().begin(), read.error().end());
    }
    if (!faults.empty()) return faults;
    return scenarios;
}

}  // namespace tidegate::sim
