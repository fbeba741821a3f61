#pragma once

#include <doctest/doctest.h>

#include <algorithm>

#include "support/campaign_text.hpp"
#include "support/twin.hpp"

namespace tidegate::test {

inline std::int64_t epoch_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// A directory, the practice bank and one campaign over it.
struct Scene {
    TempDir dir;
    std::unique_ptr<Twin> twin = std::make_unique<Twin>(dir);
    CampaignText text;

    /// The run that every test here is about.
    std::vector<std::string> line() { return {"run", text.write(dir), "--progress", "none", "--json"}; }
    bool arrived(std::size_t count, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
        return eventually(limit, [&] { return twin->arrivals().size() >= count; });
    }
    std::size_t arrived_between(std::int64_t from, std::int64_t to) {
        const auto& all = twin->arrivals();
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [&](const Arrival& one) { return one.ms >= from && one.ms < to; }));
    }
    void check_promises() {
        const CliResult told = cli(dir, {"report", text.write(dir), "--json"});
        CHECK(told.code == 0);
        CHECK_MESSAGE(broken_promises(told.json).empty(), told.out);
    }
    /// Everybody has the message, and nobody more than `at_most` times.
    void all_got_it(std::size_t people, int at_most = 1) {
        const auto taken = twin->taken();
        CHECK(taken.size() == people);
        for (const auto& [address, times] : taken) CHECK_MESSAGE(times <= at_most, address);
    }
};

}  // namespace tidegate::test
