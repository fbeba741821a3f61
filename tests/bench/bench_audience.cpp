// What one row costs on its way in, and one question to a suppression list.

#include <benchmark/benchmark.h>

#include <cstdio>

#include "../support/temp_dir.hpp"
#include "audience/csv_parser.hpp"
#include "audience/ndjson_parser.hpp"
#include "tidegate/audience/recipient.hpp"
#include "tidegate/audience/suppression.hpp"
#include "tidegate/cohort/plan.hpp"

namespace tidegate {
namespace {

const std::vector<std::string> columns = {"customer_id", "ios_token", "phone", "name", "ad_consent"};

AudienceMapping mapping() {
    AudienceMapping map;
    map.key = "customer_id";
    map.address_columns = {{"apns", "ios_token"}, {"phone", "phone"}};
    map.fields = {"name"};
    map.consent = "ad_consent";
    return map;
}

std::string key_of(int i) {
    char text[16];
    std::snprintf(text, sizeof text, "C%010d", i);
    return text;
}

std::string csv_rows(int rows) {
    std::string text;
    for (int i = 0; i < rows; ++i) {
        text += key_of(i) + ',' + std::string(64, 'a') + ",010-1234-5678,홍길동" + std::to_string(i % 1000) + ",Y\n";
    }
    return text;
}

constexpr int rows_at_once = 500;  // about the portion in which a file is read

void csv_row(benchmark::State& state) {
    const std::string text = csv_rows(rows_at_once);
    audience::CsvParser parser;
    std::vector<std::string> values;
    std::string malformed;
    std::int64_t rows = 0;
    for ([[maybe_unused]] auto _ : state) {
        parser.feed(text);
        while (parser.next(values, malformed)) rows += malformed.empty() && values.size() == columns.size() ? 1 : 0;
    }
    if (rows != state.iterations() * rows_at_once) state.SkipWithError("rows were lost");
    state.SetItemsProcessed(rows);
}
BENCHMARK(csv_row)->Unit(benchmark::kMicrosecond);

/// Parsed, mapped to a recipient and given a cohort.
void csv_recipient(benchmark::State& state) {
    const std::string text = csv_rows(rows_at_once);
    const RecipientReader reader = *RecipientReader::bind(mapping(), columns);
    CohortPlan plan("check-card-benefit-2026-11", CohortOptions{});
    audience::CsvParser parser;
    std::vector<std::string> values;
    std::string malformed;
    for ([[maybe_unused]] auto _ : state) {
        parser.feed(text);
        while (parser.next(values, malformed)) {
            const auto person = reader.read(values);
            benchmark::DoNotOptimize(plan.place(person->key, {}));
        }
    }
    state.SetItemsProcessed(state.iterations() * rows_at_once);
}
BENCHMARK(csv_recipient)->Unit(benchmark::kMicrosecond);

void ndjson_row(benchmark::State& state) {
    const std::string line = R"({"customer_id":"C0000012345","ios_token":")" + std::string(64, 'a') +
                             R"(","phone":"010-1234-5678","name":"홍길동","ad_consent":true})";
    std::vector<std::string> values;
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(audience::read_object(line, columns, values));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ndjson_row);

void cohort_assigned(benchmark::State& state) {
    CohortOptions options;
    options.canary = {0.001, 0.01, 0.05};
    CohortPlan plan("check-card-benefit-2026-11", options);
    std::vector<std::string> keys;
    for (int i = 0; i < 1024; ++i) keys.push_back(key_of(i));
    std::size_t next = 0;
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(plan.place(keys[next++ % keys.size()], {}));
}
BENCHMARK(cohort_assigned);

/// A list of 200,000 keys; half of the questions find somebody.
void suppression_lookup(benchmark::State& state) {
    const test::TempDir dir;
    std::string list;
    for (int i = 0; i < 400'000; i += 2) list += key_of(i) + '\n';
    const auto source = std::move(*open_suppression({dir.write("opt_out.csv", list)}));
    std::vector<std::string> keys;
    for (int i = 0; i < 4096; ++i) keys.push_back(key_of(static_cast<int>(i * 2'654'435'761LL % 400'000)));
    std::size_t next = 0, found = 0;
    for ([[maybe_unused]] auto _ : state)
        benchmark::DoNotOptimize(found += source->suppressed(keys[next++ % keys.size()]) ? 1 : 0);
}
BENCHMARK(suppression_lookup);

}  // namespace
}  // namespace tidegate
