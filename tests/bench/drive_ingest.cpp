// How fast an audience becomes a ledger, in what memory, and how large the ledger is.

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "../support/temp_dir.hpp"
#include "drivers.hpp"
#include "measure.hpp"
#include "tidegate/base/rng.hpp"
#include "tidegate/ledger/sqlite_ledger.hpp"

namespace tidegate::bench {

namespace {

AudienceMapping mapping() {
    AudienceMapping map;
    map.key = "customer_id";
    map.address_columns = {{"apns", "ios_token"}, {"phone", "phone"}};
    map.fields = {"name"};
    map.consent = "ad_consent";
    return map;
}

}  // namespace

int make_audience(const Options& options) {
    std::FILE* const out = std::fopen(options.text("out").c_str(), "wb");
    if (out == nullptr) throw std::runtime_error("cannot write " + options.text("out"));
    Rng rng(7);
    std::fputs("customer_id,ios_token,phone,name,ad_consent\n", out);
    const long rows = options.number("rows", 1'000'000);
    for (long i = 1; i <= rows; ++i) {
        const auto a = rng.bits(), b = rng.bits(), c = rng.bits(), d = rng.bits();
        // Keys in no order, as an export from a hashed table would have them, and all different.
        std::fprintf(out, "C%010llu,%016llx%016llx%016llx%016llx,010-%04llu-%04llu,홍길동%llu,Y\n",
                     static_cast<unsigned long long>(i) * 2'654'435'761ULL % 10'000'000'019ULL,
                     static_cast<unsigned long long>(a), static_cast<unsigned long long>(b),
                     static_cast<unsigned long long>(c), static_cast<unsigned long long>(d),
                     static_cast<unsigned long long>(a % 10000), static_cast<unsigned long long>(b % 10000),
                     static_cast<unsigned long long>(c % 1000));
    }
    if (std::ferror(out) != 0 || std::fclose(out) != 0) throw std::runtime_error("the disk is full");
    return 0;
}

int ingest(const Options& options) {
    const std::string file = options.text("file");
    const std::string path = options.text("dir") + "/bench.ledger";
    std::filesystem::remove(path);
    const auto begun = std::chrono::steady_clock::now();
    const double cpu = processor_seconds();
    auto audience = open_audience(file, mapping().wanted_columns());
    if (!audience) throw std::runtime_error(audience.error().text());
    IngestOptions wanted;
    wanted.path = path;
    wanted.campaign_id = "bench-ingest";
    wanted.mapping = mapping();
    wanted.now = system_clock().wall();
    wanted.source_bytes = std::filesystem::file_size(file);
    if (options.text("sealed", "no") == "yes") wanted.key = Secret(std::string(32, 'k'));
    const auto totals = SqliteLedger::ingest(**audience, wanted);
    if (!totals) {
        for (const Error& fault : totals.error()) std::fprintf(stderr, "%s\n", fault.text().c_str());
        return 3;
    }
    const double seconds = Seconds(std::chrono::steady_clock::now() - begun).count();
    const auto rows = static_cast<double>(totals->rows);
    report({{"rows", rows},
            {"recipients", static_cast<double>(totals->recipients)},
            {"seconds", seconds},
            {"rows_per_second", rows / seconds},
            {"cpu_us", 1e6 * (processor_seconds() - cpu) / rows},
            {"peak_mb", static_cast<double>(peak_resident_kib()) * 1024 / 1e6},
            {"bytes_per_recipient",
             static_cast<double>(std::filesystem::file_size(path)) / static_cast<double>(totals->recipients)}});
    std::filesystem::remove(path);
    std::filesystem::remove(path + ".lock");
    return 0;
}

}  // namespace tidegate::bench
