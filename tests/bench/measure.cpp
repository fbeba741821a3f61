#include "measure.hpp"

#include <sys/resource.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "drivers.hpp"

namespace tidegate::bench {

Options::Options(int count, char** arguments) {
    for (int i = 0; i < count; i += 2) {
        const std::string name = arguments[i];
        if (!name.starts_with("--") || i + 1 >= count) throw std::runtime_error("expected --name value, got " + name);
        values_[name.substr(2)] = arguments[i + 1];
    }
}

std::string Options::text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) throw std::runtime_error("--" + name + " is missing");
    return found->second;
}

std::string Options::text(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
}

long Options::number(const std::string& name, long otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : std::stol(found->second);
}

double processor_seconds() {
    rusage used = {};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

long peak_resident_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
    }
    return 0;
}

void report(std::initializer_list<std::pair<const char*, double>> figures) {
    const char* before = "{";
    for (const auto& [name, value] : figures) {
        std::printf("%s\"%s\": %.9g", before, name, value);
        before = ", ";
    }
    std::printf("}\n");
}

}  // namespace tidegate::bench
