// The smallest program that sends through tidegate: people, a channel and telemetry of its own, and no network at all.
#include <chrono>
#include <cmath>
#include <iostream>
#include <tidegate/delivery/gate.hpp>

using namespace std::chrono_literals;
namespace tg = tidegate;

/// Who gets it: any table of yours; here a vector.
class Members final : public tg::AudienceSource {
  public:
    std::vector<std::vector<std::string>> rows;
    const std::vector<std::string>& columns() const override { return columns_; }
    tg::Result<bool> next(tg::AudienceRow& row) override {
        if (at_ == rows.size()) return false;
        row = {.number = at_ + 1, .values = rows[at_]};
        ++at_;
        return true;
    }
    tg::Result<void> rewind() override {
        at_ = 0;
        return {};
    }

  private:
    std::vector<std::string> columns_{"id", "device", "name"};
    std::size_t at_ = 0;
};

/// How it gets there: your own gateway. `submit` must not block; this one answers at once.
class Courier final : public tg::Channel {
  public:
    tg::ChannelTraits traits() const override { return {.kind = "courier", .address_type = "device"}; }
    std::size_t capacity() const override { return 100; }
    tg::Result<void> check(const tg::Attempt&) const override { return {}; }
    void stop(tg::TimePoint) override {}
    void submit(std::span<const tg::Attempt> attempts, tg::Completion done) override {
        for (const tg::Attempt& attempt : attempts) done(attempt.delivery, tg::accepted("receipt-" + attempt.id));
    }
};

int fail(const tg::Faults& faults) {
    for (const tg::Error& fault : faults) std::cerr << fault.text() << '\n';
    return 2;
}

int main() {
    // What the engineers own: the backend that must not suffer, and the account to send with.
    const tg::Site site{.backends = {{.limits = {.name = "app-api", .latency_slo = 300ms, .capacity_hint = 400},
                                      .signal = tg::PushSignal{.every = 100ms}}},
                        .channels = {{.name = "courier"}}};
    auto gate = tg::Gate::open(site, tg::system_clock(), {.channels = {{"courier", std::make_shared<Courier>()}}});
    if (!gate) return fail(gate.error());

    // What marketing owns: who, what, and how people will react.
    const tg::Campaign campaign{
        .id = "quickstart",
        .purpose = tg::Purpose::informational,
        .audience = {.key = "id", .addresses = {{"device", "device"}}},
        .message = {.body = "{{name}}, from December our branches close at 15:30."},
        .send = {{.channel = "courier"}},
        .cohorts = {.count = 4, .gap = 500ms},
        .response = {.open_rate = 0.2, .median = 1s},  // one in five opens, after a second or so
        .impact = {{"app-api", {.per_open = 3}}}};     // and causes three requests
    Members members;
    for (int i = 1; i <= 1000; ++i) members.rows.push_back({std::to_string(i), "device-" + std::to_string(i), "Kim"});
    auto run = (*gate)->start(campaign, members);
    if (!run) return fail(run.error());

    for (int tick = 0; tick < 600 && !run->wait(100ms); ++tick) {
        // Your metrics go here: the backend's latency, load and errors, and the moment they describe.
        const double wave = std::sin(tick);
        const tg::Observation seen{.at = tg::system_clock().now(),
                                   .p99 = tg::Seconds(0.05 + 0.005 * wave),
                                   .load = 100 + 5 * wave,
                                   .errors = 0};
        if (auto taken = (*gate)->push_sample("app-api", seen); !taken) return fail({taken.error()});
        const tg::Progress now = run->progress();
        const auto left = now.totals.outcomes[static_cast<std::size_t>(tg::Final::pending)];
        if (tick % 5 == 0) std::cout << left << " to go, " << now.rate << "/s: " << now.reason << std::endl;
    }
    const auto report = run->report();
    if (report) std::cout << tg::to_text(*report);
    return report && report->state == tg::RunState::completed ? 0 : 1;
}
