#include "report/markup.hpp"

#include "report/words.hpp"
#include "tidegate/base/text.hpp"

namespace tidegate::report {

namespace {

constexpr std::string_view kSign =
    "<svg width=\"22\" height=\"18\" viewBox=\"0 0 22 18\" aria-hidden=\"true\"><path d=\"M2 1v16M20 1v16\" "
    "fill=\"none\" "
    "stroke=\"currentColor\" stroke-width=\"2.4\" stroke-linecap=\"round\"/><path d=\"M5.5 8c2-2.4 3.6-2.4 5.5 0s3.6 "
    "2.4 5.5 "
    "0M5.5 13c2-2.4 3.6-2.4 5.5 0s3.6 2.4 5.5 0\" fill=\"none\" stroke=\"var(--teal)\" stroke-width=\"1.8\" "
    "stroke-linecap=\"round\"/></svg>";

constexpr std::string_view kDefinitions =
    "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" "
    "width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path d=\"M0 0v6\" "
    "style=\"stroke:var(--soft);stroke-width:1.3;stroke-opacity:.55\"/></pattern></defs></svg>";

}  // namespace

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

std::string page(const std::string& title, const std::string& body, const std::string& footer) {
    std::string out =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>" +
        title + "</title><style>";
    out += plot_style;
    out += page_style;
    out += "</style></head><body>";
    out += kDefinitions;
    out += "<main>" + body + "<footer>" + footer + "</footer></main><script>";
    out += page_script;
    return out + "</script></body></html>\n";
}

std::string brand(std::string_view words) {
    return "<p class=\"brand\">" + std::string(kSign) + escape(words) + "</p>";
}

std::string figure(const std::string& heading, const std::vector<Key>& keys, const std::string& svg) {
    std::string out = "<figure><figcaption><h3>" + escape(heading) + "</h3><ul class=\"legend\">";
    for (const Key& key : keys) {
        out += "<li><i class=\"key " + key.shape + "\"></i>" + escape(key.words) + "</li>";
    }
    return out + "</ul></figcaption><div class=\"frame\">" + svg + "</div></figure>";
}

std::string cell(const std::string& inside, std::string_view look) {
    return "<td" + (look.empty() ? std::string() : " class=\"" + std::string(look) + "\"") + ">" + inside + "</td>";
}

std::string table(const std::string& caption, const std::vector<std::string>& head, const std::string& rows,
                  const std::string& note, const std::string& before) {
    std::string out = "<div class=\"card\"><h3>" + escape(caption) + "</h3>" + before +
                      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + escape(caption) +
                      "\"><table><thead><tr>";
    for (const auto& name : head) {
        const bool number = name.starts_with('#');
        out += std::string("<th scope=\"col\"") + (number ? " class=\"n\">" : ">") + (number ? name.substr(1) : name) +
               "</th>";
    }
    return out + "</tr></thead><tbody>" + rows + "</tbody></table></div>" +
           (note.empty() ? "" : "<p class=\"soft\">" + note + "</p>") + "</div>";
}

}  // namespace tidegate::report
