// In place of the store in a library built without Redis: what cannot be kept is refused, before anything is sent.

#include "tidegate/quota/quota_state.hpp"
#include "tidegate/quota/shared_quota.hpp"

namespace tidegate {
namespace {

Error built_without() {
    return {Errc::refused, "this library was built without Redis and cannot share limits between nodes", "",
            "build with TIDEGATE_REDIS and hiredis, or leave [quota] out and send from one process"};
}

}  // namespace

Faults SharedQuotaOptions::validate() const {
    return {built_without()};
}

Result<std::unique_ptr<SharedQuota>> make_redis_quota(const SharedQuotaOptions&, Duration) {
    return built_without();
}

Result<QuotaState> read_quota_state(const SharedQuotaOptions&, const std::vector<std::string>&, Duration) {
    return built_without();
}

Result<std::uint64_t> send_quota_order(const SharedQuotaOptions&, const std::string&, const QuotaChange&, Duration) {
    return built_without();
}

}  // namespace tidegate
