#include "delivery/campaign_handle.hpp"

#include "tidegate/ledger/sqlite_ledger.hpp"

namespace tidegate {

Progress CampaignHandle::progress() const {
    Progress progress = run_->run->progress();
    for (const auto& backend : *run_->backends) {
        if (run_->run->campaign().impact.contains(backend->options().name))
            progress.backends.push_back(backend->progress());
    }
    return progress;
}

void CampaignHandle::pause(std::string_view operator_name) {
    run_->run->pause(true, operator_name);
}
void CampaignHandle::resume(std::string_view operator_name) {
    run_->run->pause(false, operator_name);
}
void CampaignHandle::set_rate(std::optional<Rate> cap, std::string_view operator_name) {
    run_->run->set_rate(cap, operator_name);
}
bool CampaignHandle::abort(std::string_view operator_name) {
    return run_->run->abort(operator_name);
}
void CampaignHandle::stop(TimePoint deadline, std::string_view operator_name) {
    run_->run->stop(deadline, operator_name);
}
void CampaignHandle::observe_opens(double count, TimePoint from, TimePoint to) {
    run_->run->observe_opens(count, from, to);
}
Result<void> CampaignHandle::observe_opens(std::span<const Open> opens) {
    return run_->run->tell_opens(opens);
}
std::optional<RunResult> CampaignHandle::wait(Duration timeout) const {
    return run_->run->wait(timeout);
}
std::string CampaignHandle::ledger_path() const {
    return run_->run->ledger_path();
}

Result<RunReport> CampaignHandle::report() const {
    Result<std::unique_ptr<SqliteLedger>> ledger =
        SqliteLedger::open_for_reading(run_->run->ledger_path(), run_->run->campaign().ledger_key);
    if (!ledger) return ledger.error();
    return read_report(**ledger);
}

}  // namespace tidegate
