#include "report/markup.hpp"

#include "report/words.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::report {

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string time_tag(WallTime t) {
    const std::string stamp = format_wall_time(t);
    std::string shown = stamp.substr(0, 19);
    shown[10] = ' ';
    return "<time datetime=\"" + stamp + "\">" + shown + "</time>";
}

}  // namespace tidegate::report
