#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <tidegate/delivery/gate.hpp>
#include <vector>

#include "request.hpp"

namespace service {

/// An HTTP status with its JSON body.
struct Answer {
    int status = 200;
    nlohmann::json body{};
};

Answer fail(int status, const std::string& what);
Answer fail(int status, const tidegate::Faults& faults);

/// Keeps every campaign this service was asked for. A request is on disk before it is answered, and is taken up again
/// by the next process until its campaign is complete or aborted, so a stop or a crash loses nobody. Threads: every
/// member from any thread; starts two of its own, which read audiences.
class Desk {
  public:
    Desk(tidegate::Gate& gate, House house);
    ~Desk() { close(); }
    Desk(const Desk&) = delete;
    Desk& operator=(const Desk&) = delete;

    /// Takes up what earlier processes left unfinished. Errors: the state directory cannot be read.
    tidegate::Result<void> take_up();
    /// 202 new, 200 known already, 409 another request of the same id, 400 with faults, 503 too many waiting or
    /// closing.
    Answer accept(const std::string& body);
    Answer list();
    Answer show(const std::string& id);
    /// `verb` is "pause", "resume" or "abort". Resuming a campaign that ended unfinished starts it again.
    Answer act(const std::string& id, const std::string& verb, const std::string& who);
    Answer observe_opens(const std::string& id, double count, tidegate::TimePoint from, tidegate::TimePoint to);

    /// Accepts nothing more and breaks off the reading of audiences; what is being sent goes on until the Gate stops.
    void close();
    /// Writes down which campaigns have come to their end.
    void note_results();

  private:
    struct Entry {
        nlohmann::json request{};
        nlohmann::json result{};  ///< null until complete or aborted
        bool reading = false;     ///< waits for, or is in, the reading of its audience
        std::optional<tidegate::CampaignHandle> handle{};
        tidegate::Faults faults{};  ///< why the newest start failed
    };

    void work(std::stop_token stop);
    void enqueue(const std::string& id, Entry& entry);
    void note(const std::string& id, Entry& entry);
    tidegate::Result<void> save(const std::string& id, const Entry& entry) const;
    nlohmann::json tell(const std::string& id, const Entry& entry) const;

    tidegate::Gate& gate_;
    const House house_;
    std::stop_source closing_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::string, Entry> entries_;
    std::deque<std::string> waiting_;
    std::vector<std::jthread> workers_;
};

}  // namespace service
