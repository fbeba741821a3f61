#include "net/redis_codec.hpp"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>

#include <array>
#include <new>
#include <utility>

#include "net/crypto.hpp"
#include "net/openssl.hpp"

namespace tidegate::net {
namespace {

constexpr std::size_t most_buffered = std::size_t{8} * 1024 * 1024;
constexpr std::size_t most_items = 100'000;

/// Replies are built in place: the root on the heap, each element inside its parent, so that freeing the root frees
/// all.
RedisReply* slot(const redisReadTask* task) {
    if (task->parent == nullptr) return new (std::nothrow) RedisReply;
    return &static_cast<RedisReply*>(task->parent->obj)->items[static_cast<std::size_t>(task->idx)];
}

RedisReply::Kind kind_of(int type) {
    switch (type) {
        case REDIS_REPLY_STRING:
            return RedisReply::Kind::text;
        case REDIS_REPLY_ERROR:
            return RedisReply::Kind::error;
        default:
            return RedisReply::Kind::status;
    }
}

/// Allocation failure must not unwind through C.
template <class Build>
void* built(const redisReadTask* task, Build build) noexcept {
    RedisReply* const made = slot(task);
    if (made == nullptr) return nullptr;
    try {
        build(*made);
        return made;
    } catch (...) {
        if (task->parent == nullptr) delete made;
        return nullptr;
    }
}

/// Of our own instead of hiredis's: its arrays are allocated by the count a peer names. Generic lambdas, because the
/// type of that count differs between 0.14 and 1.0.
redisReplyObjectFunctions builders() {
    redisReplyObjectFunctions made = {};
    made.createString = [](const redisReadTask* task, char* text, size_t length) -> void* {
        return built(task, [&](RedisReply& reply) {
            reply.kind = kind_of(task->type);
            reply.text.assign(text, length);
        });
    };
    made.createArray = [](const redisReadTask* task, auto count) -> void* {
        if (static_cast<std::size_t>(count) > most_items) return nullptr;
        return built(task, [&](RedisReply& reply) {
            reply.kind = RedisReply::Kind::array;
            reply.items.resize(static_cast<std::size_t>(count));
        });
    };
    made.createInteger = [](const redisReadTask* task, long long value) -> void* {
        return built(task, [&](RedisReply& reply) {
            reply.kind = RedisReply::Kind::integer;
            reply.integer = value;
        });
    };
    made.createNil = [](const redisReadTask* task) -> void* { return built(task, [](RedisReply&) {}); };
    made.freeObject = [](void* reply) { delete static_cast<RedisReply*>(reply); };
    return made;
}

redisReplyObjectFunctions* shared_builders() {
    static redisReplyObjectFunctions shared = builders();
    return &shared;
}

Error broken(std::string what) {
    return {Errc::unavailable, std::move(what), "Redis", {}};
}

}  // namespace

std::string_view RedisReply::error_code() const {
    if (!is_error()) return {};
    return std::string_view(text).substr(0, text.find(' '));
}

std::string redis_command(std::span<const std::string> arguments) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const std::string& argument : arguments) {
        texts.push_back(argument.data());
        lengths.push_back(argument.size());
    }
    char* raw = nullptr;
    const auto length = redisFormatCommandArgv(&raw, static_cast<int>(texts.size()), texts.data(), lengths.data());
    if (length < 0) throw std::bad_alloc();
    const std::unique_ptr<char, decltype(&redisFreeCommand)> owned(raw, &redisFreeCommand);
    return {raw, static_cast<std::size_t>(length)};
}

std::string redis_script_digest(std::string_view script) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
    unsigned length = 0;
    must(EVP_Digest(script.data(), script.size(), digest.data(), &length, EVP_sha1(), nullptr) == 1);
    return hex({reinterpret_cast<const char*>(digest.data()), length});
}

struct RedisReader::Impl {
    std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader{redisReaderCreateWithFunctions(shared_builders()),
                                                                    &redisReaderFree};
};

RedisReader::RedisReader() : impl_(std::make_unique<Impl>()) {
    if (!impl_->reader) throw std::bad_alloc();
}
RedisReader::~RedisReader() = default;
RedisReader::RedisReader(RedisReader&&) noexcept = default;
RedisReader& RedisReader::operator=(RedisReader&&) noexcept = default;

Result<void> RedisReader::feed(std::string_view bytes) {
    redisReader& reader = *impl_->reader;
    if (reader.len - reader.pos + bytes.size() > most_buffered)
        return broken("sent more than any answer of ours holds");
    if (redisReaderFeed(&reader, bytes.data(), bytes.size()) != REDIS_OK)
        return broken("sent what is no Redis protocol");
    return {};
}

Result<std::optional<RedisReply>> RedisReader::next() {
    void* raw = nullptr;
    if (redisReaderGetReply(impl_->reader.get(), &raw) != REDIS_OK) return broken("sent what is no Redis protocol");
    if (raw == nullptr) return std::optional<RedisReply>();
    const std::unique_ptr<RedisReply> owned(static_cast<RedisReply*>(raw));
    return std::optional<RedisReply>(std::move(*owned));
}

}  // namespace tidegate::net
