#include "ledger/memory_ledger.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_set>

#include "ledger/schema.hpp"

namespace tidegate::ledger {

namespace {

/// Larger, where either may be unknown.
double worst_of(double a, double b) {
    return std::isnan(a) ? b : std::isnan(b) ? a : std::max(a, b);
}

template <class Map>
std::vector<typename Map::mapped_type> values_of(const Map& map) {
    std::vector<typename Map::mapped_type> values;
    for (const auto& entry : map) values.push_back(entry.second);
    return values;
}

/// Everything a crash would leave behind.
struct Content {
    std::vector<LedgerRecipient> recipients;                                 // id - 1
    std::vector<std::vector<LedgerDelivery>> deliveries;                     // likewise, each in order of id
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::int64_t>> order;  // cohort, shard, id
    LedgerTotals totals;
    std::map<std::uint32_t, CohortRecord> cohorts;
    std::map<std::string, ChannelTally> tallies;
    std::map<std::string, BackendSummary> backends;
    std::map<std::pair<WallTime, std::string>, HoldRecord> holds;
    std::vector<CampaignTick> ticks;
    std::vector<BackendTick> backend_ticks;
    std::vector<EventRecord> events;
    std::vector<MalformedRecord> malformed;
    std::map<std::string, std::string> meta;

    bool knows(std::int64_t id) const { return id >= 1 && static_cast<std::size_t>(id) <= recipients.size(); }
    LedgerRecipient& recipient(std::int64_t id) { return recipients[static_cast<std::size_t>(id - 1)]; }
    std::vector<LedgerDelivery>& deliveries_of(std::int64_t id) { return deliveries[static_cast<std::size_t>(id - 1)]; }

    std::int64_t add(LedgerRecipient recipient) {
        recipient.id = static_cast<std::int64_t>(recipients.size()) + 1;
        recipient.outcome = Final::pending;
        order.emplace(recipient.cohort, recipient.shard, recipient.id);
        recipients.push_back(std::move(recipient));
        deliveries.emplace_back();
        ++totals.recipients;
        ++totals.outcomes[static_cast<std::size_t>(Final::pending)];
        return recipients.back().id;
    }

    void put(const LedgerDelivery& delivery) {
        std::vector<LedgerDelivery>& mine = deliveries_of(recipient_of(delivery.id));
        const auto at = std::lower_bound(mine.begin(), mine.end(), delivery.id,
                                         [](const LedgerDelivery& known, DeliveryId id) { return known.id < id; });
        if (at != mine.end() && at->id == delivery.id) {
            *at = delivery;
            return;
        }
        mine.insert(at, delivery);
        ++totals.deliveries;
    }

    void close(const RecipientFinal& settled) {
        Final& outcome = recipient(settled.id).outcome;
        --totals.outcomes[static_cast<std::size_t>(outcome)];
        ++totals.outcomes[static_cast<std::size_t>(settled.outcome)];
        outcome = settled.outcome;
    }

