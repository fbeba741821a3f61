#include "delivery/backend_memory.hpp"

#include <algorithm>

namespace tidegate::delivery {

namespace {

constexpr auto keep_every = std::chrono::seconds(60);
/// Noted and not on disk: three quarters of an hour at one sample a second. Beyond it the oldest go.
constexpr std::size_t most_noted = 2700;

std::chrono::milliseconds milliseconds(double seconds) {
    constexpr double a_month = 30.0 * 86400;
    return std::chrono::duration_cast<std::chrono::milliseconds>(Seconds(std::clamp(seconds, 0.0, a_month)));
}

}  // namespace

BackendMemory::BackendMemory(const Backend& backend, const std::string& directory, Log& log)
    : backend_(backend.limits.name), signal_(backend.signal), log_(log) {
    if (directory.empty()) return;
    if (signal::tells_load(backend.signal)) {
        store_.emplace(directory, backend_, backend.signal);
    } else {
        summary_.note = "its signal tells no load, so watching it teaches nothing";
    }
}

std::vector<Observation> BackendMemory::recall(TimePoint now, WallTime wall) {
    const std::lock_guard lock(mutex_);
    if (!store_) return {};
    auto history = store_->load();
    if (!history) {
        refused_ = history.error().code == Errc::refused;
        summary_ = {};
        summary_.note = history.error().what;
        log_.warn("backend " + backend_ + ": " + history.error().text());
        return {};
    }
    history->thin(wall);
    summarise(*history);
    std::vector<Observation> past;
    for (const signal::PastSample& sample : history->samples())
        past.push_back(signal::observation_of(sample, signal_, now, wall));
    return past;
}

void BackendMemory::note(const Observation& sample, const Ours& ours, TimePoint now, WallTime wall) {
    const std::lock_guard lock(mutex_);
    if (!store_ || refused_) return;
    const auto past = signal::past_sample(sample, now, wall);
    if (!past) return;
    if (!signal::passive(past->load, ours.load)) {
        const WallTime until = wall + milliseconds(ours.fades_s);
        urgent_ = urgent_ || busy_until_ < past->at;  // the others must hear of it before they keep what they see
        const WallTime from = news_.busy ? news_.busy->first : past->at;
        busy_until_ = std::max(busy_until_, until);
        news_.busy = {from, busy_until_};
        return;
    }
    if (news_.samples.size() == most_noted) news_.samples.erase(news_.samples.begin());
    news_.samples.push_back(*past);
}

Result<void> BackendMemory::keep(TimePoint now, WallTime wall, bool at_once) {
    signal::HistoryStore::News news;
    {
        const std::lock_guard lock(mutex_);
        if (!store_ || refused_) return {};
        if (due_ == TimePoint::min()) due_ = now + keep_every;
        if (!at_once && !urgent_ && now < due_) return {};
        due_ = now + keep_every;
        urgent_ = false;
        std::swap(news, news_);
    }
    if (news.samples.empty() && !news.busy) return {};
    auto history = store_->add(news, wall);
    const std::lock_guard lock(mutex_);
    if (history) {
        trouble_ = false;
        summarise(*history);
        return {};
    }
    refused_ = history.error().code == Errc::refused;
    if (!trouble_) log_.warn("backend " + backend_ + ": the history is not kept: " + history.error().text());
    trouble_ = true;
    summary_.note = "it cannot be kept: " + history.error().what;
    // What came meanwhile is newer.
    news.samples.insert(news.samples.end(), news_.samples.begin(), news_.samples.end());
    if (news.samples.size() > most_noted)
        news.samples.erase(news.samples.begin(), news.samples.end() - static_cast<std::ptrdiff_t>(most_noted));
    if (news.busy && news_.busy) news.busy->second = news_.busy->second;
    if (!news.busy) news.busy = news_.busy;
    news_ = std::move(news);
    return history.error();
}

void BackendMemory::summarise(const signal::History& history) {
    summary_ = history.summary();
    if (history.samples().empty() && summary_.note.empty() && store_->knows_another_signal())
        summary_.note = "what is kept comes from another address or other queries";
}

HistorySummary BackendMemory::summary() const {
    const std::lock_guard lock(mutex_);
    return summary_;
}

}  // namespace tidegate::delivery
