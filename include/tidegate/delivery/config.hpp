#pragma once

#include <map>
#include <string>

#include "tidegate/delivery/campaign.hpp"
#include "tidegate/delivery/site.hpp"

namespace tidegate {

/// A campaign file with its site, both read and checked for form.
struct LoadedCampaign {
    Site site{};                   ///< from the site file, or from tables of the same file
    Campaign campaign{};           ///< what the file says
    std::string path{};            ///< of the campaign file
    std::string directory{};       ///< relative paths of the campaign were resolved against it
    std::string site_directory{};  ///< where the site's file lies
    /// SHA-256 of the files' bytes, for the ledger's record.
    std::string site_hash{};      ///< SHA-256 of the site file's bytes, for the ledger's record
    std::string campaign_hash{};  ///< SHA-256 of the campaign file's bytes
    /// `file:LINE` of each key that was set, by dotted name ("campaign.id", "backend[0].name"): for messages.
    std::map<std::string, std::string> lines{};
    std::vector<std::string> warnings{};  ///< nothing to refuse, but worth reading
};

/// Reads a campaign file (and the site file it names, or the site's tables in the same file) and resolves secrets.
/// Errors: every fault of both files at once, in order of line: syntax, unknown keys with the nearest known one, wrong
/// types and units, secrets written inline or unreadable, and everything `validate` finds. Nothing is sent or created.
TIDEGATE_EXPORT Result<LoadedCampaign, Faults> load_campaign(const std::string& path);

/// A site file, read and checked for form.
struct LoadedSite {
    Site site{};                          ///< what the file says
    std::string path{};                   ///< of the file that holds the site's tables
    std::string directory{};              ///< where that file lies
    std::string hash{};                   ///< SHA-256 of its bytes
    std::vector<std::string> warnings{};  ///< nothing to refuse, but worth reading
};

/// Reads a site file; a campaign file is taken too, and its site returned. Errors: as `load_campaign`.
TIDEGATE_EXPORT Result<LoadedSite, Faults> load_site(const std::string& path);

}  // namespace tidegate
