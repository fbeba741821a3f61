#include "channel/provider_token.hpp"

#include <algorithm>
#include <map>

#include "channel/json_text.hpp"

namespace tidegate::channel {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration refresh_age = minutes(45);
constexpr Duration floor_between = minutes(20);
constexpr Duration last_age = minutes(55);  // Apple refuses at 60; this leaves room for skew
constexpr seconds grid = minutes(30);

seconds epoch_seconds(WallTime wall) {
    return std::chrono::floor<seconds>(wall.time_since_epoch());
}

}  // namespace

ProviderToken::ProviderToken(std::string team_id, std::string key_id, net::SigningKey key)
    : team_id_(std::move(team_id)), key_id_(std::move(key_id)), key_(std::move(key)) {}

bool ProviderToken::due(TimePoint now, WallTime wall) const {
    if (token_.empty()) return true;
    if (now < not_before_) return false;
    if (age_at_mint_ + (now - minted_) >= refresh_age) return true;
    // The wall clock was set, or the machine slept: what Apple sees is the difference to its own clock.
    const seconds seen = epoch_seconds(wall) - iat_;
    return seen >= last_age || seen < -minutes(5);
}

void ProviderToken::mint(TimePoint now, WallTime wall, seconds issued) {
    std::string header = R"({"alg":"ES256","kid":)";
    append_json_string(header, key_id_);
    header += '}';
    std::string claims = R"({"iss":)";
    append_json_string(claims, team_id_);
    claims += ",\"iat\":" + std::to_string(issued.count()) + "}";
    token_ = net::jws(header, claims, key_);
    minted_ = now;
    iat_ = issued;
    age_at_mint_ = epoch_seconds(wall) - issued;
    not_before_ = now + floor_between;
}

std::string ProviderToken::current(TimePoint now, WallTime wall) {
    const std::lock_guard lock(mutex_);
    if (due(now, wall)) {
        const seconds at = epoch_seconds(wall);
        mint(now, wall, at - at % grid);
    }
    return token_;
}

bool ProviderToken::renew(TimePoint now, WallTime wall) {
    const std::lock_guard lock(mutex_);
    if (!token_.empty() && now < not_before_) return false;
    mint(now, wall, epoch_seconds(wall));
    return true;
}

void ProviderToken::too_many_updates(TimePoint now) {
    const std::lock_guard lock(mutex_);
    const TimePoint oldest = minted_ - age_at_mint_ + last_age;
    not_before_ = std::max(not_before_, std::min(now + floor_between, oldest));
}

Result<std::shared_ptr<ProviderToken>> shared_provider_token(const std::string& team_id, const std::string& key_id,
                                                             const Secret& pem) {
    static std::mutex mutex;
    static std::map<std::string, std::shared_ptr<ProviderToken>> tokens;
    auto key = net::SigningKey::parse(pem, net::SigningKey::Kind::es256);
    if (!key) return key.error();
    const std::string name = team_id + '/' + key_id + '/' + net::sha256_hex(pem.reveal());
    const std::lock_guard lock(mutex);
    auto& token = tokens[name];
    if (!token) token = std::make_shared<ProviderToken>(team_id, key_id, std::move(*key));
    return token;
}

}  // namespace tidegate::channel
