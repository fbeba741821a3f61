#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tidegate/base/clock.hpp"

namespace tidegate::delivery {

/// Which requests of vendors still owe reports, and when to ask about each of them: half a second after its first
/// message was taken, then at twice the distance each time, ten seconds at most. Pure.
class AwaitedReports {
  public:
    /// An account's number, and what the vendor calls the request.
    using Request = std::pair<std::size_t, std::string>;

    /// One more message of this request was taken. What is too much to keep is left to a later collecting.
    void expect(const Request& request, TimePoint now) {
        const auto known = owing_.find(request);
        if (known != owing_.end()) {
            ++known->second.messages;
        } else if (!request.second.empty() && owing_.size() < most) {
            owing_.emplace(request, Owing{1, shortest, now + shortest});
        }
    }

    /// One of its messages has its report.
    void settle(const Request& request) {
        const auto known = owing_.find(request);
        if (known != owing_.end() && --known->second.messages == 0) owing_.erase(known);
    }

    /// Those of the wanted accounts to ask about now; they count as asked.
    template <class Wanted>
    std::vector<Request> due(TimePoint now, std::size_t at_most, Wanted wanted) {
        std::vector<Request> found;
        for (auto& [request, owing] : owing_) {
            if (found.size() == at_most) break;
            if (now < owing.next || !wanted(request.first)) continue;
            owing.pause = std::min<Duration>(owing.pause * 2, longest);
            owing.next = now + owing.pause;
            found.push_back(request);
        }
        return found;
    }

    bool empty() const { return owing_.empty(); }

  private:
    static constexpr std::size_t most = 50'000;
    static constexpr Duration shortest = std::chrono::milliseconds(500);
    static constexpr Duration longest = std::chrono::seconds(10);

    struct Owing {
        std::uint64_t messages = 0;
        Duration pause{};
        TimePoint next{};
    };
    std::map<Request, Owing> owing_;
};

}  // namespace tidegate::delivery
