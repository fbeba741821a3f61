#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tidegate/message/message.hpp"
#include "tidegate/message/outcome.hpp"

using namespace tidegate;

TEST_CASE("every class, reason and purpose has a name of its own") {
    std::set<std::string_view> reasons;
    for (int i = 0; i <= static_cast<int>(Reason::pending); ++i) reasons.insert(to_string(static_cast<Reason>(i)));
    CHECK(reasons.size() == static_cast<std::size_t>(Reason::pending) + 1);
    std::set<std::string_view> classes;
    for (int i = 0; i <= static_cast<int>(OutcomeClass::unknown); ++i) {
        classes.insert(to_string(static_cast<OutcomeClass>(i)));
    }
    CHECK(classes.size() == 6);
    CHECK(to_string(Purpose::advertising) == "advertising");
    CHECK(to_string(Purpose::transactional) == "transactional");
}

TEST_CASE("nobody knows is never told apart as not sent") {
    const Outcome lost = ambiguous("connection lost");
    CHECK(lost.kind == OutcomeClass::unknown);
    CHECK(lost.reason == Reason::ambiguous_submit);
    CHECK(lost.scope == Scope::recipient);
    CHECK(lost.reconcile);
    CHECK_FALSE(lost.failover_ok);  // another channel could make it two messages

    const Outcome unsent = not_sent("refused stream");
    CHECK(unsent.kind == OutcomeClass::transient);
    CHECK(unsent.reason == Reason::network);
    CHECK(unsent.scope == Scope::connection);
    CHECK(unsent.reconnect);
    CHECK_FALSE(unsent.reconcile);

    const Outcome taken = accepted("id-1");
    CHECK(taken.kind == OutcomeClass::accepted);
    CHECK(taken.reason == Reason::queued);
    CHECK(taken.provider_id == "id-1");
    CHECK(taken.phase == Phase::submit);
}

TEST_CASE("an outcome's text is cut to 200 bytes between characters") {
    std::string text = "x";
    for (int i = 0; i < 100; ++i) text += "한";
    const std::string cut = ambiguous(text).text;
    CHECK(cut.size() == 199);
    CHECK(text.starts_with(cut));
    CHECK(not_sent("short").text == "short");
}
