#include "korea.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "tidegate/base/text.hpp"

namespace twin {

int euckr_bytes(std::string_view utf8) {
    // The C library's own table: an opinion on the bytes that is not the library's under test.
    const iconv_t table = iconv_open("EUC-KR", "UTF-8");
    if (table == reinterpret_cast<iconv_t>(-1)) return -1;  // NOLINT(performance-no-int-to-ptr): POSIX wants it so
    std::string in(utf8);
    std::string out(in.size() + 16, '\0');
    char* from = in.data();
    char* to = out.data();
    std::size_t left = in.size(), room = out.size();
    const bool fits = iconv(table, &from, &left, &to, &room) != static_cast<std::size_t>(-1);
    iconv_close(table);
    return fits ? static_cast<int>(out.size() - room) : -1;
}

std::string report_code(const Taken& message, std::string_view arrived) {
    const std::string& number = message.number;
    const bool told = number.size() >= 7 && number.starts_with(message.kind == "ATA" ? "0103" : "0104");
    return told ? "3" + number.substr(4, 3) : std::string(arrived);
}

bool subscriber(std::string_view number) {
    return number.size() >= 9 && number.size() <= 12 && number.starts_with('0') &&
           std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string iso_now() {
    return tidegate::format_wall_time(
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
}

std::optional<Disturbance> disturbance(const Mailbox& mailbox) {
    switch (mailbox.fault()) {
        case ProviderFault::none:
            return std::nullopt;
        case ProviderFault::hang:
            return Disturbance{true, std::nullopt};
        case ProviderFault::garbage:
            return Disturbance{true, HttpReply{200, "<html><body>\xff\xfe maintenance", "text/html", {}}};
        case ProviderFault::unavailable:
            return Disturbance{false, HttpReply{503, "{}", "application/json", "Retry-After: 2\r\n"}};
        case ProviderFault::throttle:
            return Disturbance{false, HttpReply{429, "{}", "application/json", "Retry-After: 2\r\n"}};
        case ProviderFault::error:
            return Disturbance{false, HttpReply{500, "{}", "application/json", {}}};
    }
    return std::nullopt;
}

}  // namespace twin
