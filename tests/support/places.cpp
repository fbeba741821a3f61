#include "support/places.hpp"

// The only file compiled with absolute paths, so that a compiler cache serves every clone with the rest.

namespace tidegate::test {

std::string source_dir() {
    return TIDEGATE_SOURCE_DIR;
}

std::string bin_dir() {
    return TIDEGATE_BIN_DIR;
}

bool sanitized() {
    return TIDEGATE_SANITIZED;
}

std::string peers_dir() {
    return TIDEGATE_PEERS_DIR;
}

}  // namespace tidegate::test
