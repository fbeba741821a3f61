#include "ledger/rows.hpp"

namespace tidegate::ledger {

namespace {

// Layout of the column `flags`: scope in bits 0-3, phase in bit 4, then the flags of an outcome.
enum : std::int64_t {
    flag_phase = 1 << 4,
    flag_drop_address = 1 << 5,
    flag_quarantine_address = 1 << 6,
    flag_failover_ok = 1 << 7,
    flag_abort_campaign = 1 << 8,
    flag_pause_account = 1 << 9,
    flag_refresh_credential = 1 << 10,
    flag_reconnect = 1 << 11,
    flag_reconcile = 1 << 12
};

std::int64_t flags_of(const Outcome& outcome) {
    std::int64_t flags = static_cast<std::int64_t>(outcome.scope);
    if (outcome.phase == Phase::report) flags |= flag_phase;
    if (outcome.drop_address) flags |= flag_drop_address;
    if (outcome.quarantine_address) flags |= flag_quarantine_address;
    if (outcome.failover_ok) flags |= flag_failover_ok;
    if (outcome.abort_campaign) flags |= flag_abort_campaign;
    if (outcome.pause_account) flags |= flag_pause_account;
    if (outcome.refresh_credential) flags |= flag_refresh_credential;
    if (outcome.reconnect) flags |= flag_reconnect;
    if (outcome.reconcile) flags |= flag_reconcile;
    return flags;
}

void set_flags(Outcome& outcome, std::int64_t flags) {
    outcome.scope = static_cast<Scope>(flags & 15);
    outcome.phase = (flags & flag_phase) != 0 ? Phase::report : Phase::submit;
    outcome.drop_address = (flags & flag_drop_address) != 0;
    outcome.quarantine_address = (flags & flag_quarantine_address) != 0;
    outcome.failover_ok = (flags & flag_failover_ok) != 0;
    outcome.abort_campaign = (flags & flag_abort_campaign) != 0;
    outcome.pause_account = (flags & flag_pause_account) != 0;
    outcome.refresh_credential = (flags & flag_refresh_credential) != 0;
    outcome.reconnect = (flags & flag_reconnect) != 0;
    outcome.reconcile = (flags & flag_reconcile) != 0;
}

std::optional<std::int64_t> nanoseconds(Duration duration) {
    if (duration == Duration::zero()) return std::nullopt;
    return duration.count();
}

/// An outcome out of a file: a value that is none of ours would index past the end of somebody's array.
Final final_of(std::int64_t stored) {
    return stored >= 0 && stored < static_cast<std::int64_t>(final_count) ? static_cast<Final>(stored) : Final::unknown;
}

/// Looks up where recipients stand; neighbours in a batch often are the same one.
class Places {
  public:
    explicit Places(Database& database)
        : select_(database.cached("SELECT place FROM recipients WHERE id=?1")), path_(database.connection().path) {}

    Result<std::int64_t> of(std::int64_t recipient) {
        if (recipient == last_) return place_;
        const Reset reset(select_);
        auto row = select_.with(recipient).step();
        if (!row) return std::move(row).error();
        if (!*row) return Error{Errc::internal, "the ledger has no recipient " + std::to_string(recipient), path_, ""};
        last_ = recipient;
        place_ = select_.integer(0);
        return place_;
    }

