#include "desk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <tidegate/audience/source.hpp>
#include <tidegate/base/text.hpp>

namespace service {

namespace {

using nlohmann::json;
using tidegate::Errc;
using tidegate::Error;
using tidegate::RunState;

constexpr std::size_t most_waiting = 100;

/// The audience's file, until the service closes. Reading millions of rows takes a while; a stop must not.
class UntilClosed final : public tidegate::AudienceSource {
  public:
    UntilClosed(std::unique_ptr<tidegate::AudienceSource> inner, std::stop_token stop)
        : inner_(std::move(inner)), stop_(std::move(stop)) {}
    const std::vector<std::string>& columns() const override { return inner_->columns(); }
    tidegate::Result<void> rewind() override { return inner_->rewind(); }
    tidegate::Result<bool> next(tidegate::AudienceRow& row) override {
        if (stop_.stop_requested()) return Error{Errc::stopped, "the service is closing", "", ""};
        return inner_->next(row);
    }

  private:
    std::unique_ptr<tidegate::AudienceSource> inner_;
    std::stop_token stop_;
};

json to_json(const tidegate::Faults& faults) {
    json all = json::array();
    for (const Error& fault : faults) {
        all.push_back({{"what", fault.what}, {"where", fault.where}, {"hint", fault.hint}});
    }
    return all;
}

json number(double value) {
    return std::isfinite(value) ? json(value) : json();
}

json to_json(const tidegate::Progress& progress) {
    const auto count = [&](tidegate::Final outcome) {
        return progress.totals.outcomes[static_cast<std::size_t>(outcome)];
    };
    return {{"recipients", progress.totals.recipients},
            {"pending", count(tidegate::Final::pending)},
            {"accepted", count(tidegate::Final::accepted) + count(tidegate::Final::delivered)},
            {"in_flight", progress.in_flight},
            {"rate", number(progress.rate)},
            {"allowed", number(progress.allowed)},
            {"reason", progress.reason},
            {"paused", progress.paused},
            {"cohort", progress.cohort},
            {"cohorts", progress.cohorts},
            {"eta_s", progress.eta ? json(tidegate::Seconds(*progress.eta).count()) : json()}};
}

/// The new content is there as a whole or not at all, also after a power cut.
bool write_durably(const std::string& path, const std::string& text) {
    const std::string part = path + ".part";
    const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good =
        file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
    if (file >= 0) ::close(file);
    good = good && ::rename(part.c_str(), path.c_str()) == 0;
    const int folder = ::open(std::filesystem::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    good = good && folder >= 0 && ::fsync(folder) == 0;
    if (folder >= 0) ::close(folder);
    return good;
}

}  // namespace

Answer fail(int status, const std::string& what) {
    return {status, {{"errors", json::array({{{"what", what}, {"where", ""}, {"hint", ""}}})}}};
}

Answer fail(int status, const tidegate::Faults& faults) {
    return {status, {{"errors", to_json(faults)}}};
}

Desk::Desk(tidegate::Gate& gate, House house) : gate_(gate), house_(std::move(house)) {
    for (int i = 0; i < 2; ++i) workers_.emplace_back([this] { work(closing_.get_token()); });
}

tidegate::Result<void> Desk::take_up() {
    std::error_code failed;
    std::filesystem::directory_iterator files(house_.state, failed);
    if (failed) return Error{Errc::unavailable, "the state directory cannot be read", house_.state, ""};
    const std::lock_guard lock(mutex_);
    for (const auto& file : files) {
        if (file.path().extension() != ".json") continue;
        std::ifstream in(file.path());
        const json kept = json::parse(in, nullptr, false);
        if (!kept.is_object() || !kept.contains("request")) {
            return Error{Errc::invalid, "is not a request this service kept", file.path().string(),
                         "remove or repair it"};
        }
        const std::string id = file.path().stem().string();
        Entry& entry = entries_[id];
        entry.request = kept["request"];
        entry.result = kept.value("result", json());
        if (entry.result.is_null()) enqueue(id, entry);
    }
    return {};
}

void Desk::enqueue(const std::string& id, Entry& entry) {
    entry.reading = true;
    entry.faults.clear();
    waiting_.push_back(id);
    changed_.notify_one();
}

Answer Desk::accept(const std::string& body) {
    auto campaign = read_request(body, house_);
    if (!campaign) return fail(400, campaign.error());
    const std::string id = campaign->id;
    const std::lock_guard lock(mutex_);
    if (closing_.stop_requested()) return fail(503, "the service is closing");
    const json request = json::parse(body);
    const auto known = entries_.find(id);
    if (known != entries_.end() && known->second.request != request) {
        return fail(409, "campaign \"" + id + "\" exists with another content; a changed campaign needs a new id");
    }
    if (known != entries_.end()) {
        if (!known->second.faults.empty() && !known->second.reading) enqueue(id, known->second);
        return {200, {{"id", id}}};
    }
    if (waiting_.size() >= most_waiting) return fail(503, "too many campaigns wait to be read");
    Entry entry{.request = request};
    if (auto saved = save(id, entry); !saved) return fail(503, {saved.error()});
    enqueue(id, entries_[id] = entry);
    return {202, {{"id", id}}};
}

void Desk::work(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); }) && !stop.stop_requested()) {
        const std::string id = waiting_.front();
        waiting_.pop_front();
        const std::string request = entries_[id].request.dump();
        lock.unlock();

        tidegate::Result<tidegate::CampaignHandle, tidegate::Faults> started = tidegate::Faults{};
        if (auto campaign = read_request(request, house_); !campaign) {
            started = campaign.error();
        } else if (auto file = tidegate::open_audience(campaign->audience.file, campaign->mapping().wanted_columns());
                   !file) {
            started = tidegate::Faults{file.error()};
        } else {
            UntilClosed audience(std::move(*file), stop);
            started =
                gate_.start(*campaign, audience, {.ledger_dir = house_.state + "/ledger", .operator_name = "service"});
        }

        lock.lock();
        Entry& entry = entries_[id];
        entry.reading = false;
        if (started) {
            entry.handle = *started;
        } else {
            entry.faults = started.error();
        }
    }
}

