#include "tidegate/ledger/sqlite_ledger.hpp"

#include <limits>

#include "ledger/impl.hpp"
#include "ledger/rows.hpp"
#include "ledger/schema.hpp"

namespace tidegate {

namespace {

using ledger::Database;
using ledger::Reset;
using ledger::Statement;

constexpr const char* select_deliveries_of = "SELECT " TIDEGATE_DELIVERY_COLUMNS
                                             " FROM deliveries d WHERE d.place=(SELECT place FROM recipients WHERE "
                                             "id=?1) AND d.id>=?2 AND d.id<?3 ORDER BY d.id";

/// Everything a query yields, one element a row.
template <class T, class Read>
Result<std::vector<T>> collect(Statement& statement, Read read) {
    const Reset reset(statement);
    std::vector<T> all;
    while (true) {
        auto row = statement.step();
        if (!row) return std::move(row).error();
        if (!*row) return all;
        all.push_back(read(statement));
    }
}

Result<std::vector<LedgerDelivery>> deliveries_of(Database& database, std::int64_t recipient) {
    if (recipient < 0 || recipient >= (std::int64_t{1} << 47) - 1) return std::vector<LedgerDelivery>{};
    auto& select = database.cached(select_deliveries_of).with(recipient, recipient << 16, (recipient + 1) << 16);
    return collect<LedgerDelivery>(select, [](Statement& row) { return ledger::read_delivery(row, 0); });
}

std::int64_t as_limit(std::size_t limit) {
    return static_cast<std::int64_t>(std::min<std::size_t>(limit, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

Result<void> SqliteLedger::commit(const LedgerBatch& batch) {
    const std::lock_guard guard(impl_->writing);
    if (!impl_->writer.is_open()) return Error{Errc::refused, "the ledger is open for reading only", impl_->path, ""};
    if (batch.empty()) return {};
    Database& writer = impl_->writer;
    auto done = writer.exec("BEGIN IMMEDIATE");
    if (done) done = ledger::write_batch(writer, batch);
    if (done) done = writer.exec("COMMIT");
    if (!done) writer.rollback();
    return done;
}

Result<std::vector<LedgerRecipient>> SqliteLedger::walk(const LedgerCursor& after, std::size_t limit) {
    const std::lock_guard guard(impl_->reading);
    auto& select = impl_->reader.cached(
        "SELECT " TIDEGATE_RECIPIENT_COLUMNS
        " FROM places p CROSS JOIN recipients r ON r.id=p.id LEFT JOIN persons s ON s.id=p.id"
        " WHERE (p.place, p.id)>(?1, ?2) AND p.place<=?3 AND p.outcome=0 ORDER BY p.place, p.id LIMIT ?4");
    const Reset reset(select);
    select.with(ledger::place_of(after.cohort, after.shard), after.id, ledger::place_of(after.cohort, 0xffff),
                as_limit(limit));
    std::vector<LedgerRecipient> found;
    while (true) {
        auto row = select.step();
        if (!row) return std::move(row).error();
        if (!*row) return found;
        auto recipient = ledger::read_recipient(select, 0, impl_->box, impl_->sealed, ledger::Persons::required);
        if (!recipient) {
            recipient.error().where = impl_->path;
            return std::move(recipient).error();
        }
        found.push_back(std::move(*recipient));
    }
}

Result<std::vector<std::pair<LedgerDelivery, LedgerRecipient>>> SqliteLedger::open(DeliveryId after,
                                                                                   std::size_t limit) {
    std::vector<std::pair<LedgerDelivery, LedgerRecipient>> found;
    if (after > static_cast<DeliveryId>(std::numeric_limits<std::int64_t>::max())) return found;
    const std::lock_guard guard(impl_->reading);
    auto& select = impl_->reader.cached(
        "SELECT " TIDEGATE_DELIVERY_COLUMNS ", " TIDEGATE_RECIPIENT_COLUMNS
        " FROM deliveries d INDEXED BY open_deliveries CROSS JOIN places p ON p.place=d.place AND p.id=d.id>>16"
        " CROSS JOIN recipients r ON r.id=p.id LEFT JOIN persons s ON s.id=p.id"
        " WHERE d.state<>3 AND d.id>?1 ORDER BY d.id LIMIT ?2");
    const Reset reset(select);
    select.with(after, as_limit(limit));
    while (true) {
        auto row = select.step();
        if (!row) return std::move(row).error();
        if (!*row) return found;
        auto recipient = ledger::read_recipient(select, ledger::delivery_columns, impl_->box, impl_->sealed,
                                                ledger::Persons::optional);
        if (!recipient) {
            recipient.error().where = impl_->path;
            return std::move(recipient).error();
        }
        found.emplace_back(ledger::read_delivery(select, 0), std::move(*recipient));
    }
}

Result<LedgerEntry> SqliteLedger::of(std::int64_t recipient) {
    const std::lock_guard guard(impl_->reading);
    LedgerEntry entry;
    {
        auto& select = impl_->reader.cached(
            "SELECT " TIDEGATE_RECIPIENT_COLUMNS
            " FROM recipients r JOIN places p ON p.place=r.place AND p.id=r.id LEFT JOIN persons s ON s.id=r.id"
            " WHERE r.id=?1");
        const Reset reset(select);
        auto row = select.with(recipient).step();
        if (!row) return std::move(row).error();
        if (!*row) return entry;
        auto found = ledger::read_recipient(select, 0, impl_->box, impl_->sealed, ledger::Persons::optional);
        if (!found) {
            found.error().where = impl_->path;
            return std::move(found).error();
        }
        entry.recipient = std::move(*found);
    }
    auto deliveries = deliveries_of(impl_->reader, recipient);
    if (!deliveries) return std::move(deliveries).error();
    entry.deliveries = std::move(*deliveries);
    return entry;
}

Result<std::optional<std::string>> SqliteLedger::meta(const std::string& name) {
    const std::lock_guard guard(impl_->reading);
    return ledger::read_meta(impl_->reader, name);
}

Result<LedgerTotals> SqliteLedger::totals() {
    const std::lock_guard guard(impl_->reading);
    auto& select = impl_->reader.cached("SELECT name, value FROM counters");
    const Reset reset(select);
    LedgerTotals totals;
    const std::pair<std::string_view, std::uint64_t*> counts[] = {{"rows", &totals.rows},
                                                                  {"malformed", &totals.malformed},
                                                                  {"duplicates", &totals.duplicates},
                                                                  {"recipients", &totals.recipients},
                                                                  {"deliveries", &totals.deliveries},
                                                                  {"attempts", &totals.attempts}};
    while (true) {
        auto row = select.step();
        if (!row) return std::move(row).error();
        if (!*row) return totals;
        const std::string name(select.text(0));
        if (name == "elapsed_s") totals.elapsed_s = select.real(1);
        for (const auto& [known, value] : counts)
            if (name == known) *value = static_cast<std::uint64_t>(select.integer(1));
        for (std::size_t i = 0; i < final_count; ++i)
            if (name == ledger::counter_of(static_cast<Final>(i)))
                totals.outcomes[i] = static_cast<std::uint64_t>(select.integer(1));
    }
}

Result<std::vector<CohortRecord>> SqliteLedger::cohorts() {
    const std::lock_guard guard(impl_->reading);
    return collect<CohortRecord>(
        impl_->reader.cached("SELECT idx, label, canary, recipients, released, started_at, finished_at FROM cohorts "
                             "ORDER BY idx"),
        [](Statement& row) {
            return CohortRecord{static_cast<std::uint32_t>(row.integer(0)),
                                std::string(row.text(1)),
                                row.integer(2) != 0,
                                static_cast<std::uint64_t>(row.integer(3)),
                                static_cast<std::uint64_t>(row.integer(4)),
                                row.maybe_time(5),
                                row.maybe_time(6)};
        });
}

Result<std::vector<ChannelTally>> SqliteLedger::tallies() {
    const std::lock_guard guard(impl_->reading);
    return collect<ChannelTally>(
        impl_->reader.cached(
            "SELECT name, kind, accepted, invalid, rejected, throttled, transient, unknown FROM tallies ORDER BY name"),
        [](Statement& row) {
            ChannelTally tally{std::string(row.text(0)), std::string(row.text(1)), {}};
            for (int i = 0; i < 6; ++i)
                tally.answers[static_cast<std::size_t>(i)] = static_cast<std::uint64_t>(row.integer(2 + i));
            return tally;
        });
}

Result<std::vector<BackendSummary>> SqliteLedger::backends() {
    const std::lock_guard guard(impl_->reading);
    return collect<BackendSummary>(
        impl_->reader.cached("SELECT name, slo_s, worst_p99_s, seconds_over_slo FROM backends ORDER BY name"),
        [](Statement& row) {
            return BackendSummary{std::string(row.text(0)), row.real(1), row.real(2), row.real(3)};
        });
}

Result<std::vector<HoldRecord>> SqliteLedger::holds() {
    const std::lock_guard guard(impl_->reading);
    return collect<HoldRecord>(
        impl_->reader.cached("SELECT backend, from_at, to_at, signal, value, reason FROM holds ORDER BY from_at, "
                             "backend"),
        [](Statement& row) {
            return HoldRecord{std::string(row.text(0)), row.time(1), row.maybe_time(2),
                              std::string(row.text(3)), row.real(4), std::string(row.text(5))};
        });
}

Result<std::vector<BackendTick>> SqliteLedger::backend_ticks() {
    const std::lock_guard guard(impl_->reading);
    return collect<BackendTick>(
        impl_->reader.cached("SELECT at, backend, p99_s, slo_s, load, errors, committed, expected, baseline, ceiling, "
                             "age_s, state, reason FROM backend_ticks ORDER BY id"),
        [](Statement& row) {
            return BackendTick{row.time(0),
                               std::string(row.text(1)),
                               row.real(2),
                               row.real(3),
                               row.real(4),
                               row.real(5),
                               row.real(6),
                               row.real(7),
                               row.real(8),
                               row.real(9),
                               row.real(10),
                               std::string(row.text(11)),
                               std::string(row.text(12))};
        });
}

Result<std::vector<CampaignTick>> SqliteLedger::ticks() {
    const std::lock_guard guard(impl_->reading);
    return collect<CampaignTick>(
        impl_->reader.cached("SELECT at, allowed, released, cohort, reason FROM ticks ORDER BY id"),
        [](Statement& row) {
            return CampaignTick{row.time(0), row.real(1), static_cast<std::uint64_t>(row.integer(2)),
                                static_cast<std::uint32_t>(row.integer(3)), std::string(row.text(4))};
        });
}

Result<std::vector<EventRecord>> SqliteLedger::events() {
    const std::lock_guard guard(impl_->reading);
    return collect<
        EventRecord>(impl_->reader.cached("SELECT at, kind, detail, operator FROM events ORDER BY id"), [](Statement&
                                                                                                               row) {
        return EventRecord{row.time(0), std::string(row.text(1)), std::string(row.text(2)), std::string(row.text(3))};
    });
}

Result<std::vector<MalformedRecord>> SqliteLedger::malformed(std::size_t limit) {
    const std::lock_guard guard(impl_->reading);
    return collect<MalformedRecord>(
        impl_->reader.cached("SELECT row, reason FROM malformed ORDER BY row LIMIT ?1").with(as_limit(limit)),
        [](Statement& row) {
            return MalformedRecord{static_cast<std::uint64_t>(row.integer(0)), std::string(row.text(1))};
        });
}

Result<void> SqliteLedger::for_each(
    const std::vector<Final>& outcomes,
    const std::function<void(const LedgerRecipient&, const std::vector<LedgerDelivery>&)>& each) {
    if (outcomes.empty()) return {};
    // A connection of its own: one snapshot for the whole walk, and the callback may ask the ledger meanwhile.
    auto opened = ledger::open_reader(impl_->path);
    if (!opened) return std::move(opened).error();
    Database& database = *opened;
    std::string list;
    for (const Final outcome : outcomes) list += (list.empty() ? "" : ", ") + std::to_string(static_cast<int>(outcome));
    // Only numbers are sorted, in a temporary file when they are many: nothing personal may lie outside the ledger.
    const std::string sql = "SELECT id FROM places WHERE outcome IN (" + list + ") ORDER BY id";
    if (auto begun = database.exec("BEGIN"); !begun) return begun;
    auto select = database.prepare(sql.c_str());
    auto& one = database.cached("SELECT " TIDEGATE_RECIPIENT_COLUMNS
                                " FROM recipients r CROSS JOIN places p ON p.place=r.place AND p.id=r.id"
                                " LEFT JOIN persons s ON s.id=r.id WHERE r.id=?1");
    try {
        while (true) {
            auto row = select.step();
            if (!row) return std::move(row).error();
            if (!*row) return {};
            const std::int64_t id = select.integer(0);
            auto found = one.with(id).step();
            if (!found) return std::move(found).error();
            if (!*found) return Error{Errc::unavailable, "the ledger is damaged: a recipient is gone", impl_->path, ""};
            auto recipient = ledger::read_recipient(one, 0, impl_->box, impl_->sealed, ledger::Persons::optional);
            one.reset();
            if (!recipient) return std::move(recipient).error();
            auto deliveries = deliveries_of(database, id);
            if (!deliveries) return std::move(deliveries).error();
            each(*recipient, *deliveries);
        }
    } catch (const std::exception& fault) {
        return Error{Errc::internal, std::string("the reader of the ledger threw: ") + fault.what(), impl_->path, ""};
    } catch (...) {
        return Error{Errc::internal, "the reader of the ledger threw", impl_->path, ""};
    }
}

}  // namespace tidegate
