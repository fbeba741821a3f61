// The promise of a reserve, live: an outside surge and then a loss of capacity in the middle of a campaign cost no
// second over the objective that the bank would not have had anyway. A second practice bank with the same people and
// the same faults, but without the campaign, says what it would have had.

#include <doctest/doctest.h>

#include "support/campaign_text.hpp"
#include "support/practice_bank.hpp"

using namespace tidegate;
using namespace tidegate::test;
using namespace std::chrono_literals;

TEST_CASE("with half in reserve, a surge of 1.3 and then a loss of 30 % in mid-campaign cost no second over the SLO") {
    TempDir dir, quiet_dir;
    Twin twin(dir, bank_of("400", "100"));
    Twin quiet(quiet_dir, bank_of("400", "100"));
    dir.write("people.csv", webhook_audience(4000));
    CampaignText text = CampaignText::over_webhook(twin);
    text.backend = watched_bank(twin, "reserve = 0.5\ncapacity_hint = 340\n");
    REQUIRE(http(twin.port("ops"), "POST", "/reset").status == 200);
    REQUIRE(http(quiet.port("ops"), "POST", "/reset").status == 200);
    const auto both = [&](const std::string& fault) { return twin.fault(fault) && quiet.fault(fault); };

    Cli run(dir, {"run", text.write(dir), "--progress", "none", "--json", "--watch", "10s"});
    REQUIRE(eventually(40s, [&] { return twin.arrivals().size() > 800; }));
    REQUIRE(both("surge=1.3"));
    const std::size_t before_surge = twin.arrivals().size();
    std::this_thread::sleep_for(12s);
    const std::size_t before_loss = twin.arrivals().size();
    REQUIRE(before_loss < 4000);  // still in the middle
    REQUIRE(both("capacity=0.7"));
    REQUIRE(run.wait(150s) == 0);
    MESSAGE("told before the surge " << before_surge << ", before the loss " << before_loss);

    const nlohmann::json with = summary_of(twin), without = summary_of(quiet);
    CHECK(with["recipients"] == 4000);
    CHECK(with["opens"].get<double>() > 600);  // they did come
    MESSAGE("peak p99 " << with["peak_p99_ms"] << " ms, without the campaign " << without["peak_p99_ms"]
                        << " ms; seconds over " << with["seconds_over_slo"] << " and " << without["seconds_over_slo"]
                        << "; " << with["elapsed_s"] << " s in all");
    CHECK(caused_by_campaign(with, without) == 0);
}
