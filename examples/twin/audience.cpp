#include "audience.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include "tidegate/base/rng.hpp"

namespace twin {

namespace {

// The commonest family names first, drawn with a weight that falls off like theirs do.
constexpr std::array<std::string_view, 20> kFamily = {"김", "이", "박", "최", "정", "강", "조", "윤", "장", "임",
                                                      "한", "오", "서", "신", "권", "황", "안", "송", "류", "남궁"};
constexpr std::array<std::string_view, 24> kFirst = {"민", "서", "지", "하", "도", "예", "수", "은",
                                                     "현", "재", "유", "시", "준", "영", "태", "다",
                                                     "소", "나", "정", "혜", "승", "우", "가", "채"};
constexpr std::array<std::string_view, 20> kSecond = {"준", "연", "우", "윤", "현", "은", "원", "진", "아", "희",
                                                      "민", "호", "빈", "경", "수", "린", "훈", "영", "정", "율"};
constexpr std::array<std::string_view, 12> kBranches = {"본점", "강남", "여의도", "판교", "수원", "인천",
                                                        "대전", "대구", "부산",   "광주", "전주", "제주"};

template <std::size_t N>
std::string_view pick(const std::array<std::string_view, N>& from, double where) {
    return from[static_cast<std::size_t>(where * static_cast<double>(N))];
}

std::string letters(tidegate::Rng& rng, std::size_t count, std::string_view alphabet) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += alphabet[rng.bits() % alphabet.size()];
    return out;
}

}  // namespace

void write_audience(const AudienceOptions& options) {
    constexpr std::string_view kHex = "0123456789abcdef";
    constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::ofstream file(options.out, std::ios::binary | std::ios::trunc);
    file << "customer_id,android_token,ios_token,phone,name,benefit_id,ad_consent,night_consent,branch\n";
    tidegate::Rng rng(options.seed ^ 0xa0d1ULL);
    for (std::uint64_t i = 1; i <= options.recipients; ++i) {
        const bool apple = rng.uniform() < options.apns_share;
        const bool dead = rng.uniform() < options.dead_share;
        const double rank = rng.uniform();
        std::string name(pick(kFamily, rank * rank));
        name += pick(kFirst, rng.uniform());
        name += pick(kSecond, rng.uniform());
        std::string token =
            apple ? letters(rng, 64, kHex) : letters(rng, 22, kBase64) + ":APA91b" + letters(rng, 134, kBase64);
        if (dead) token.replace(0, 4, "dead");
        // A living one must not look dead by chance.
        if (!dead && token.rfind("dead", 0) == 0) token[0] = 'e';
        char id[32], phone[32];
        std::snprintf(id, sizeof id, "C%09llu", static_cast<unsigned long long>(i));
        std::snprintf(phone, sizeof phone, "010%08llu", static_cast<unsigned long long>(rng.bits() % 100'000'000));
        file << id << ',' << (apple ? "" : token) << ',' << (apple ? token : "") << ',' << phone << ',' << name << ",B"
             << 1000 + rng.bits() % 40 << ',' << (rng.uniform() < 0.95 ? "true" : "false") << ','
             << (rng.uniform() < 0.3 ? "true" : "false") << ',' << pick(kBranches, rng.uniform()) << '\n';
    }
    file.flush();
    if (!file) throw std::runtime_error("cannot write " + options.out);
}

}  // namespace twin
