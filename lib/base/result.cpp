#include "tidegate/base/result.hpp"

namespace tidegate {

std::string Error::text() const {
    std::string out;
    if (!where.empty()) out += where + ": ";
    out += what;
    if (!hint.empty()) out += out.empty() ? hint : " (" + hint + ")";
    return out;
}

}  // namespace tidegate
