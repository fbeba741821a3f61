#include "tidegate/testing/faulty_ledger.hpp"

#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

namespace tidegate::testing {

namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

std::int64_t recipient_of(DeliveryId id) {
    return static_cast<std::int64_t>(id >> 16);
}

/// Everything a crash would leave behind.
struct Disk {
    std::vector<LedgerRecipient> recipients;                                 // id - 1
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::int64_t>> order;  // cohort, shard, id
    std::map<DeliveryId, LedgerDelivery> deliveries;
    std::map<std::string, std::string> meta;
    std::uint64_t attempts = 0;
    double elapsed_s = 0;

    bool knows(std::int64_t id) const { return id >= 1 && static_cast<std::size_t>(id) <= recipients.size(); }
    LedgerRecipient& recipient(std::int64_t id) { return recipients[static_cast<std::size_t>(id - 1)]; }
};

}  // namespace

struct FaultyLedger::Impl {
    mutable std::mutex mutex;
    Disk disk;
    std::uint64_t commits_left = kNever;
};

FaultyLedger::FaultyLedger() : impl_(std::make_unique<Impl>()) {}
FaultyLedger::~FaultyLedger() = default;

std::int64_t FaultyLedger::add(LedgerRecipient recipient) {
    const std::lock_guard lock(impl_->mutex);
    Disk& disk = impl_->disk;
    recipient.id = static_cast<std::int64_t>(disk.recipients.size()) + 1;
    recipient.outcome = Final::pending;
    disk.order.emplace(recipient.cohort, recipient.shard, recipient.id);
    disk.recipients.push_back(std::move(recipient));
    return disk.recipients.back().id;
}

void FaultyLedger::fail_after(std::uint64_t commits) {
    const std::lock_guard lock(impl_->mutex);
    impl_->commits_left = commits;
}

void FaultyLedger::heal() {
    fail_after(kNever);
}

std::unique_ptr<FaultyLedger> FaultyLedger::crash() const {
    auto copy = std::make_unique<FaultyLedger>();
    const std::lock_guard lock(impl_->mutex);
    copy->impl_->disk = impl_->disk;
    return copy;
}

Result<void> FaultyLedger::commit(const LedgerBatch& batch) {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->commits_left == 0) {
        return Error{Errc::unavailable, "disk full", "faulty ledger", "heal the ledger or free space, then resume"};
    }
    Disk& disk = impl_->disk;
    // Looked at before anything changes: a batch is applied whole or not at all.
    for (const auto& delivery : batch.deliveries) {
        if (!disk.knows(recipient_of(delivery.id))) {
            return Error{Errc::invalid, "a delivery belongs to no recipient", "delivery " + std::to_string(delivery.id),
                         "add the recipient first"};
        }
    }
    for (const auto& settled : batch.finals) {
        if (!disk.knows(settled.id)) {
            return Error{Errc::invalid, "a final outcome belongs to no recipient",
                         "recipient " + std::to_string(settled.id), "add the recipient first"};
        }
    }
    for (const auto& delivery : batch.deliveries) disk.deliveries[delivery.id] = delivery;
    for (const auto& settled : batch.finals) disk.recipient(settled.id).outcome = settled.outcome;
    for (const auto& [name, value] : batch.meta) disk.meta[name] = value;
    disk.attempts += batch.attempts;
    disk.elapsed_s += batch.elapsed_s;
    if (impl_->commits_left != kNever) --impl_->commits_left;
    return {};
}

Result<std::vector<LedgerRecipient>> FaultyLedger::walk(const LedgerCursor& after, std::size_t limit) {
    const std::lock_guard lock(impl_->mutex);
    Disk& disk = impl_->disk;
    std::vector<LedgerRecipient> found;
    for (auto it = disk.order.upper_bound({after.cohort, after.shard, after.id});
         it != disk.order.end() && std::get<0>(*it) == after.cohort && found.size() < limit; ++it) {
        const LedgerRecipient& recipient = disk.recipient(std::get<2>(*it));
        if (recipient.outcome == Final::pending) found.push_back(recipient);
    }
    return found;
}

Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> FaultyLedger::open(DeliveryId after,
                                                                                   std::size_t limit) {
    const std::lock_guard lock(impl_->mutex);
    Disk& disk = impl_->disk;
    std::vector<std::pair<LedgerDelivery, LedgerRecipient>> found;
    for (auto it = disk.deliveries.upper_bound(after); it != disk.deliveries.end() && found.size() < limit; ++it) {
        if (it->second.state == DeliveryState::done) continue;
        found.emplace_back(it->second, disk.recipient(recipient_of(it->first)));
    }
    return found;
}

Result<std::vector<LedgerDelivery>> FaultyLedger::of(std::int64_t recipient) {
    const std::lock_guard lock(impl_->mutex);
    Disk& disk = impl_->disk;
    std::vector<LedgerDelivery> found;
    if (!disk.knows(recipient)) return found;
    const DeliveryId first = static_cast<DeliveryId>(recipient) << 16;
    for (auto it = disk.deliveries.lower_bound(first);
         it != disk.deliveries.end() && recipient_of(it->first) == recipient; ++it) {
        found.push_back(it->second);
    }
    return found;
}

Result<std::optional<std::string>> FaultyLedger::meta(const std::string& name) {
    const std::lock_guard lock(impl_->mutex);
    const auto it = impl_->disk.meta.find(name);
    if (it == impl_->disk.meta.end()) return std::optional<std::string>{};
    return std::optional<std::string>{it->second};
}

LedgerTotals FaultyLedger::totals() const {
    const std::lock_guard lock(impl_->mutex);
    const Disk& disk = impl_->disk;
    LedgerTotals totals;
    totals.rows = totals.recipients = disk.recipients.size();
    totals.deliveries = disk.deliveries.size();
    totals.attempts = disk.attempts;
    totals.elapsed_s = disk.elapsed_s;
    for (const auto& recipient : disk.recipients) ++totals.outcomes[static_cast<std::size_t>(recipient.outcome)];
    return totals;
}

}  // namespace tidegate::testing
