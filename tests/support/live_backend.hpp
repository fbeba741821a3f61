#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "tidegate/signal/sensor.hpp"

namespace tidegate::test {

/// Pushes a healthy, slightly trembling sample every 100 ms until told otherwise, as a live backend would.
class LiveBackend {
  public:
    LiveBackend() : sensor_(std::make_shared<PushSensor>()), thread_([this](std::stop_token stop) { live(stop); }) {}

    std::shared_ptr<PushSensor> sensor() const { return sensor_; }
    void silent(bool yes) { silent_ = yes; }
    void p99_ms(double value) { p99_ms_ = value; }
    void load(double value) { load_ = value; }

  private:
    void live(std::stop_token stop) {
        for (int i = 0; !stop.stop_requested(); ++i) {
            if (!silent_) {
                Observation sample;
                sample.at = std::chrono::steady_clock::now();
                sample.p99 = Seconds((p99_ms_ + 0.001 * (i % 97)) / 1000);
                sample.load = load_ + 0.01 * (i % 89);
                sample.errors = 0.0;
                sensor_->push(sample);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    }

    std::shared_ptr<PushSensor> sensor_;
    std::atomic<bool> silent_{false};
    std::atomic<double> p99_ms_{20}, load_{100};
    std::jthread thread_;
};

}  // namespace tidegate::test
