// What it costs to make a batch durable: SQLite with synchronous=FULL on a real directory (TMPDIR).

#include <benchmark/benchmark.h>

#include <stdexcept>

#include "../support/temp_dir.hpp"
#include "../support/vector_audience.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"

namespace tidegate {
namespace {

/// A ledger of 100,000 recipients, and those of them in the order of sending.
struct Campaign {
    Campaign() {
        constexpr std::size_t people = 100'000;
        IngestOptions options;
        options.path = dir.file("bench.ledger");
        options.campaign_id = "bench-ledger";
        options.mapping.key = "key";
        options.mapping.address_columns = {{"webhook", "address"}};
        options.cohorts.count = 1;
        options.now = system_clock().wall();
        test::VectorAudience audience = test::VectorAudience::of(people);
        if (!SqliteLedger::ingest(audience, options)) throw std::runtime_error("the ledger could not be made");
        auto opened = SqliteLedger::open_for_sending(options.path, {});
        if (!opened) throw std::runtime_error(opened.error().text());
        ledger = std::move(*opened);
        LedgerCursor cursor;
        while (order.size() < people) {
            const auto some = ledger->walk(cursor, 10'000);
            if (!some || some->empty()) throw std::runtime_error("the ledger could not be walked");
            for (const LedgerRecipient& one : *some) order.push_back(one.id);
            cursor = {some->back().cohort, some->back().shard, some->back().id};
        }
    }

    /// The next `size` recipients' deliveries in one state.
    LedgerBatch batch(std::size_t size, DeliveryState reached) {
        LedgerBatch made;
        for (std::size_t i = 0; i < size; ++i) {
            const std::int64_t recipient = order[next++ % order.size()];
            LedgerDelivery delivery;
            delivery.id = static_cast<DeliveryId>(recipient) << 16;
            delivery.state = reached;
            delivery.attempts = 1;
            delivery.intended_at = system_clock().wall();
            if (reached == DeliveryState::done) {
                delivery.outcome = Final::accepted;
                delivery.last = accepted("m1");
                made.finals.push_back({recipient, Final::accepted});
            }
            made.deliveries.push_back(std::move(delivery));
        }
        if (reached == DeliveryState::intended) made.attempts = size;
        return made;
    }

    test::TempDir dir;
    std::unique_ptr<SqliteLedger> ledger;
    std::vector<std::int64_t> order;
    std::size_t next = 0;
};

void durable(benchmark::State& state, DeliveryState reached) {
    Campaign campaign;
    const auto size = static_cast<std::size_t>(state.range(0));
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        const LedgerBatch batch = campaign.batch(size, reached);
        state.ResumeTiming();
        if (const auto done = campaign.ledger->commit(batch); !done) {
            state.SkipWithError(done.error().text().c_str());
            break;
        }
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void intents_durable(benchmark::State& state) {
    durable(state, DeliveryState::intended);
}
BENCHMARK(intents_durable)->ArgName("batch")->Arg(1)->Arg(50)->Arg(500)->Unit(benchmark::kMicrosecond)->UseRealTime();

void outcomes_durable(benchmark::State& state) {
    durable(state, DeliveryState::done);
}
BENCHMARK(outcomes_durable)->ArgName("batch")->Arg(1)->Arg(50)->Arg(500)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace tidegate
