// What one message costs before it reaches a socket.

#include <benchmark/benchmark.h>

#include "channel/apns_protocol.hpp"
#include "channel/fcm_protocol.hpp"
#include "channel/webhook_protocol.hpp"
#include "ledger/person_box.hpp"
#include "tidegate/message/message.hpp"

namespace tidegate {
namespace {

using namespace std::chrono_literals;

Message message() {
    Message made;
    made.title = "(광고) 체크카드 혜택 안내";
    made.body = "{{name}}님, 이번 달 혜택이 도착했어요. 수신거부: 앱 > 설정 > 알림";
    made.link = "bankapp://benefit/{{benefit_id}}";
    made.collapse = "benefit-2026-11";
    made.data = {{"campaign", "benefit"}, {"screen", "benefit/{{benefit_id}}"}};
    return made;
}

Attempt attempt(std::string address) {
    Attempt made;
    made.delivery = 1'234'567ULL << 16;
    made.campaign = "check-card-benefit-2026-11";
    made.id = "0b6fb9ac-36bd-8d6b-9a36-6e2ea1a0e4f2";
    made.key = "C1000012345";
    made.address = std::move(address);
    made.message = MessageTemplate::compile(message())->render({"홍길동", "1234"});
    made.expires = WallTime{1'795'000'000'000ms};
    return made;
}

void message_rendered(benchmark::State& state) {
    const MessageTemplate compiled = *MessageTemplate::compile(message());
    const std::vector<std::string> values = {"홍길동", "1234"};
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(compiled.render(values));
}
BENCHMARK(message_rendered);

void request_webhook(benchmark::State& state) {
    WebhookOptions options;
    options.url = "https://push.bank.example/v1/messages";
    if (state.range(0) != 0) options.secret = Secret("0123456789abcdef0123456789abcdef");
    const channel::WebhookProtocol protocol(options, 15s);
    const Attempt one = attempt("C1000012345");
    for ([[maybe_unused]] auto _ : state)
        benchmark::DoNotOptimize(protocol.request(one, WallTime{1'794'000'000'000ms}));
}
BENCHMARK(request_webhook)->ArgName("signed")->Arg(0)->Arg(1);

void request_apns(benchmark::State& state) {
    ApnsOptions options;
    options.topic = "com.bank.app";
    const channel::ApnsProtocol protocol(options, 15s);
    const Attempt one = attempt(std::string(64, 'a'));
    const std::string bearer(200, 't');
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(protocol.request(one, bearer));
}
BENCHMARK(request_apns);

void request_fcm(benchmark::State& state) {
    const channel::FcmProtocol protocol(FcmOptions{}, "bank-app", 15s);
    const Attempt one = attempt(std::string(152, 'f'));
    const std::string bearer(200, 't');
    for ([[maybe_unused]] auto _ : state)
        benchmark::DoNotOptimize(protocol.request(one, bearer, WallTime{1'794'000'000'000ms}));
}
BENCHMARK(request_fcm);

/// What is personal in one recipient, packed for the ledger and taken out again; with a key it is sealed.
void person_put_and_taken(benchmark::State& state) {
    const Secret key = state.range(0) != 0 ? Secret(std::string(32, 'k')) : Secret();
    const ledger::PersonBox box = *ledger::PersonBox::make("check-card-benefit-2026-11", key);
    Recipient person;
    person.key = "C1000012345";
    person.addresses = {{"apns", std::string(64, 'a')}, {"phone", "01012345678"}};
    person.fields = {"홍길동", "1234"};
    for ([[maybe_unused]] auto _ : state) {
        Recipient back;
        back.key = person.key;
        const std::string stored = box.put(person);
        benchmark::DoNotOptimize(box.take(stored, back));
    }
}
BENCHMARK(person_put_and_taken)->ArgName("sealed")->Arg(0)->Arg(1);

}  // namespace
}  // namespace tidegate
