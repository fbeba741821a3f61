#include "quota/redis_quota.hpp"

#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "net/crypto.hpp"
#include "net/redis_connection.hpp"
#include "quota/redis_orders.hpp"
#include "quota/redis_scripts.hpp"
#include "quota/redis_state_json.hpp"

namespace tidegate {
namespace quota {
namespace {

using net::RedisReply;

/// A script that is called by its digest and sent whole to a server that does not have it.
struct Script {
    explicit Script(std::string whole) : text(std::move(whole)), digest(net::redis_script_digest(text)) {}
    std::string text, digest;
};

std::string host_name() {
    std::array<char, 256> name = {};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "node";
    return name.data();
}

class RedisQuota final : public SharedQuota {
  public:
    RedisQuota(const SharedQuotaOptions& options, net::RedisConnection asks, net::RedisConnection hears,
               RedisQuotaSeams seams)
        : options_(options),
          seams_(std::move(seams)),
          acquire_(seams_.script(acquire_script())),
          order_(order_script()),
          asks_(std::move(asks)),
          hears_(std::move(hears)),
          client_(options,
                  (options.node.empty() ? host_name() : options.node) + "#" + net::uuid_of(net::random_bytes(16)),
                  fresh_seed(), seams_.broken) {}

    /// Gives everything back when that can be done at once; otherwise it runs out by itself.
    ~RedisQuota() override {
        try {
            const TimePoint end = seams_.clock() + std::chrono::milliseconds(200);
            client_.report(client_.parts(), false);
            for (TimePoint now = seams_.clock(); now < end && !client_.settled(); now = seams_.clock()) {
                if (!asks_.link().ready() && !asks_.link().busy()) return;
                static_cast<void>(renew({}, now));
                asks_.wait(now, std::chrono::milliseconds(10));
            }
        } catch (...) {
        }
    }

    void set_cap(const std::string& resource, Rate cap) override { client_.set_cap(resource, cap); }

    Result<std::vector<Lease>> renew(std::span<const Flow> flows, TimePoint now) override {
        const TimePoint here = seams_.clock();
        progress(here);
        const auto free = [this] { return asks_.link().ready() && asking_ == Asking::nothing; };
        demand(flows, free(), here);  // before orders: one that fails again and again must not cost a lease
        if (free())
            if (const OrderQueue::Order* const next = orders_.due(here)) send_order(*next, here);
        progress(here);
        std::vector<Lease> leases = client_.leases(here);
        for (Lease& lease : leases) lease.expires = now + (lease.expires - here);
        shift_ = now - here;
        return leases;
    }

    QuotaView view(TimePoint now) const override {
        QuotaView made = client_.view(now - shift_);
        if (made.answered != TimePoint{}) made.answered += shift_;
        for (DomainCampaign& campaign : made.campaigns) campaign.at += shift_;
        for (auto& [subject, word] : made.words) word.at += shift_;
        made.calls = calls_;
        if (!asks_.link().trouble().empty()) {
            made.trouble = asks_.link().trouble();
            made.reachable = false;
        }
        if (made.trouble.empty()) made.trouble = orders_.trouble();
        if (made.trouble.empty() && calls_ > 0 && !hears_.link().trouble().empty())
            made.trouble = "orders are heard by renewals alone (" + hears_.link().trouble() + ")";
        made.untold = orders_.changes();
        return made;
    }

    void report(std::vector<CampaignPart> parts, bool sees_backends) override {
        client_.report(std::move(parts), sees_backends);
    }

    void set_targets(std::map<std::string, Rate> targets, std::map<std::string, std::string> words) override {
        client_.set_targets(std::move(targets), std::move(words));
    }

    void order(const std::string& subject, const QuotaChange& what) override { orders_.add(subject, what); }

    Result<RedisReply> ask_at_start(Duration patience) {
        return asks_.ask({"EVAL", "return 1", "1", hash_key(options_.domain)}, system_clock(), patience);
    }

  private:
    enum class Asking : std::uint8_t { nothing, leases, order };

    void demand(std::span<const Flow> flows, bool can_ask, TimePoint now) {
        const auto action = client_.resume(LeaseClient::Demand{flows, can_ask}, now);
        if (const auto* ask = std::get_if<LeaseClient::Ask>(&action)) send(Asking::leases, acquire_, {ask->json}, now);
    }

    void send_order(const OrderQueue::Order& order, TimePoint now) {
        nlohmann::json request = order_json(order.subject, order.what, client_.generation(), order_clock_, options_);
        request["id"] = client_.node() + "#" + std::to_string(order.number);
        const auto replace = nlohmann::json::error_handler_t::replace;
        send(Asking::order, order_, {request.dump(-1, ' ', false, replace), control_channel(options_.domain)}, now);
    }

    void send(Asking what, const Script& script, std::vector<std::string> arguments, TimePoint now,
              bool whole = false) {
        std::vector<std::string> command{whole ? "EVAL" : "EVALSHA", whole ? script.text : script.digest, "1",
                                         hash_key(options_.domain)};
        command.insert(command.end(), arguments.begin(), arguments.end());
        asking_ = what;
        pending_ = std::move(arguments);
        if (!whole) ++calls_;
        asks_.link().request(command, now);
        asks_.advance(now);
    }

