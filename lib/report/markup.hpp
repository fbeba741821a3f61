#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidegate/base/clock.hpp"

namespace tidegate::report {

/// Text made safe for element content and quoted attributes alike; control characters and broken UTF-8 are replaced.
std::string escape(std::string_view text);

/// "<time datetime=…>2026-11-23 00:00:05</time>", in UTC.
std::string time_tag(WallTime t);

/// The colours and what a plot is drawn with, for a page or a picture that stands alone.
extern const std::string_view plot_style;
/// The page's rules and its small script, as they stand in <style> and <script>.
extern const std::string_view page_style;
extern const std::string_view page_script;

/// A whole page around its body. `title` and `footer` are markup.
std::string page(const std::string& title, const std::string& body, const std::string& footer);
/// The small sign above a page's heading.
std::string brand(std::string_view words);

/// One entry of a picture's legend.
struct Key {
    std::string shape;  ///< classes of the swatch
    std::string words;
};

/// Numbers the pictures of a page so that their ids differ.
class Ids {
  public:
    std::string next() { return "c" + std::to_string(++last_); }

  private:
    int last_ = 0;
};

/// A picture with its heading and legend.
std::string figure(const std::string& heading, const std::vector<Key>& keys, const std::string& svg);

/// A cell of a table; `inside` is markup.
std::string cell(const std::string& inside, std::string_view look = {});
/// A table in a card; `head` names the columns, those beginning with '#' hold numbers. All but `caption` is markup too.
std::string table(const std::string& caption, const std::vector<std::string>& head, const std::string& rows,
                  const std::string& note = {}, const std::string& before = {});

}  // namespace tidegate::report
