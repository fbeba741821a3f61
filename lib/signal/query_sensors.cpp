#include <atomic>
#include <utility>
#include <vector>

#include "signal/inbox.hpp"
#include "signal/readings.hpp"
#include "signal/sensors.hpp"

namespace tidegate::signal {

namespace {

std::string form_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
            byte == '-' || byte == '_' || byte == '.' || byte == '~') {
            out += c;
        } else {
            out += '%';
            out += "0123456789ABCDEF"[byte >> 4];
            out += "0123456789ABCDEF"[byte & 15];
        }
    }
    return out;
}

/// What the requests under way and the sensor share; a callback that comes after the sensor has gone finds nothing.
struct Shared {
    Shared(std::vector<Question> asked, double unit, const Clock& with)
        : questions(std::move(asked)), p99_unit(unit), clock(with) {}

    const std::vector<Question> questions;
    const double p99_unit;
    const Clock& clock;
    Inbox inbox;
    std::atomic<bool> looking = false;

    void finish(std::span<const Answer> answers) {
        auto sighting = assemble(questions, answers, p99_unit, {clock.now(), clock.wall()});
        if (sighting) {
            inbox.put(std::move(*sighting));
        } else {
            inbox.fail(sighting.error());
        }
        looking = false;
    }
};

Error unreachable(std::string_view name, const net::HttpResult& result) {
    return {Errc::unavailable, "no answer: " + result.error, std::string(name), "is the telemetry service up?"};
}

net::PoolOptions pool_options(const std::string& ca) {
    net::PoolOptions options;
    options.ca = ca;
    options.max_connections = 4;
    return options;
}

/// Looks once a period; a look that is still under way when the next is due stands in for it.
class Periodic : public Sensor {
  public:
    Periodic(Duration every, std::shared_ptr<Shared> shared, std::unique_ptr<net::HttpPool> pool)
        : shared_(std::move(shared)), pool_(std::move(pool)), every_(every) {}

    Result<Observation> poll(TimePoint now) final {
        if (now >= next_ && !shared_->looking.exchange(true)) {
            // The beat is kept while polls are timely; after a long pause there is nothing to catch up with.
            next_ = next_ + every_ > now ? next_ + every_ : now + every_;
            look();
        }
        return shared_->inbox.newest();
    }

  protected:
    virtual void look() = 0;

    const std::shared_ptr<Shared> shared_;
    const std::unique_ptr<net::HttpPool> pool_;

  private:
    const Duration every_;
    TimePoint next_{};
};

class PrometheusSensor final : public Periodic {
  public:
    PrometheusSensor(const PrometheusSignal& signal, std::shared_ptr<Shared> shared,
                     std::unique_ptr<net::HttpPool> pool)
        : Periodic(signal.every, std::move(shared), std::move(pool)), timeout_(signal.timeout), url_(signal.url) {
        while (!url_.empty() && url_.back() == '/') url_.pop_back();
        url_ += "/api/v1/query";
    }

  private:
    /// Answers of one round, gathered on the loop's thread.
    struct Round {
        std::vector<Answer> answers;
        std::size_t open = 0;
    };

    void look() override {
        const auto round = std::make_shared<Round>();
        round->answers.assign(shared_->questions.size(), std::optional<double>());
        round->open = round->answers.size();
        for (std::size_t i = 0; i < shared_->questions.size(); ++i) {
            net::HttpRequest request;
            request.url = url_;
            request.timeout = timeout_;
            request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
            request.body = "query=" + form_encode(shared_->questions[i].text);
            pool_->send(std::move(request), [weak = std::weak_ptr(shared_), round, i](const net::HttpResult& result) {
                const auto shared = weak.lock();
                if (!shared) return;
                const auto& name = shared->questions[i].name;
                round->answers[i] = result.transport == net::Transport::ok
                                        ? parse_prometheus(name, result.response.status, result.response.body)
                                        : Answer(unreachable(name, result));
                if (--round->open == 0) shared->finish(round->answers);
            });
        }
    }

    const Duration timeout_;
    std::string url_;
};

class JsonSensor final : public Periodic {
  public:
    JsonSensor(const JsonSignal& signal, std::shared_ptr<Shared> shared, std::unique_ptr<net::HttpPool> pool)
        : Periodic(signal.every, std::move(shared), std::move(pool)), timeout_(signal.timeout), url_(signal.url) {}

  private:
    void look() override {
        net::HttpRequest request;
        request.method = "GET";
        request.url = url_;
        request.timeout = timeout_;
        request.headers = {{"Accept", "application/json"}};
        pool_->send(std::move(request), [weak = std::weak_ptr(shared_)](const net::HttpResult& result) {
            const auto shared = weak.lock();
            if (!shared) return;
            Result<std::vector<Answer>> answers = unreachable("url", result);
            if (result.transport == net::Transport::ok) {
                answers = parse_document(shared->questions, result.response.status, result.response.body);
            }
            if (answers) return shared->finish(*answers);
            shared->inbox.fail(answers.error());
            shared->looking = false;
        });
    }

    const Duration timeout_;
    const std::string url_;
};

}  // namespace

std::shared_ptr<Sensor> make_prometheus(const PrometheusSignal& signal, net::HttpLoop& loop, const Clock& clock) {
    return std::make_shared<PrometheusSensor>(signal, std::make_shared<Shared>(questions_of(signal), 1.0, clock),
                                              loop.pool(pool_options(signal.ca)));
}

std::shared_ptr<Sensor> make_json(const JsonSignal& signal, net::HttpLoop& loop, const Clock& clock) {
    const double unit = signal.milliseconds ? 1e-3 : 1.0;
    return std::make_shared<JsonSensor>(signal, std::make_shared<Shared>(questions_of(signal), unit, clock),
                                        loop.pool(pool_options(signal.ca)));
}

}  // namespace tidegate::signal
