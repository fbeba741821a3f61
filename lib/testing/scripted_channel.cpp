#include "tidegate/testing/scripted_channel.hpp"

#include <exception>
#include <utility>

namespace tidegate::testing {

namespace {

Outcome answer_to(const ScriptedChannel::Script& script, const Attempt& attempt) {
    if (!script) return accepted(attempt.id);
    try {
        return script(attempt);
    } catch (const std::exception& e) {
        return ambiguous(std::string("the script threw: ") + e.what());
    } catch (...) {
        return ambiguous("the script threw");
    }
}

}  // namespace

ScriptedChannel::ScriptedChannel(ChannelTraits traits, Script script)
    : traits_(std::move(traits)), script_(std::move(script)) {}

ChannelTraits ScriptedChannel::traits() const {
    return traits_;
}

void ScriptedChannel::submit(std::span<const Attempt> attempts, Completion done) {
    bool stopped = false;
    {
        const std::lock_guard lock(mutex_);
        stopped = stopped_;
        if (!stopped) seen_.insert(seen_.end(), attempts.begin(), attempts.end());
        if (!stopped && held_) {
            for (const Attempt& attempt : attempts) waiting_.emplace_back(attempt, done);
            return;
        }
    }
    // Outside the lock: a completion may submit again.
    for (const Attempt& attempt : attempts) {
        done(attempt.delivery, stopped ? not_sent("the channel has stopped") : answer_to(script_, attempt));
    }
}

std::size_t ScriptedChannel::capacity() const {
    const std::lock_guard lock(mutex_);
    if (stopped_ || waiting_.size() >= capacity_) return 0;
    return capacity_ - waiting_.size();
}

Result<void> ScriptedChannel::check(const Attempt&) const {
    return {};
}

void ScriptedChannel::stop(TimePoint) {
    std::deque<std::pair<Attempt, Completion>> left;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        left.swap(waiting_);
    }
    for (auto& [attempt, done] : left) done(attempt.delivery, ambiguous("stopped before an answer came"));
}

void ScriptedChannel::hold(bool held) {
    std::deque<std::pair<Attempt, Completion>> let_go;
    {
        const std::lock_guard lock(mutex_);
        held_ = held;
        if (!held) let_go.swap(waiting_);
    }
    for (auto& [attempt, done] : let_go) done(attempt.delivery, answer_to(script_, attempt));
}

void ScriptedChannel::set_capacity(std::size_t capacity) {
    const std::lock_guard lock(mutex_);
    capacity_ = capacity;
}

std::vector<Attempt> ScriptedChannel::attempts() const {
    const std::lock_guard lock(mutex_);
    return seen_;
}

std::map<std::string, std::size_t> ScriptedChannel::counts() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::size_t> counts;
    for (const Attempt& attempt : seen_) ++counts[attempt.address];
    return counts;
}

}  // namespace tidegate::testing
