#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::cli {

int tell(const Faults& faults, bool json, int exit_code) {
    if (json) {
        nlohmann::ordered_json all = nlohmann::ordered_json::array();
        for (const Error& fault : faults)
            all.push_back({{"what", fault.what}, {"where", fault.where}, {"hint", fault.hint}});
        std::cout << nlohmann::ordered_json{{"errors", all}}.dump(-1, ' ', false,
                                                                  nlohmann::ordered_json::error_handler_t::replace)
                  << '\n';
        return exit_code;
    }
    for (const Error& fault : faults) {
        std::cerr << "error: " << (fault.where.empty() ? "" : fault.where + ": ") << fault.what << '\n';
        if (!fault.hint.empty()) std::cerr << "       " << fault.hint << '\n';
    }
    if (faults.size() > 1) std::cerr << faults.size() << " faults; nothing was sent\n";
    return exit_code;
}

int not_here(const std::string& word, const std::vector<std::string>& known, bool json) {
    const std::vector<std::string_view> names(known.begin(), known.end());
    const std::optional<std::string> meant = nearest(word, names);
    return tell({{Errc::invalid, "there is no command \"" + word + "\"", "",
                  meant ? "did you mean " + *meant + "?" : "`tidegate --help` lists the commands"}},
                json);
}

Result<Preview, Faults> look_at(const LoadedCampaign& loaded, std::size_t samples) {
    GateOptions rehearsal;
    rehearsal.dry_run = true;
    Result<std::unique_ptr<Gate>, Faults> gate = Gate::open(loaded.site, system_clock(), rehearsal);
    if (!gate) return gate.error();
    Result<std::unique_ptr<AudienceSource>> audience =
        open_audience(loaded.campaign.audience.file, loaded.campaign.mapping().wanted_columns());
    if (!audience) return Faults{audience.error()};
    return (*gate)->preview(loaded.campaign, **audience, samples);
}

int write_picture(const std::string& path, const std::string& bytes, bool json) {
    errno = 0;
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << bytes;
    out.close();
    if (!out) {
        const std::string why = errno != 0 ? std::strerror(errno) : "the disk took only part of it";
        return tell({{Errc::unavailable, "cannot be written: " + why, path, "name a file in a folder you may write"}},
                    json);
    }
    std::cerr << "picture written to " << path << '\n';
    return ok;
}

std::string operator_name() {
    const passwd* user = ::getpwuid(::getuid());
    return user != nullptr ? user->pw_name : "uid " + std::to_string(::getuid());
}

std::string ledger_directory(const std::string& campaign_file_directory, const std::string& dir) {
    if (!dir.empty()) return dir;
    return (campaign_file_directory.empty() ? std::string(".") : campaign_file_directory) + "/ledger";
}

std::vector<BackendProgress> look_back(Site site, const std::string& directory) {
    site.channels.clear();
    GateOptions rehearsal;
    rehearsal.dry_run = true;
    rehearsal.history_dir = directory;
    Result<std::unique_ptr<Gate>, Faults> gate = Gate::open(std::move(site), system_clock(), rehearsal);
    return gate ? (*gate)->backends() : std::vector<BackendProgress>{};
}

std::string history_directory(const std::string& site_file_directory, const std::string& dir) {
    if (!dir.empty()) return dir;
    return (site_file_directory.empty() ? std::string(".") : site_file_directory) + "/history";
}

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

}  // namespace tidegate::cli
