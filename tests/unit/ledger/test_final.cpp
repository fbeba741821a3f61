#include <doctest/doctest.h>

#include <set>

#include "tidegate/ledger/types.hpp"

using namespace tidegate;

TEST_CASE("the better of two outcomes follows the documented order, whichever comes first") {
    const std::vector<Final> order{Final::delivered,  Final::accepted,   Final::unknown,    Final::undelivered,
                                   Final::failed,     Final::expired,    Final::rejected,   Final::invalid,
                                   Final::suppressed, Final::no_consent, Final::no_address, Final::pending};
    REQUIRE(order.size() == final_count);
    for (std::size_t i = 0; i < order.size(); ++i)
        for (std::size_t j = i; j < order.size(); ++j) {
            CHECK(better(order[i], order[j]) == order[i]);
            CHECK(better(order[j], order[i]) == order[i]);
        }
}

TEST_CASE("every outcome has a name of its own") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < final_count; ++i) names.insert(to_string(static_cast<Final>(i)));
    CHECK(names.size() == final_count);
    CHECK(to_string(Final::no_consent) == "no_consent");
}
