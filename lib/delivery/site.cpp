#include "tidegate/delivery/site.hpp"

#include <algorithm>
#include <set>

#include "delivery/names.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate {
namespace {

/// Faults of one part, told by its place in the site: "channel[0]" and "channel.ios.url" give "channel[0].url".
void adopt(Faults& faults, Faults found, const std::string& prefix) {
    for (auto& fault : found) {
        const auto key = fault.where.substr(fault.where.rfind('.') + 1);
        fault.where = key.empty() ? prefix : prefix + "." + key;
        faults.push_back(std::move(fault));
    }
}

void check_name(Faults& faults, std::set<std::string>& taken, const std::string& name, const std::string& where,
                std::string_view what) {
    if (name.empty()) {
        faults.push_back({Errc::invalid, "a " + std::string(what) + " has no name", where, "give it a name"});
    } else if (!delivery::plain_name(name, 64)) {
        faults.push_back({Errc::invalid, "\"" + name + "\" cannot name a " + std::string(what), where,
                          "use 1 to 64 of A-Z a-z 0-9 . _ -"});
    } else if (!taken.insert(name).second) {
        faults.push_back({Errc::invalid, "a second " + std::string(what) + " is called \"" + name + "\"", where,
                          "give each its own name"});
    }
}

Faults check_quota(const QuotaOptions& quota) {
    Faults faults;
    const LeaseRules& rules = quota.store.rules;
    for (Error& fault : quota.store.validate()) {
        if (fault.where == "Redis address") {
            fault.where = "redis";
        } else if (fault.where == "clock_step" && rules.lease < rules.clock_step) {
            fault = {Errc::invalid,
                     "is shorter than " +
                         format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(rules.clock_step)) +
                         ", which one jump of the store's clock may count",
                     "lease", "3s is usual"};
        }
        fault.where = fault.where.empty() ? "quota" : "quota." + fault.where;
        faults.push_back(std::move(fault));
    }
    if (quota.grace < Duration::zero()) {
        faults.push_back({Errc::invalid, "is negative", "quota.grace", "5m is usual; 0s ends a run at once"});
    }
    return faults;
}

}  // namespace

Faults Site::validate() const {
    Faults faults;
    std::set<std::string> backend_names, channel_names;
    for (std::size_t i = 0; i < backends.size(); ++i) {
        const auto place = "backend[" + std::to_string(i) + "]";
        const auto& backend = backends[i];
        auto limits = backend.limits.validate();
        std::erase_if(limits, [](const Error& fault) { return fault.where == "name"; });  // names are judged here
        check_name(faults, backend_names, backend.limits.name, place + ".name", "backend");
        adopt(faults, std::move(limits), place);
        adopt(faults, tidegate::validate(backend.signal, backend.limits.max_age), place + ".signal");
    }
    for (std::size_t i = 0; i < channels.size(); ++i) {
        const auto place = "channel[" + std::to_string(i) + "]";
        check_name(faults, channel_names, channels[i].name, place + ".name", "channel");
        adopt(faults, channels[i].validate(), place);
    }
    if (quota) {
        for (Error& fault : check_quota(*quota)) faults.push_back(std::move(fault));
    }
    return faults;
}

}  // namespace tidegate
