#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/base/result.hpp"

namespace tidegate {

/// Why the message is sent; decides which consents and hours apply.
enum class Purpose : std::uint8_t { advertising, informational, transactional };
/// As campaign files spell it.
TIDEGATE_EXPORT std::string_view to_string(Purpose purpose);

/// What is said to everyone, before personalisation. Text fields may hold `{{column}}` or `{{column|default}}`.
struct Message {
    std::string title{};                        ///< may be empty
    std::string body{};                         ///< required
    std::string link{};                         ///< opened on tap; empty = the app's start
    std::string collapse{};                     ///< equal values merge on the device; empty = never merged
    std::optional<Duration> ttl{};              ///< absent = the provider's own storage policy
    std::map<std::string, std::string> data{};  ///< extra string pairs for the app
    std::string template_id{};                  ///< vendor or site template; required for `transactional`
    /// what stands in the vendor's template, by the template's own names ("name" or "#{name}")
    std::map<std::string, std::string> variables{};

    bool operator==(const Message&) const = default;
};

/// A message for one person.
struct RenderedMessage {
    std::string title{};                             ///< may be empty
    std::string body{};                              ///< text for this person
    std::string link{};                              ///< empty = the app's start
    std::string collapse{};                          ///< empty = never merged
    std::map<std::string, std::string> data{};       ///< extra string pairs for the app
    std::string template_id{};                       ///< as registered at the vendor
    std::map<std::string, std::string> variables{};  ///< for the vendor's template, by its own names

    bool operator==(const RenderedMessage&) const = default;
};

/// One text with `{{column}}` or `{{column|default}}` holes, parsed once. Blanks around names and defaults are dropped.
class TIDEGATE_EXPORT TextTemplate {
  public:
    /// Errors: "{{" without "}}", an empty name, a brace in a name, not UTF-8; `where` is left for the caller.
    static Result<TextTemplate> compile(std::string_view text);
    /// Column names in order of first use.
    const std::vector<std::string>& columns() const { return columns_; }

  private:
    friend class MessageTemplate;
    struct Piece {
        std::string literal{};
        int column = -1;  ///< index into columns_; -1 = literal only
        std::string fallback{};
    };
    std::vector<Piece> pieces_;
    std::vector<std::string> columns_;
};

/// A whole message compiled for rendering. Immutable; share it freely between threads.
class TIDEGATE_EXPORT MessageTemplate {
  public:
    /// Errors: every fault of every field at once, `where` naming the field ("message.body").
    /// `columns` come first among the columns: several templates compiled one after the other, each with the columns of
    /// the one before, can be rendered from the same values.
    static Result<MessageTemplate, Faults> compile(const Message& message, std::vector<std::string> columns = {});
    /// Columns needed, each once; their order is the order of values that `render` takes.
    const std::vector<std::string>& columns() const { return columns_; }
    /// An empty value takes the hole's default. Values are inserted as they are; escaping belongs to the channel.
    RenderedMessage render(const std::vector<std::string>& values) const;

  private:
    struct Part {
        TextTemplate text{};
        std::vector<std::size_t> index{};  ///< of each of the text's columns in columns_
    };
    static std::string fill(const Part& part, const std::vector<std::string>& values);
    Part title_, body_, link_, collapse_;
    std::map<std::string, Part> data_, variables_;
    std::string template_id_;
    std::vector<std::string> columns_;
};

}  // namespace tidegate