    void count(const LedgerBatch& batch) {
        totals.attempts += batch.attempts;
        totals.elapsed_s += batch.elapsed_s;
        for (const CohortRecord& cohort : batch.cohorts) cohorts[cohort.index] = cohort;
        for (const ChannelTally& tally : batch.tallies) {
            ChannelTally& known = tallies.try_emplace(tally.name, ChannelTally{tally.name, {}, {}}).first->second;
            known.kind = tally.kind;
            for (std::size_t i = 0; i < tally.answers.size(); ++i) known.answers[i] += tally.answers[i];
        }
        for (const BackendSummary& backend : batch.backends) {
            const auto [known, fresh] = backends.try_emplace(backend.name, backend);
            if (fresh) continue;
            known->second.slo_s = backend.slo_s;
            known->second.worst_p99_s = worst_of(known->second.worst_p99_s, backend.worst_p99_s);
            known->second.seconds_over_slo += backend.seconds_over_slo;
        }
        for (const HoldRecord& hold : batch.holds) holds[{hold.from, hold.backend}] = hold;
        ticks.insert(ticks.end(), batch.ticks.begin(), batch.ticks.end());
        backend_ticks.insert(backend_ticks.end(), batch.backend_ticks.begin(), batch.backend_ticks.end());
        events.insert(events.end(), batch.events.begin(), batch.events.end());
        for (const auto& [name, value] : batch.meta) meta[name] = value;
    }
};

}  // namespace

struct MemoryLedger::Memory {
    mutable std::mutex mutex;
    Content content;
};

MemoryLedger::MemoryLedger() : memory_(std::make_shared<Memory>()) {}
MemoryLedger::MemoryLedger(std::shared_ptr<Memory> memory) : memory_(std::move(memory)) {}
MemoryLedger::~MemoryLedger() = default;

MemoryLedger MemoryLedger::snapshot() const {
    const std::lock_guard lock(memory_->mutex);
    auto copy = std::make_shared<Memory>();
    copy->content = memory_->content;
    return MemoryLedger(std::move(copy));
}

std::int64_t MemoryLedger::add(LedgerRecipient recipient) {
    const std::lock_guard lock(memory_->mutex);
    ++memory_->content.totals.rows;
    return memory_->content.add(std::move(recipient));
}

Result<void, Faults> MemoryLedger::ingest(AudienceSource& audience, const AudienceMapping& mapping, CohortPlan plan) {
    auto reader = RecipientReader::bind(mapping, audience.columns());
    if (!reader) return std::move(reader).error();
    const std::lock_guard lock(memory_->mutex);
    Content& memory = memory_->content;
    std::unordered_set<std::string> keys;
    for (const LedgerRecipient& known : memory.recipients) keys.insert(known.person.key);
    for (AudienceRow row;;) {
        auto more = audience.next(row);
        if (!more) return Faults{std::move(more).error()};
        if (!*more) break;
        ++memory.totals.rows;
        Result<Recipient> person = Error{Errc::invalid, row.malformed, "", ""};
        if (row.malformed.empty()) person = reader->read(row.values);
        if (!person) {
            ++memory.totals.malformed;
            if (memory.malformed.size() < malformed_stored)
                memory.malformed.push_back({row.number, person.error().what});
            continue;
        }
        if (!keys.insert(person->key).second) {
            ++memory.totals.duplicates;
            continue;
        }
        auto place = plan.place(person->key, person->cohort_value);
        if (!place) return Faults{std::move(place).error()};
        LedgerRecipient recipient{.cohort = place->cohort, .shard = place->shard};
        recipient.person = std::move(*person);
        memory.add(std::move(recipient));
    }
    for (std::uint32_t i = 0; i < plan.cohorts(); ++i)
        memory.cohorts[i] = {i, plan.label(i), i < plan.canaries(), 0, 0, {}, {}};
    for (const LedgerRecipient& recipient : memory.recipients) ++memory.cohorts[recipient.cohort].recipients;
    return {};
}

Result<void> MemoryLedger::commit(const LedgerBatch& batch) {
    const std::lock_guard lock(memory_->mutex);
    Content& memory = memory_->content;
    // Looked at before anything changes: a batch is applied whole or not at all.
    for (const LedgerDelivery& delivery : batch.deliveries)
        if (!memory.knows(recipient_of(delivery.id)))
            return Error{Errc::invalid, "a delivery belongs to no recipient", "delivery " + std::to_string(delivery.id),
                         "add the recipient first"};
    for (const RecipientFinal& settled : batch.finals)
        if (!memory.knows(settled.id))
            return Error{Errc::invalid, "a final outcome belongs to no recipient",
                         "recipient " + std::to_string(settled.id), "add the recipient first"};
    for (const LedgerDelivery& delivery : batch.deliveries) memory.put(delivery);
    for (const RecipientFinal& settled : batch.finals) memory.close(settled);
    memory.count(batch);
    return {};
}

Result<std::vector<LedgerRecipient>> MemoryLedger::walk(const LedgerCursor& after, std::size_t limit) {
    const std::lock_guard lock(memory_->mutex);
    std::vector<LedgerRecipient> found;
    for (auto it = memory_->content.order.upper_bound({after.cohort, after.shard, after.id});
         it != memory_->content.order.end() && std::get<0>(*it) == after.cohort && found.size() < limit; ++it) {
        const LedgerRecipient& recipient = memory_->content.recipient(std::get<2>(*it));
        if (recipient.outcome == Final::pending) found.push_back(recipient);
    }
    return found;
}

Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> MemoryLedger::open(DeliveryId after,
                                                                                   std::size_t limit) {
    const std::lock_guard lock(memory_->mutex);
    std::vector<std::pair<LedgerDelivery, LedgerRecipient>> found;
    for (auto id = std::max<std::int64_t>(1, recipient_of(after)); memory_->content.knows(id) && found.size() < limit;
         ++id)
        for (const LedgerDelivery& delivery : memory_->content.deliveries_of(id))
            if (delivery.id > after && delivery.state != DeliveryState::done && found.size() < limit)
                found.emplace_back(delivery, memory_->content.recipient(id));
    return found;
}

Result<LedgerEntry> MemoryLedger::of(std::int64_t recipient) {
    const std::lock_guard lock(memory_->mutex);
    if (!memory_->content.knows(recipient)) return LedgerEntry{};
    return LedgerEntry{memory_->content.recipient(recipient), memory_->content.deliveries_of(recipient)};
}

Result<std::optional<std::string>> MemoryLedger::meta(const std::string& name) {
    const std::lock_guard lock(memory_->mutex);
    const auto found = memory_->content.meta.find(name);
    return found == memory_->content.meta.end() ? std::optional<std::string>{} : found->second;
}

LedgerTotals MemoryLedger::totals() const {
    const std::lock_guard lock(memory_->mutex);
    return memory_->content.totals;
}

std::vector<CohortRecord> MemoryLedger::cohorts() const {
    const std::lock_guard lock(memory_->mutex);
    return values_of(memory_->content.cohorts);
}

std::vector<ChannelTally> MemoryLedger::tallies() const {
    const std::lock_guard lock(memory_->mutex);
    return values_of(memory_->content.tallies);
}

std::vector<BackendSummary> MemoryLedger::backends() const {
    const std::lock_guard lock(memory_->mutex);
    return values_of(memory_->content.backends);
}

std::vector<HoldRecord> MemoryLedger::holds() const {
    const std::lock_guard lock(memory_->mutex);
    return values_of(memory_->content.holds);
}

std::vector<CampaignTick> MemoryLedger::ticks() const {
    const std::lock_guard lock(memory_->mutex);
    return memory_->content.ticks;
}

std::vector<EventRecord> MemoryLedger::events() const {
    const std::lock_guard lock(memory_->mutex);
    return memory_->content.events;
}

std::vector<MalformedRecord> MemoryLedger::malformed(std::size_t limit) const {
    const std::lock_guard lock(memory_->mutex);
    const auto end = memory_->content.malformed.begin() +
                     static_cast<std::ptrdiff_t>(std::min(limit, memory_->content.malformed.size()));
    return {memory_->content.malformed.begin(), end};
}

}  // namespace tidegate::ledger
