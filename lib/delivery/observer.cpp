#include "tidegate/delivery/observer.hpp"

#include <thread>

#include "delivery/backend_watch.hpp"
#include "net/http.hpp"
#include "signal/factory.hpp"

namespace tidegate {

using delivery::BackendMemory;
using delivery::BackendWatch;

namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 100ms;

}  // namespace

struct Observer::Impl {
    Impl(Site s, const Clock& c, ObserverOptions o)
        : site(std::move(s)), clock(c), options(std::move(o)), log(options.log, options.log_level) {}

    Site site;
    const Clock& clock;
    ObserverOptions options;
    Log log;
    net::HttpLoop loop;
    std::vector<std::unique_ptr<BackendWatch>> backends;
    std::jthread thread;

    Faults build();
    void look();
    void watch(std::stop_token stop);
    Result<void> keep(bool at_once);
};

Faults Observer::Impl::build() {
    Faults faults = site.validate();
    if (!faults.empty()) return faults;
    Faults deaf;
    for (const Backend& backend : site.backends) {
        const std::string& name = backend.limits.name;
        std::shared_ptr<Sensor> sensor;
        if (const auto given = options.sensors.find(name); given != options.sensors.end()) {
            sensor = given->second;
        } else if (std::holds_alternative<PushSignal>(backend.signal)) {
            deaf.push_back({Errc::refused, "its samples are pushed, so there is nothing to look at",
                            "backend \"" + name + "\"",
                            "the gate they are pushed to keeps them as history whenever it runs"});
            continue;
        } else if (!signal::tells_load(backend.signal)) {
            deaf.push_back({Errc::refused, "its signal tells no load, so watching it teaches nothing",
                            "backend \"" + name + "\"", "add a `load` query to its signal"});
            continue;
        } else {
            auto made = signal::make_sensor(backend.signal, loop, clock, backend.limits.max_age);
            if (!made) {
                faults.push_back(made.error());
                continue;
            }
            sensor = std::move(*made);
        }
        backends.push_back(std::make_unique<BackendWatch>(
            backend, std::move(sensor), std::make_unique<BackendMemory>(backend, options.history_dir, log)));
        backends.back()->recall(clock.now(), clock.wall());
    }
    if (!faults.empty()) return faults;
    if (site.backends.empty())
        return {{Errc::refused, "the site has no [[backend]]: there is nothing to watch", {}, "add one"}};
    if (backends.empty()) return deaf;
    for (const Error& fault : deaf) log.warn(fault.text());
    return {};
}

void Observer::Impl::look() {
    for (const auto& backend : backends) {
        const TimePoint now = clock.now();
        if (backend->poll(now).fresh) backend->judge({}, 0, now, clock.wall());
        backend->decide(now);
        backend->publish(0);
    }
}

Result<void> Observer::Impl::keep(bool at_once) {
    Result<void> all;
    for (const auto& backend : backends)
        if (Result<void> kept = backend->memory().keep(clock.now(), clock.wall(), at_once); !kept) all = kept;
    return all;
}

void Observer::Impl::watch(std::stop_token stop) {
    while (!stop.stop_requested()) {
        const auto begun = std::chrono::steady_clock::now();
        try {
            look();
            static_cast<void>(keep(false));  // told in the log and in the progress
            do {
                loop.run(20ms);
            } while (!stop.stop_requested() && std::chrono::steady_clock::now() - begun < look_every);
        } catch (const std::exception& thrown) {
            log.error(std::string("internal error: ") + thrown.what());
            std::this_thread::sleep_for(look_every);
        }
    }
}

Observer::Observer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Observer>, Faults> Observer::open(Site site, const Clock& clock, ObserverOptions options) {
    auto impl = std::make_unique<Impl>(std::move(site), clock, std::move(options));
    if (Faults faults = impl->build(); !faults.empty()) return faults;
    impl->thread = std::jthread([raw = impl.get()](std::stop_token stop) { raw->watch(std::move(stop)); });
    return std::unique_ptr<Observer>(new Observer(std::move(impl)));
}

Observer::~Observer() {
    impl_->thread.request_stop();
    impl_->loop.wake();
    impl_->thread.join();
    static_cast<void>(impl_->keep(true));
}

std::vector<BackendProgress> Observer::backends() const {
    std::vector<BackendProgress> all;
    for (const auto& backend : impl_->backends) all.push_back(backend->progress());
    return all;
}

Result<void> Observer::keep() {
    return impl_->keep(true);
}

}  // namespace tidegate
