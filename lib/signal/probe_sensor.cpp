#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include "signal/inbox.hpp"
#include "signal/probe_window.hpp"
#include "signal/sensors.hpp"

namespace tidegate::signal {

namespace {

struct Shared {
    explicit Shared(Duration max_age) : window(max_age) {}

    Inbox inbox;
    std::mutex mutex;  // guards the window
    ProbeWindow window;

    void finished(TimePoint sent, TimePoint now, const net::HttpResult& result, Duration timeout) {
        const bool answered = result.transport == net::Transport::ok;
        const int status = result.response.status;
        const bool failed = !answered || status >= 500 || status == 429;
        const std::lock_guard lock(mutex);
        if (!failed && (status < 200 || status > 299)) {
            // A page that is not there is quick whatever the backend suffers.
            window.clear();
            inbox.fail({Errc::unavailable, "the probe is answered with HTTP status " + std::to_string(status), "url",
                        "give an address that does real work and answers 200"});
            return;
        }
        window.add(sent, answered ? Seconds(result.elapsed) : Seconds(timeout), failed);
        if (auto observation = window.take(now)) inbox.put({std::move(*observation), std::nullopt});
    }
};

/// Makes requests of its own at a steady rate.
class ProbeSensor final : public Sensor {
  public:
    ProbeSensor(const ProbeSignal& signal, std::shared_ptr<Shared> shared, std::unique_ptr<net::HttpPool> pool,
                const Clock& clock)
        : signal_(signal),
          shared_(std::move(shared)),
          pool_(std::move(pool)),
          clock_(clock),
          gap_(std::max(std::chrono::duration_cast<Duration>(Seconds(1.0 / signal.per_second)), Duration(1))),
          most_under_way_(static_cast<std::size_t>(std::ceil(signal.per_second * Seconds(signal.timeout).count())) +
                          1) {}

    Result<Observation> poll(TimePoint now) override {
        // What a late poll missed is made up for within a second; a longer gap leaves no burst behind.
        next_ = next_ == TimePoint{} ? now : std::max(next_, now - std::max<Duration>(gap_, std::chrono::seconds(1)));
        for (; next_ <= now; next_ += gap_) {
            if (pool_->active() < most_under_way_) look();
        }
        return shared_->inbox.newest();
    }

  private:
    void look() {
        net::HttpRequest request;
        request.method = "GET";
        request.url = signal_.url;
        request.timeout = signal_.timeout;
        const TimePoint sent = clock_.now();
        pool_->send(std::move(request), [weak = std::weak_ptr(shared_), sent, &clock = clock_,
                                         timeout = signal_.timeout](const net::HttpResult& result) {
            if (const auto shared = weak.lock()) shared->finished(sent, clock.now(), result, timeout);
        });
    }

    const ProbeSignal signal_;
    const std::shared_ptr<Shared> shared_;
    const std::unique_ptr<net::HttpPool> pool_;
    const Clock& clock_;
    const Duration gap_;
    const std::size_t most_under_way_;
    TimePoint next_{};
};

}  // namespace

std::shared_ptr<Sensor> make_probe(const ProbeSignal& signal, net::HttpLoop& loop, const Clock& clock,
                                   Duration max_age) {
    net::PoolOptions options;
    options.ca = signal.ca;
    options.max_connections =
        static_cast<std::size_t>(std::ceil(signal.per_second * Seconds(signal.timeout).count())) + 1;
    return std::make_shared<ProbeSensor>(signal, std::make_shared<Shared>(max_age), loop.pool(options), clock);
}

}  // namespace tidegate::signal
