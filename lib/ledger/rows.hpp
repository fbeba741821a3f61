#pragma once

#include "ledger/person_box.hpp"
#include "ledger/schema.hpp"
#include "ledger/sqlite.hpp"
#include "tidegate/ledger/ledger.hpp"

// Values of the ledger's face, read from and written to the columns of its tables.

namespace tidegate::ledger {

/// Columns of a delivery `d`, in the order `read_delivery` expects from its first column on.
#define TIDEGATE_DELIVERY_COLUMNS                                                                       \
    "d.id, d.state, d.attempts, d.outcome, d.class, d.reason, d.flags, d.http_status, d.code, d.text, " \
    "d.provider_id, d.retry_after, d.min_backoff, d.invalid_since, d.retry_at, d.intended_at"
inline constexpr int delivery_columns = 16;

/// Columns of a recipient out of `places` p, `recipients` r and `persons` s, as `read_recipient` expects them.
#define TIDEGATE_RECIPIENT_COLUMNS "p.id, p.place, p.outcome, r.key, r.consents, r.consent_at, s.person"

/// How much of a recipient must be there.
enum class Persons {
    required,  ///< an absent (purged) or sealed person is an error: it is to be sent to
    optional   ///< addresses and fields stay empty
};

LedgerDelivery read_delivery(const Statement& row, int first);
Result<LedgerRecipient> read_recipient(const Statement& row, int first, const PersonBox& box, bool sealed,
                                       Persons persons);

/// Writes a batch inside the transaction that is open. Errors: `unavailable`; `internal` for a recipient that the
/// ledger does not have.
Result<void> write_batch(Database& database, const LedgerBatch& batch);

}  // namespace tidegate::ledger
