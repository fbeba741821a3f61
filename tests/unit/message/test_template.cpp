#include <doctest/doctest.h>

#include "tidegate/message/message.hpp"

using namespace tidegate;

namespace {

std::string fault_of(std::string_view text) {
    auto compiled = TextTemplate::compile(text);
    REQUIRE_FALSE(compiled);
    CHECK(compiled.error().where.empty());
    return compiled.error().what;
}

RenderedMessage render(const Message& message, const std::vector<std::string>& values) {
    auto compiled = MessageTemplate::compile(message);
    REQUIRE(compiled);
    return compiled->render(values);
}

std::string body(std::string text, const std::vector<std::string>& values) {
    Message message;
    message.body = std::move(text);
    return render(message, values).body;
}

}  // namespace

TEST_CASE("holes take their column's value, or their own default when it is empty") {
    CHECK(body("{{name}}님, {{ name | 고객 }}님", {"김"}) == "김님, 김님");
    CHECK(body("{{name|회원}}님, {{ name | 고객 }}님", {""}) == "회원님, 고객님");
    CHECK(body("<{{a|}}{{b}}>", {"", ""}) == "<>");
    CHECK(body("{{a}}{{b}}{{a}}", {"1", "2"}) == "121");
    CHECK(body("no holes } }} {", {}) == "no holes } }} {");
    CHECK(body("", {}).empty());
    CHECK(body("{{a|x|y}}", {""}) == "x|y");
}

TEST_CASE("a value is inserted as it is and never read as a template") {
    CHECK(body("{{a}}", {"{{b}} \"quoted\" \n"}) == "{{b}} \"quoted\" \n");
}

TEST_CASE("columns stand once each, in order of first use across the whole message") {
    Message message;
    message.title = "{{b}}";
    message.body = "{{a}}{{b}}";
    message.link = "app://{{c}}";
    message.collapse = "{{a}}";
    message.data = {{"k", "{{d}}"}, {"plain", "x"}};
    auto compiled = MessageTemplate::compile(message);
    REQUIRE(compiled);
    CHECK(compiled->columns() == std::vector<std::string>{"b", "a", "c", "d"});
    CHECK(compiled->render({"B", "A", "C", "D"}) ==
          RenderedMessage{"B", "AB", "app://C", "A", {{"k", "D"}, {"plain", "x"}}});
    CHECK(compiled->render({}) == RenderedMessage{"", "", "app://", "", {{"k", ""}, {"plain", "x"}}});
}

TEST_CASE("a broken hole is told with its place in characters") {
    CHECK(fault_of("안녕 {{name") == "\"{{\" without \"}}\" at character 4");
    CHECK(fault_of("{{a {{b}}") == "\"{{\" without \"}}\" at character 1");
    CHECK(fault_of("x{{}}") == "a hole without a column name at character 2");
    CHECK(fault_of("x{{ |d}}") == "a hole without a column name at character 2");
    CHECK(fault_of("{{{a}}}") == "a brace in a column name at character 1");
    CHECK(fault_of("\xFF") == "the text is not UTF-8");
}

TEST_CASE("every fault of every field is told at once") {
    Message message;
    message.title = "{{";
    message.body = "fine";
    message.link = "{{}}";
    message.data = {{"id", "{{x"}};
    auto compiled = MessageTemplate::compile(message);
    REQUIRE_FALSE(compiled);
    REQUIRE(compiled.error().size() == 3);
    CHECK(compiled.error()[0].where == "message.title");
    CHECK(compiled.error()[1].where == "message.link");
    CHECK(compiled.error()[2].where == "message.data.id");
}
