#pragma once

#include <string>
#include <string_view>
#include <tidegate/delivery/campaign.hpp>
#include <tidegate/delivery/site.hpp>

namespace service {

/// What the house decided before anybody asked: who may be loaded how much, how people react, which channels there are.
struct House {
    tidegate::Site site{};
    tidegate::Campaign usual{};  ///< a request changes what it may, the rest is taken from here
    std::string audiences{};     ///< the only directory audience files are taken from
    std::string state{};         ///< accepted requests, and ledgers in `ledger/`
};

/// Turns a request's JSON into a campaign of this house.
/// Errors: every fault at once: unknown keys with the nearest known one, wrong types, a file outside of
/// `House::audiences`, and what `Campaign::validate` finds.
tidegate::Result<tidegate::Campaign, tidegate::Faults> read_request(std::string_view json, const House& house);

/// The path of `name` inside `directory`. Errors: it leads outside (also by a link), or is no regular file.
tidegate::Result<std::string> confined(const std::string& directory, const std::string& name);

}  // namespace service
