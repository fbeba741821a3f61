// What vendors say later about messages they took. Reports are told from any thread and put into the ledger by the
// feeder, by the rules by which it settles answers: one path, whether they were fetched or handed in.

#include <algorithm>

#include "delivery/campaign_run.hpp"
#include "delivery/reports.hpp"

namespace tidegate::delivery {

namespace {

constexpr std::size_t most_told = 200'000;    // reports that may wait for the feeder
constexpr std::size_t at_once = 500;          // read back from the ledger in one round
constexpr std::size_t most_working = 20'000;  // recipients under way; bounds memory

}  // namespace

CampaignRun::Told CampaignRun::tell_reports(const std::string& account, std::vector<channel::VendorReport> reports) {
    const auto mine =
        std::find_if(accounts_.begin(), accounts_.end(), [&](const Account* one) { return one->name() == account; });
    if (mine == accounts_.end()) return Told::taken;
    const auto index = static_cast<std::size_t>(mine - accounts_.begin());
    {
        const std::lock_guard lock(reports_mutex_);
        if (reports_closed_) return Told::ended;
        if (reports_told_.size() + reports.size() > most_told) return Told::full;
        for (channel::VendorReport& one : reports) reports_told_.push_back({index, std::move(one)});
    }
    wake_feeder_();
    return Told::taken;
}

std::vector<std::string> CampaignRun::due_reports(const std::string& account, TimePoint now, std::size_t at_most) {
    std::vector<std::string> found;
    const std::lock_guard lock(reports_mutex_);
    if (reports_closed_) return found;
    const auto mine = [&](std::size_t index) { return accounts_[index]->name() == account; };
    for (AwaitedReports::Request& request : awaited_.due(now, at_most, mine))
        found.push_back(std::move(request.second));
    return found;
}

bool CampaignRun::reports_owed() const {
    const std::lock_guard lock(reports_mutex_);
    return !awaited_.empty();
}

void CampaignRun::close_reports() {
    reports_.clear();
    const std::lock_guard lock(reports_mutex_);
    reports_closed_ = true;
    reports_told_.clear();
    awaited_ = {};
}

void CampaignRun::take_reports(TimePoint now) {
    unwritten_.written(written_.load());
    {
        const std::lock_guard lock(reports_mutex_);
        for (Report& report : reports_told_) reports_.push_back(std::move(report));
        reports_told_.clear();
    }
    double nowhere = 0;
    for (std::size_t left = std::min(reports_.size(), at_once); left > 0; --left) {
        Report report = std::move(reports_.front());
        reports_.pop_front();
        const Heard heard = hear(report, now);
        if (heard == Heard::reached_nobody) ++nowhere;
        if (heard == Heard::later) reports_.push_back(std::move(report));
    }
    if (nowhere == 0) return;
    const std::lock_guard lock(pace_mutex_);
    reaction_.take_back(nowhere, now);  // nobody will open these; whoever the next step reaches counts when it is sent
}

CampaignRun::Heard CampaignRun::hear(const Report& report, TimePoint now) {
    const DeliveryId id = report.said.about.delivery;
    if (report.said.about.campaign != mark_) return Heard::nothing;
    if (step_of(id) >= steps_.size() || account_of(id) != report.account) return Heard::nothing;
    const std::int64_t recipient = recipient_of(id);
    if (unwritten_.contains(recipient)) return Heard::later;
    if (const auto known = working_.find(recipient); known != working_.end()) {
        return put_report(known->second, report, now);
    }
    if (working_.size() >= most_working) return Heard::later;
    Result<LedgerEntry> entry = ledger_->of(recipient);
    if (!entry) return Heard::later;  // a disk in trouble; the walk over the audience says so
    if (entry->recipient.id == 0) return Heard::nothing;

    const Final before = entry->recipient.outcome;
    Work work{std::move(entry->recipient), std::move(entry->deliveries)};
    const LedgerDelivery* delivery = delivery_of(work, id);
    // Most reports that come twice end here, without anybody being taken up for them.
    if (delivery == nullptr || !open_to_report(*delivery)) return Heard::nothing;
    Work& mine = working_.emplace(recipient, std::move(work)).first->second;
    const Heard heard = put_report(mine, report, now);
    if (heard == Heard::nothing) {
        working_.erase(recipient);
        return heard;
    }
    job_.reopened.push_back(before);
    // Closed again in the same breath, or open for the next step.
    if (working_.contains(recipient)) job_.batch.finals.push_back({recipient, Final::pending});
    return heard;
}

CampaignRun::Heard CampaignRun::put_report(Work& work, const Report& report, TimePoint now) {
    const DeliveryId id = report.said.about.delivery;
    LedgerDelivery* delivery = delivery_of(work, id);
    if (delivery == nullptr) return Heard::nothing;
    // A report may overtake the answer to the request itself.
    if (delivery->state == DeliveryState::intended && delivery->attempts == report.said.about.attempt) {
        return Heard::later;
    }
    const std::string request = request_of(delivery->last.provider_id);
    if (!take_report(*delivery, report.said)) return Heard::nothing;
    {
        const std::lock_guard lock(reports_mutex_);
        awaited_.settle({report.account, request});
    }
    judge_account({this, id}, report.account, report.said.outcome, false, now);
    job_.batch.deliveries.push_back(*delivery);
    const bool nobody = delivery->outcome == Final::undelivered;
    proceed(work.recipient.id, now);
    return nobody ? Heard::reached_nobody : Heard::reached;
}

}  // namespace tidegate::delivery
