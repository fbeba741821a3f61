// An urgent campaign begins on one node while another node's has the backend to itself.
#include "quota_fleet.hpp"
#include "support/steered_node.hpp"

namespace tidegate::bench {
namespace {

using namespace std::chrono_literals;
using test::stamp;
using test::faults::hint;
using test::faults::others_load;

struct Seen {
    double seconds = 0;  ///< from the urgent campaign's start until nine tenths of what both may send are its own
    double left = 0;     ///< messages/s that the other still has then
    double worst = 0;    ///< requests in the worst second, the others' included, of what the backend was proven to bear
};

Seen once() {
    test::RedisServer server;
    test::Deeds deeds;
    test::Shared<test::faults::World> world;
    world->sees[0] = true;
    world->open_rate = 0.5;
    world->median_s = 2.0;
    world->spread = 0.5;
    const auto shape = [](Campaign& campaign) {
        campaign.impact["app"] = {1.0, 0.0};
        campaign.response = {0.5, 2s, 0.5};
    };
    test::faults::SteeredProcess patient(world[0], deeds, quota_options(server.url(), 0), 3, shape);
    // Alone it climbs to what the leader lets it have, and stays there.
    double alone = 0;
    Fleet::until(
        [&, since = stamp()]() mutable {
            const double now = world->allowed[0];
            if (now < 20 || std::abs(now - alone) > 0.05 * now) alone = now, since = stamp();
            return stamp() - since > 5'000'000'000;
        },
        120s);
    test::faults::SteeredNode urgent(world[0], deeds, 1, quota_options(server.url(), 1), 9, 30000, shape);
    const std::int64_t from = stamp();
    Seen seen;
    const auto has_its_share = [&] {
        const double both = world->allowed[0] + world->allowed[1];
        // The crowd that the other has called is still coming: what both may send is less than before for a while.
        return both > 0.1 * alone && world->allowed[1] >= 0.9 * both;
    };
    if (!urgent.until(has_its_share, 60s)) throw std::runtime_error("the urgent campaign never had its share");
    seen.seconds = static_cast<double>(stamp() - from) / nanos;
    std::int64_t at = stamp();
    urgent.until([] { return false; }, 5s);
    seen.left = test::faults::handed(deeds, 0, at, stamp()) / 5;
    seen.worst = (test::faults::busiest_second(test::faults::requests(world[0], deeds)) + others_load) / hint;
    return seen;
}

}  // namespace

void urgent_beside_patient(Table& table, int times) {
    std::vector<double> seconds, left, worst;
    for (int i = 0; i < times; ++i) {
        const Seen seen = once();
        seconds.push_back(seen.seconds);
        left.push_back(seen.left);
        worst.push_back(seen.worst);
    }
    table.row("an urgent campaign on another node has its share of the backend", 4, highest(seconds), " s",
              percentiles(seconds, "starts, from the start to 90 % of what may be sent"));
    table.row("the other goes on in what is left", 0.5, *std::min_element(left.begin(), left.end()), "/s",
              percentiles(left, "starts, messages/s in the five seconds after"), Table::Is::at_least);
    table.row("both together: requests in the worst second, of what the backend bears", 1, highest(worst), "",
              percentiles(worst, "starts, the load of others included"));
}

}  // namespace tidegate::bench
