#include "ledger/person_box.hpp"

#include <doctest/doctest.h>

using namespace tidegate;
using namespace tidegate::ledger;

namespace {

Recipient somebody() {
    Recipient person;
    person.key = "c1";
    person.addresses = {{"apns", "token-1"}, {"phone", std::string(300, '7')}, {"fcm", ""}};
    person.fields = {"김하늘", "", std::string("a\0b", 3)};
    return person;
}

}  // namespace

TEST_CASE("a packed person comes back whole") {
    const Recipient person = somebody();
    Recipient back;
    back.key = person.key;
    REQUIRE(unpack(pack(person), back));
    CHECK(back == person);
}

TEST_CASE("a packed person that was cut or lengthened anywhere is refused") {
    const std::string bytes = pack(somebody());
    Recipient back;
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(unpack(bytes.substr(0, size), back));
    CHECK_FALSE(unpack(bytes + "x", back));
    CHECK_FALSE(unpack(std::string(9, '\xff') + "\x7f", back));
}

TEST_CASE("a sealed person opens only with the key, for the campaign and under the identity it was sealed for") {
    const Secret key(std::string(32, 'k')), other(std::string(32, 'o'));
    const auto box = PersonBox::make("campaign", key);
    REQUIRE(box);
    const Recipient person = somebody();
    const std::string stored = box->put(person);
    CHECK(stored.find("token-1") == std::string::npos);

    Recipient back;
    back.key = "c1";
    REQUIRE(box->take(stored, back));
    CHECK(back == person);

    Recipient exchanged;
    exchanged.key = "c2";
    CHECK_FALSE(box->take(stored, exchanged));
    CHECK_FALSE(PersonBox::make("another", key)->take(stored, back));
    CHECK_FALSE(PersonBox::make("campaign", other)->take(stored, back));
}

TEST_CASE("the check value recognises its own key only") {
    const auto box = PersonBox::make("campaign", Secret(std::string(32, 'k')));
    REQUIRE(box);
    CHECK(box->recognises(box->check_value()));
    CHECK_FALSE(PersonBox::make("campaign", Secret(std::string(32, 'o')))->recognises(box->check_value()));
    CHECK_FALSE(PersonBox().recognises(box->check_value()));
    CHECK_FALSE(box->recognises("not base64 !"));
    CHECK_FALSE(PersonBox::make("campaign", Secret("short")));
}
