#include <iostream>

#include "command.hpp"
#include "tidegate/delivery/collect.hpp"
#include "tidegate/delivery/config.hpp"

namespace tidegate::cli {

int collect(const CollectCommand& options) {
    const bool json = options.common.json;
    Result<LoadedCampaign, Faults> loaded = load_campaign(options.common.file);
    if (!loaded) return tell(loaded.error(), json);
    const CollectOptions collecting{ledger_directory(loaded->directory, options.ledger), operator_name()};
    Result<Collected, Faults> seen = collect_reports(loaded->site, loaded->campaign, collecting);
    if (!seen) {
        const bool vendor = seen.error().front().code == Errc::unavailable;
        return tell(seen.error(), json, vendor ? environment : refused);
    }
    if (json) {
        std::cout << "{\"delivered\":" << seen->delivered << ",\"undelivered\":" << seen->undelivered
                  << ",\"unknown\":" << seen->unknown << ",\"awaiting\":" << seen->awaiting
                  << ",\"to_resend\":" << seen->to_resend << "}\n";
    } else {
        std::cout << grouped(seen->delivered) << " delivered, " << grouped(seen->undelivered) << " not, "
                  << grouped(seen->unknown) << " unknown, " << grouped(seen->awaiting) << " still awaited\n";
        if (seen->to_resend > 0) {
            std::cout << grouped(seen->to_resend) << " recipients go on to the next channel: run the campaign again\n";
        }
    }
    return seen->to_resend > 0 ? pending : ok;
}

}  // namespace tidegate::cli
