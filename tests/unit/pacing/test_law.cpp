#include <doctest/doctest.h>

#include <cmath>

#include "tidegate/pacing/law.hpp"

using namespace tidegate;

TEST_CASE("the law as it stands has no fault") {
    CHECK(Law{}.validate().empty());
}

TEST_CASE("constants that mean nothing are told all at once, each by its name") {
    Law law;
    law.accepted = 0.0;
    law.target = 1.5;
    law.trial_medians = std::nan("");
    law.first_margin = 99.0;
    const Faults faults = law.validate();
    REQUIRE(faults.size() == 4);
    CHECK(faults[0].where == "accepted");
    CHECK(faults[1].where == "target");
    CHECK(faults[2].where == "trial_medians");
    CHECK(faults[3].where == "first_margin");
}
