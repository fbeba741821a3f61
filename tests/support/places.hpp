#pragma once

#include <string>

namespace tidegate::test {

/// The checkout, without a trailing slash.
std::string source_dir();
/// Where this build's executables are.
std::string bin_dir();
/// True in a sanitizer build: several times slower, so what depends on real time is run there and not judged.
bool sanitized();
/// The scripts in tests/support that stand in for providers.
std::string peers_dir();

}  // namespace tidegate::test
