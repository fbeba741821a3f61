// Dispatch through our own code: the HTTP client alone, and a whole campaign.

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "../support/live_backend.hpp"
#include "../support/temp_dir.hpp"
#include "channel/webhook_protocol.hpp"
#include "drivers.hpp"
#include "measure.hpp"
#include "net/http.hpp"
#include "tidegate/delivery/gate.hpp"

namespace tidegate::bench {

namespace {

using namespace std::chrono_literals;

/// People out of nothing, so that no list of them lies in memory.
class Crowd final : public AudienceSource {
  public:
    explicit Crowd(std::uint64_t people) : people_(people) {}

    const std::vector<std::string>& columns() const override { return columns_; }
    Result<bool> next(AudienceRow& row) override {
        if (at_ == people_) return false;
        row.number = ++at_;
        row.values = {"C" + std::to_string(1'000'000'000 + at_), "홍길동" + std::to_string(at_ % 1000)};
        row.malformed.clear();
        return true;
    }
    Result<void> rewind() override {
        at_ = 0;
        return {};
    }

  private:
    const std::vector<std::string> columns_ = {"customer_id", "name"};
    const std::uint64_t people_;
    std::uint64_t at_ = 0;
};

Campaign campaign(std::uint64_t tag) {
    Campaign made;
    made.id = "bench-" + std::to_string(tag);
    made.purpose = Purpose::informational;
    made.audience.key = "customer_id";
    made.audience.addresses = {{"webhook", "customer_id"}};
    made.message.title = "체크카드 혜택 안내";
    made.message.body = "{{name}}님, 이번 달 혜택이 도착했어요. 수신거부: 앱 > 설정 > 알림";
    made.message.link = "bankapp://benefit/2026-11";
    made.message.ttl = 4h;
    made.send = {{"hook", false}};
    made.cohorts.count = 4;
    made.cohorts.gap = 0s;
    made.response = {0.05, 2s, 1.0};
    made.impact["app"] = {1e-4, 0.0};  // so small that the backend's room never binds
    return made;
}

Site site(const Options& options) {
    Site made;
    Backend app;
    app.limits.name = "app";
    app.limits.max_age = 2s;
    app.limits.capacity_hint = 1e6;
    app.limits.reserve = 0.3;
    app.signal = PushSignal{100ms};
    made.backends.push_back(app);
    ChannelOptions hook;
    hook.name = "hook";
    WebhookOptions webhook;
    webhook.url = options.text("url");
    hook.provider = webhook;
    hook.in_flight = static_cast<std::size_t>(options.number("in-flight", 500));
    hook.ca = options.text("ca");
    made.channels.push_back(hook);
    return made;
}

std::uint64_t counted(const Progress& progress, Final outcome) {
    return progress.totals.outcomes[static_cast<std::size_t>(outcome)];
}

}  // namespace

int print_body(const Options&) {
    const Campaign made = campaign(1);
    Attempt attempt;
    attempt.delivery = 1'234'567ULL << 16;
    attempt.campaign = made.id;
    attempt.id = "0b6fb9ac-36bd-8d6b-9a36-6e2ea1a0e4f2";
    attempt.key = attempt.address = "C1000012345";
    attempt.message = MessageTemplate::compile(made.message)->render({"홍길동345"});
    attempt.expires = WallTime{1'795'000'000'000ms};
    WebhookOptions webhook;
    webhook.url = "https://localhost/";
    std::fputs(channel::WebhookProtocol(webhook, 15s).body(attempt).c_str(), stdout);
    return 0;
}

int pool_loop(const Options& options) {
    const auto messages = static_cast<std::uint64_t>(options.number("messages", 20'000));
    const auto connections = static_cast<std::size_t>(options.number("connections", 1));
    const auto streams = static_cast<std::size_t>(options.number("streams", 100));
    const std::string body = test::read_file(options.text("body"));
    net::HttpLoop loop;
    net::PoolOptions pool_options;
    pool_options.ca = options.text("ca");
    pool_options.max_connections = connections;
    pool_options.max_streams = streams;
    const auto pool = loop.pool(pool_options);
    std::uint64_t begun = 0, done = 0, failed = 0;
    SteadyRate rate(messages);
    const std::function<void()> send = [&] {
        if (begun == messages) return;
        ++begun;
        net::HttpRequest request;
        request.url = options.text("url");
        request.headers = {{"Content-Type", "application/json"},
                           {"Idempotency-Key", "0b6fb9ac-36bd-8d6b-9a36-6e2ea1a0e4f2"},
                           {"Tidegate-Timestamp", "1763870400"}};
        request.body = body;
        pool->send(std::move(request), [&](const net::HttpResult& result) {
            ++done;
            if (result.transport != net::Transport::ok || result.response.status != 200) ++failed;
            send();
        });
    };
    for (std::size_t i = 0; i < connections * streams; ++i) send();
    while (done < messages) {
        loop.run(100ms);
        rate.seen(done);
    }
    report({{"messages", static_cast<double>(messages)},
            {"failed", static_cast<double>(failed)},
            {"per_second", rate.per_second()},
            {"cpu_us", rate.cpu_us()}});
    return 0;
}

int gate_run(const Options& options) {
    const auto messages = static_cast<std::uint64_t>(options.number("messages", 20'000));
    const test::TempDir dir;
    test::LiveBackend backend;
    GateOptions gate_options;
    gate_options.lock_dir = dir.path();
    gate_options.sensors["app"] = backend.sensor();
    gate_options.log = [](LogLevel level, std::string_view line) {
        if (level >= LogLevel::warning) std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
    };
    auto gate = Gate::open(site(options), system_clock(), gate_options);
    if (!gate) throw std::runtime_error(gate.error().front().text());
    std::this_thread::sleep_for(500ms);  // the backend has to be known before anything may be released

    RunOptions run;
    run.ledger_dir = options.text("dir", dir.path()) + "/ledger-" + std::to_string(::getpid());
    // A list of opt-outs, as every campaign has one: each attempt asks it.
    std::string refused;
    for (int i = 0; i < 10'000; ++i) refused += "opted-out-" + std::to_string(i) + "\n";
    Campaign made = campaign(static_cast<std::uint64_t>(::getpid()));
    made.audience.suppress = {dir.write("opt_out.csv", refused)};
    Crowd crowd(messages);
    auto handle = (*gate)->start(made, crowd, run);
    if (!handle) throw std::runtime_error(handle.error().front().text());
    SteadyRate rate(messages);
    std::uint64_t accepted = 0;
    while (!handle->wait(2ms)) {
        accepted = counted(handle->progress(), Final::accepted);
        rate.seen(accepted);
    }
    const Progress end = handle->progress();
    accepted = counted(end, Final::accepted);
    rate.seen(accepted);
    const auto ledger = std::filesystem::file_size(handle->ledger_path());
    gate->reset();
    std::filesystem::remove_all(run.ledger_dir);
    report({{"messages", static_cast<double>(messages)},
            {"failed", static_cast<double>(messages - accepted)},
            {"repeated", static_cast<double>(end.totals.attempts - messages)},
            {"per_second", rate.per_second()},
            {"cpu_us", rate.cpu_us()},
            {"ledger_bytes", static_cast<double>(ledger) / static_cast<double>(messages)}});
    return 0;
}

}  // namespace tidegate::bench
