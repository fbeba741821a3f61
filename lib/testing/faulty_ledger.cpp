#include "tidegate/testing/faulty_ledger.hpp"

#include <limits>
#include <mutex>
#include <utility>

#include "ledger/memory_ledger.hpp"

namespace tidegate::testing {

namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

struct FaultyLedger::Impl {
    ledger::MemoryLedger ledger;
    std::mutex mutex;
    std::uint64_t commits_left = kNever;
};

FaultyLedger::FaultyLedger() : impl_(std::make_unique<Impl>()) {}
FaultyLedger::~FaultyLedger() = default;

std::int64_t FaultyLedger::add(LedgerRecipient recipient) {
    return impl_->ledger.add(std::move(recipient));
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
    copy->impl_->ledger = impl_->ledger.snapshot();
    return copy;
}

Result<void> FaultyLedger::commit(const LedgerBatch& batch) {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->commits_left == 0) {
        return Error{Errc::unavailable, "disk full", "faulty ledger", "heal the ledger or free space, then resume"};
    }
    Result<void> done = impl_->ledger.commit(batch);
    if (done && impl_->commits_left != kNever) --impl_->commits_left;
    return done;
}

Result<std::vector<LedgerRecipient>> FaultyLedger::walk(const LedgerCursor& after, std::size_t limit) {
    return impl_->ledger.walk(after, limit);
}

Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> FaultyLedger::open(DeliveryId after,
                                                                                   std::size_t limit) {
    return impl_->ledger.open(after, limit);
}

Result<LedgerEntry> FaultyLedger::of(std::int64_t recipient) {
    return impl_->ledger.of(recipient);
}

Result<std::optional<std::string>> FaultyLedger::meta(const std::string& name) {
    return impl_->ledger.meta(name);
}

LedgerTotals FaultyLedger::totals() const {
    return impl_->ledger.totals();
}

}  // namespace tidegate::testing
