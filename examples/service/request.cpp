#include "request.hpp"

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tidegate/base/text.hpp>

namespace service {

namespace {

using nlohmann::json;
using tidegate::Errc;
using tidegate::Error;
using tidegate::Faults;

/// Reads the members of one object and remembers what was wrong with them.
class Reader {
  public:
    Reader(const json& object, std::string where, Faults& faults)
        : object_(object), where_(std::move(where)), faults_(faults) {}

    bool text(const char* name, std::string& out) {
        const json* found = find(name);
        if (found && !found->is_string()) return wrong(name, "a string");
        if (found) out = found->get<std::string>();
        return found;
    }
    bool number(const char* name, double& out) {
        const json* found = find(name);
        if (found && !found->is_number()) return wrong(name, "a number");
        if (found) out = found->get<double>();
        return found;
    }
    bool moment(const char* name, std::optional<tidegate::WallTime>& out) {
        std::string text_of_it;
        if (!text(name, text_of_it)) return false;
        auto parsed = tidegate::parse_wall_time(text_of_it);
        if (!parsed) return wrong(name, "a time such as 2026-12-01T09:00:00+09:00");
        out = *parsed;
        return true;
    }
    const json* object(const char* name) {
        const json* found = find(name);
        if (found && !found->is_object()) wrong(name, "an object"), found = nullptr;
        return found;
    }
    bool wrong(const std::string& name, const std::string& wanted) {
        faults_.push_back({Errc::invalid, "must be " + wanted, where_ + name, ""});
        return false;
    }
    /// Keys nobody asked for are mistakes, not decoration.
    void finish() {
        for (const auto& [key, value] : object_.items()) {
            if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
            const auto near = tidegate::nearest(key, known_);
            faults_.push_back(
                {Errc::invalid, "is unknown", where_ + key, near ? "did you mean \"" + *near + "\"?" : ""});
        }
    }

  private:
    const json* find(const char* name) {
        known_.push_back(name);
        const auto at = object_.find(name);
        return at == object_.end() || at->is_null() ? nullptr : &*at;
    }

    const json& object_;
    std::string where_;
    Faults& faults_;
    std::vector<std::string_view> known_;
};

}  // namespace

tidegate::Result<std::string> confined(const std::string& directory, const std::string& name) {
    namespace fs = std::filesystem;
    std::error_code failed;
    const fs::path root = fs::canonical(directory, failed);
    if (failed) return Error{Errc::unavailable, "the audience directory cannot be read", "audience", ""};
    const Error refused{Errc::refused, "there is no such file in the audience directory", "audience",
                        "name a file relative to that directory"};
    const fs::path path = fs::canonical(root / name, failed);
    if (failed || !fs::is_regular_file(path, failed)) return refused;
    const auto [root_end, ignored] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
    if (root_end != root.end()) return refused;  // the same words as for a missing file: nothing to probe with
    return path.string();
}

tidegate::Result<tidegate::Campaign, Faults> read_request(std::string_view text, const House& house) {
    const json body = json::parse(text, nullptr, false);
    if (!body.is_object()) return Faults{{Errc::invalid, "the body is not a JSON object", "", ""}};

    Faults faults;
    tidegate::Campaign campaign = house.usual;
    Reader request(body, "", faults);
    campaign.id.clear();
    request.text("id", campaign.id);
    if (std::string purpose; request.text("purpose", purpose)) {
        using tidegate::Purpose;
        constexpr std::array all{Purpose::advertising, Purpose::informational, Purpose::transactional};
        const auto named = std::find_if(all.begin(), all.end(), [&](Purpose one) { return to_string(one) == purpose; });
        if (named == all.end()) {
            request.wrong("purpose", "\"advertising\", \"informational\" or \"transactional\"");
        } else {
            campaign.purpose = *named;
        }
    }
    request.moment("starts", campaign.starts);
    request.moment("deadline", campaign.deadline);
    if (double rate = 0; request.number("per_second", rate)) {
        // A campaign can be stricter than the house, never looser.
        if (!(rate > 0) || rate > house.usual.per_second.per_second) {
            request.wrong("per_second", "above 0 and not above the house's own limit");
        } else {
            campaign.per_second = {rate};
        }
    }
    std::string audience;
    if (request.text("audience", audience)) {
        if (auto path = confined(house.audiences, audience)) {
            campaign.audience.file = *path;
        } else {
            faults.push_back(path.error());
        }
    } else {
        request.wrong("audience", "the name of a file in the audience directory");
    }
    if (const json* message = request.object("message")) {
        Reader part(*message, "message.", faults);
        campaign.message = {.ttl = house.usual.message.ttl};
        part.text("title", campaign.message.title);
        part.text("body", campaign.message.body);
        part.text("link", campaign.message.link);
        part.text("collapse", campaign.message.collapse);
        part.text("template", campaign.message.template_id);
        part.finish();
    } else {
        request.wrong("message", "an object with at least a body");
    }
    request.finish();
    if (faults.empty()) faults = campaign.validate(house.site);
    if (!faults.empty()) return faults;
    return campaign;
}

}  // namespace service
