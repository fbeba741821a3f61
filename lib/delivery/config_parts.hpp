#pragma once

#include "delivery/config_reader.hpp"
#include "tidegate/delivery/campaign.hpp"
#include "tidegate/delivery/site.hpp"

namespace tidegate::delivery {

/// What a channel's own table says about messages, by the channel's name: used by steps whose campaign says nothing.
using SpokenBySite = std::map<std::string, Message>;
/// Reads the site's tables. Faults go to the reader's findings; every table gives one element, at fault or not, so that
/// indices agree with the file.
void read_site(TableReader& root, Site& site, SpokenBySite& spoken);
/// Reads the campaign's tables; `site` is the caller's.
void read_campaign(TableReader& root, Campaign& campaign);

/// For the file of the other kind: says where the tables belong.
void refuse_site_tables(TableReader& root, const std::string& hint);
void refuse_campaign_tables(TableReader& root, const std::string& hint);
/// Any of the site's tables in the file.
bool has_site_tables(const TableReader& root);

}  // namespace tidegate::delivery