void Desk::note(const std::string& id, Entry& entry) {
    if (!entry.handle || !entry.result.is_null()) return;
    const auto ended = entry.handle->wait(tidegate::Duration(0));
    if (!ended || (ended->state != RunState::completed && ended->state != RunState::aborted)) return;
    Entry finished = entry;
    finished.result = {{"state", to_string(ended->state)}, {"why", ended->why}};
    // When the disk refuses, the next process finds the campaign's ledger complete and comes to the same result.
    if (save(id, finished)) entry = std::move(finished);
}

void Desk::note_results() {
    const std::lock_guard lock(mutex_);
    for (auto& [id, entry] : entries_) note(id, entry);
}

tidegate::Result<void> Desk::save(const std::string& id, const Entry& entry) const {
    const json kept{{"request", entry.request}, {"result", entry.result}};
    if (write_durably(house_.state + "/" + id + ".json", kept.dump(2) + "\n")) return {};
    return Error{Errc::unavailable, "the request cannot be kept", house_.state, "look at the disk, then ask again"};
}

json Desk::tell(const std::string& id, const Entry& entry) const {
    std::string stage = "ended";
    if (entry.reading) stage = "reading";
    if (!entry.faults.empty()) stage = "refused";
    json told{{"id", id}, {"stage", stage}, {"result", entry.result}};
    if (!entry.faults.empty()) told["errors"] = to_json(entry.faults);
    if (entry.handle) {
        if (const auto ended = entry.handle->wait(tidegate::Duration(0))) {
            told["result"] = {{"state", to_string(ended->state)}, {"why", ended->why}};
        } else {
            told["stage"] = "running";
        }
        told["progress"] = to_json(entry.handle->progress());
    }
    return told;
}

Answer Desk::list() {
    const std::lock_guard lock(mutex_);
    json all = json::array();
    for (auto& [id, entry] : entries_) {
        note(id, entry);
        all.push_back(tell(id, entry));
    }
    return {200, {{"campaigns", all}}};
}

Answer Desk::show(const std::string& id) {
    std::unique_lock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return fail(404, "there is no campaign \"" + id + "\"");
    note(id, found->second);
    json told = tell(id, found->second);
    told["request"] = found->second.request;
    const auto handle = found->second.handle;
    lock.unlock();  // a report reads the disk, and nobody's pause shall wait for that

    tidegate::Result<tidegate::RunReport> report = Error{};
    if (handle) {
        report = handle->report();
    } else if (!told["result"].is_null()) {  // finished by an earlier process
        auto ledger = tidegate::SqliteLedger::open_for_reading(house_.state + "/ledger/" + id + ".ledger",
                                                               house_.usual.ledger_key);
        if (ledger) report = tidegate::read_report(**ledger);
    }
    told["report"] = report ? json::parse(tidegate::to_json(*report)) : json();
    return {200, told};
}

Answer Desk::act(const std::string& id, const std::string& verb, const std::string& who) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return fail(404, "there is no campaign \"" + id + "\"");
    Entry& entry = found->second;
    note(id, entry);
    if (entry.reading) return fail(409, "its audience is still being read");
    if (!entry.result.is_null()) return fail(409, "it has come to its end: " + entry.result.value("why", ""));
    const bool under_way = entry.handle && !entry.handle->wait(tidegate::Duration(0));
    if (!under_way) {
        if (verb != "resume") return fail(409, "it is not running; resume it first");
        if (closing_.stop_requested()) return fail(503, "the service is closing");
        entry.handle.reset();
        enqueue(id, entry);
    } else if (verb == "pause") {
        entry.handle->pause(who);
    } else if (verb == "resume") {
        entry.handle->resume(who);
    } else if (!entry.handle->abort(who)) {
        return fail(409, "it had come to its end before");
    }
    return {200, {{"id", id}}};
}

Answer Desk::observe_opens(const std::string& id, double count, tidegate::TimePoint from, tidegate::TimePoint to) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return fail(404, "there is no campaign \"" + id + "\"");
    if (!found->second.handle) return fail(409, "it is not running");
    found->second.handle->observe_opens(count, from, to);
    return {200, {{"id", id}}};
}

void Desk::close() {
    closing_.request_stop();
    workers_.clear();
}

}  // namespace service