  private:
    Statement& select_;
    const std::string& path_;
    std::int64_t last_ = -1, place_ = 0;
};

#define TIDEGATE_DELIVERY_VALUES                                                                                 \
    place, delivery.id, static_cast<int>(delivery.state), delivery.attempts, static_cast<int>(delivery.outcome), \
        static_cast<int>(last.kind), static_cast<int>(last.reason), flags_of(last), last.http_status, last.code, \
        last.text, last.provider_id, retry_after, nanoseconds(last.min_backoff), last.invalid_since,             \
        delivery.retry_at, delivery.intended_at

Result<void> write_deliveries(Database& database, const std::vector<LedgerDelivery>& deliveries, Places& places) {
    auto& insert = database.cached(
        "INSERT INTO deliveries(place, id, state, attempts, outcome, class, reason, flags, http_status, code, text, "
        "provider_id, retry_after, min_backoff, invalid_since, retry_at, intended_at) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) "
        "ON CONFLICT(place, id) DO NOTHING");
    auto& update = database.cached(
        "UPDATE deliveries SET state=?3, attempts=?4, outcome=?5, class=?6, reason=?7, flags=?8, http_status=?9, "
        "code=?10, text=?11, provider_id=?12, retry_after=?13, min_backoff=?14, invalid_since=?15, retry_at=?16, "
        "intended_at=?17 WHERE place=?1 AND id=?2");
    std::int64_t added = 0;
    for (const auto& delivery : deliveries) {
        auto found = places.of(recipient_of(delivery.id));
        if (!found) return std::move(found).error();
        const std::int64_t place = *found;
        const Outcome& last = delivery.last;
        std::optional<std::int64_t> retry_after;
        if (last.retry_after) retry_after = last.retry_after->count();
        // A first intent is new, anything later is not: the likely statement goes first.
        const bool likely_new = delivery.state == DeliveryState::intended && delivery.attempts <= 1;
        for (int attempt = 0; attempt < 2; ++attempt) {
            const bool inserting = (attempt == 0) == likely_new;
            auto done = (inserting ? insert : update).with(TIDEGATE_DELIVERY_VALUES).run();
            if (!done) return done;
            if (database.changes() == 0) continue;
            if (inserting) ++added;
            break;
        }
    }
    return added == 0 ? Result<void>{} : add_to_counter(database, "deliveries", added);
}

Result<void> write_finals(Database& database, const std::vector<RecipientFinal>& finals, Places& places) {
    // Nearly every final is the first one: the likely statement goes first.
    auto& first = database.cached("UPDATE places SET outcome=?3 WHERE place=?1 AND id=?2 AND outcome=0");
    auto& select = database.cached("SELECT outcome FROM places WHERE place=?1 AND id=?2");
    auto& update = database.cached("UPDATE places SET outcome=?3 WHERE place=?1 AND id=?2");
    std::array<std::int64_t, final_count> change{};
    for (const auto& final : finals) {
        auto place = places.of(final.id);
        if (!place) return std::move(place).error();
        Final before = Final::pending;
        auto done = first.with(*place, final.id, static_cast<int>(final.outcome)).run();
        if (!done) return done;
        if (database.changes() == 0) {
            {
                const Reset reset(select);
                auto row = select.with(*place, final.id).step();
                if (!row) return std::move(row).error();
                if (*row) before = final_of(select.integer(0));
            }
            if (before == final.outcome) continue;
            if (done = update.with(*place, final.id, static_cast<int>(final.outcome)).run(); !done) return done;
        }
        --change[static_cast<std::size_t>(before)];
        ++change[static_cast<std::size_t>(final.outcome)];
    }
    for (std::size_t i = 0; i < final_count; ++i)
        if (change[i] != 0)
            if (auto done = add_to_counter(database, counter_of(static_cast<Final>(i)), change[i]); !done) return done;
    return {};
}

Result<void> write_counts(Database& database, const LedgerBatch& batch) {
    auto& cohort = database.cached(
        "INSERT OR REPLACE INTO cohorts(idx, label, canary, recipients, released, started_at, finished_at) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    for (const auto& c : batch.cohorts) {
        auto done =
            cohort.with(c.index, c.label, c.canary, c.recipients, c.released, c.started_at, c.finished_at).run();
        if (!done) return done;
    }
    auto& tally = database.cached(
        "INSERT INTO tallies(name, kind, accepted, invalid, rejected, throttled, transient, unknown) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(name) DO UPDATE SET kind=excluded.kind, "
        "accepted=accepted+excluded.accepted, invalid=invalid+excluded.invalid, rejected=rejected+excluded.rejected, "
        "throttled=throttled+excluded.throttled, transient=transient+excluded.transient, "
        "unknown=unknown+excluded.unknown");
    for (const auto& t : batch.tallies) {
        const auto& a = t.answers;
        auto done = tally.with(t.name, t.kind, a[0], a[1], a[2], a[3], a[4], a[5]).run();
        if (!done) return done;
    }
    auto& backend = database.cached(
        "INSERT INTO backends(name, slo_s, worst_p99_s, seconds_over_slo) VALUES(?1, ?2, ?3, ?4) "
        "ON CONFLICT(name) DO UPDATE SET slo_s=ifnull(excluded.slo_s, slo_s), "
        "worst_p99_s=max(ifnull(worst_p99_s, excluded.worst_p99_s), ifnull(excluded.worst_p99_s, worst_p99_s)), "
        "seconds_over_slo=ifnull(seconds_over_slo, 0)+ifnull(excluded.seconds_over_slo, 0)");
    for (const auto& b : batch.backends) {
        auto done = backend.with(b.name, b.slo_s, b.worst_p99_s, b.seconds_over_slo).run();
        if (!done) return done;
    }
    if (batch.attempts != 0)
        if (auto done = add_to_counter(database, "attempts", static_cast<std::int64_t>(batch.attempts)); !done)
            return done;
    if (batch.elapsed_s == 0) return {};
    return database.cached("UPDATE counters SET value=value+?1 WHERE name='elapsed_s'").with(batch.elapsed_s).run();
}

Result<void> write_history(Database& database, const LedgerBatch& batch) {
    auto& backend_tick = database.cached(
        "INSERT INTO backend_ticks(at, backend, p99_s, slo_s, load, errors, committed, expected, baseline, ceiling, "
        "age_s, state, reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
    for (const auto& t : batch.backend_ticks) {
        auto done = backend_tick
                        .with(t.at, t.backend, t.p99_s, t.slo_s, t.load, t.errors, t.committed, t.expected, t.baseline,
                              t.ceiling, t.age_s, t.state, t.reason)
                        .run();
        if (!done) return done;
    }
    auto& tick = database.cached("INSERT INTO ticks(at, allowed, released, cohort, reason) VALUES(?1, ?2, ?3, ?4, ?5)");
    for (const auto& t : batch.ticks)
        if (auto done = tick.with(t.at, t.allowed, t.released, t.cohort, t.reason).run(); !done) return done;
    auto& hold = database.cached(
        "INSERT OR REPLACE INTO holds(backend, from_at, to_at, signal, value, reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
    for (const auto& h : batch.holds)
        if (auto done = hold.with(h.backend, h.from, h.to, h.signal, h.value, h.reason).run(); !done) return done;
    for (const auto& event : batch.events)
        if (auto done = add_event(database, event); !done) return done;
    for (const auto& [name, value] : batch.meta)
        if (auto done = write_meta(database, name, value); !done) return done;
    return {};
}

}  // namespace

LedgerDelivery read_delivery(const Statement& row, int first) {
    LedgerDelivery delivery;
    int at = first;
    delivery.id = static_cast<DeliveryId>(row.integer(at++));
    delivery.state = static_cast<DeliveryState>(row.integer(at++));
    delivery.attempts = static_cast<std::uint32_t>(row.integer(at++));
    delivery.outcome = final_of(row.integer(at++));
    Outcome& last = delivery.last;
    const auto kind = row.integer(at++);
    last.kind = kind >= 0 && kind <= 5 ? static_cast<OutcomeClass>(kind) : OutcomeClass::unknown;
    last.reason = static_cast<Reason>(row.integer(at++));
    set_flags(last, row.integer(at++));
    last.http_status = static_cast<int>(row.integer(at++));
    last.code = row.text(at++);
    last.text = row.text(at++);
    last.provider_id = row.text(at++);
    if (!row.null(at)) last.retry_after = Duration(row.integer(at));
    ++at;
    last.min_backoff = Duration(row.integer(at++));
    last.invalid_since = row.maybe_time(at++);
    delivery.retry_at = row.maybe_time(at++);
    delivery.intended_at = row.time(at++);
    return delivery;
}

Result<LedgerRecipient> read_recipient(const Statement& row, int first, const PersonBox& box, bool sealed,
                                       Persons persons) {
    LedgerRecipient recipient;
    recipient.id = row.integer(first);
    recipient.cohort = cohort_of(row.integer(first + 1));
    recipient.shard = shard_of(row.integer(first + 1));
    recipient.outcome = final_of(row.integer(first + 2));
    recipient.person.key = row.text(first + 3);
    const auto consents = row.integer(first + 4);
    recipient.person.consent = (consents & 1) != 0 ? Consent::given : Consent::none;
    recipient.person.night_consent = (consents & 2) != 0 ? Consent::given : Consent::none;
    recipient.person.consent_at = row.maybe_time(first + 5);
    const bool purged = row.null(first + 6);
    const bool closed = sealed && !box.seals();
    if (!purged && !closed) {
        if (auto taken = box.take(row.text(first + 6), recipient.person); !taken) return std::move(taken).error();
    } else if (persons == Persons::required) {
        if (purged)
            return Error{Errc::refused, "the personal data of this ledger were purged: nobody can be sent to", "", ""};
        return Error{Errc::refused, "the ledger is sealed", "", "give [ledger] key"};
    }
    return recipient;
}

Result<void> write_batch(Database& database, const LedgerBatch& batch) {
    Places places(database);
    auto done = write_deliveries(database, batch.deliveries, places);
    if (done) done = write_finals(database, batch.finals, places);
    if (done) done = write_counts(database, batch);
    if (done) done = write_history(database, batch);
    return done;
}

}  // namespace tidegate::ledger