    /// Moves both connections and hands over what came.
    void progress(TimePoint now) {
        hears_.advance(now);
        for (const std::string& message : hears_.link().take_messages())
            client_.resume(LeaseClient::Notice{message}, now);
        asks_.advance(now);
        const bool connected = asks_.link().ready() || asks_.link().busy();
        if (connected && !connected_) client_.resume(LeaseClient::Connected{}, now);
        connected_ = connected;
        // A frozen master's kernel keeps a silent connection alive: what is published elsewhere would not be heard.
        if (asks_.link().ready() && hears_.link().ready() && asks_.link().peer() != hears_.link().peer())
            hears_.leave("the master has moved", now);
        while (auto answer = asks_.link().take_answer()) {
            const Asking what = std::exchange(asking_, Asking::nothing);
            const Script& script = what == Asking::order ? order_ : acquire_;
            if (*answer && (**answer).error_code() == "NOSCRIPT" && asks_.link().ready()) {
                send(what, script, pending_, now, true);  // a server that was promoted or flushed has no scripts
            } else if (what == Asking::leases) {
                take(*answer, now);
            } else if (what == Asking::order) {
                take_order(*answer, now);
            }
        }
        if (asking_ != Asking::nothing && !asks_.link().busy()) asking_ = Asking::nothing;
    }

    void take_order(const Result<RedisReply>& answer, TimePoint now) {
        const bool named = std::exchange(order_clock_, std::nullopt).has_value();
        if (!answer) return orders_.refused(answer.error().what, now);
        if (answer->is_error()) return orders_.refused("Redis says " + std::string(answer->error_code()), now);
        const nlohmann::json told = nlohmann::json::parse(answer->text, nullptr, false);
        const auto clock = clock_to_name(told);
        const OrderQueue::Order* const again = clock && !named && asks_.link().ready() ? orders_.due(now) : nullptr;
        if (again != nullptr) {
            order_clock_ = clock;
            return send_order(*again, now);
        }
        // As it stands now: taken, or refused because its subject is aborted. Known here before the order counts as
        // told, for until then what was heard earlier does not act.
        if (told.is_object() && told.contains("order")) {
            client_.resume(LeaseClient::Notice{answer->text}, now);
            return orders_.taken();
        }
        const std::string why = word_in(told, "why");
        orders_.not_yet(why.empty() ? "an answer that makes no sense" : why, now);
    }

    void take(const Result<RedisReply>& answer, TimePoint now) {
        LeaseClient::Action action;
        if (!answer)
            action = client_.resume(LeaseClient::Lost{answer.error().what}, now);
        else if (answer->is_error())
            action = client_.resume(LeaseClient::Lost{"Redis says " + std::string(answer->error_code())}, now);
        else
            action = client_.resume(LeaseClient::Answer{answer->text}, now);
        if (const auto* left = std::get_if<LeaseClient::Leave>(&action)) asks_.leave(left->why, now);
    }

    const SharedQuotaOptions options_;
    const RedisQuotaSeams seams_;
    const Script acquire_, order_;
    net::RedisConnection asks_, hears_;
    LeaseClient client_;
    OrderQueue orders_;
    std::optional<std::string> order_clock_;  // the store's, for the order that is on its way
    Asking asking_ = Asking::nothing;
    bool connected_ = false;
    std::vector<std::string> pending_;
    std::uint64_t calls_ = 0;
    Duration shift_{};  // from the clock of leases to the caller's
};

}  // namespace

std::string hash_key(const std::string& domain) {
    return "{tidegate:" + domain + "}:q";
}

std::string control_channel(const std::string& domain) {
    return "{tidegate:" + domain + "}:ctl";
}

std::uint64_t fresh_seed() {
    std::uint64_t seed = 0;
    for (const char c : net::random_bytes(8)) seed = seed << 8 | static_cast<unsigned char>(c);
    return seed;
}

net::RedisOptions connection_options(const SharedQuotaOptions& options) {
    net::RedisOptions made;
    made.address = *net::parse_redis_url(options.redis);
    made.password = options.password;
    made.sentinel_password = options.sentinel_password;
    made.ca = options.ca;
    made.connect_timeout = options.connect_timeout;
    made.reply_timeout = options.reply_timeout;
    return made;
}

Result<std::unique_ptr<SharedQuota>> make_redis_quota(const SharedQuotaOptions& options, Duration patience,
                                                      RedisQuotaSeams seams) {
    if (Faults faults = options.validate(); !faults.empty()) return faults.front();
    net::RedisOptions connection = connection_options(options);
    auto asks = net::RedisConnection::make(connection, fresh_seed());
    if (!asks) return asks.error();
    connection.subscribe = control_channel(options.domain);
    auto hears = net::RedisConnection::make(connection, fresh_seed());
    if (!hears) return hears.error();
    auto made = std::make_unique<RedisQuota>(options, std::move(*asks), std::move(*hears), std::move(seams));
    const Result<net::RedisReply> first = made->ask_at_start(patience);
    if (!first) return first.error();
    if (first->is_error())
        return Error{Errc::unavailable, "Redis refuses our scripts (" + std::string(first->error_code()) + ")", "Redis",
                     "give the user the rights that lib/quota/README.md lists"};
    return std::unique_ptr<SharedQuota>(std::move(made));
}

}  // namespace quota

Result<std::unique_ptr<SharedQuota>> make_redis_quota(const SharedQuotaOptions& options, Duration patience) {
    return quota::make_redis_quota(options, patience, {});
}

}  // namespace tidegate
