#!/bin/sh
# Writes the API reference of the public headers to build/docs/html. Any warning of Doxygen is an error.
#
#   sh cmake/docs.sh
#
# The last line is "docs: PASS", "docs: SKIP (reason)" or "docs: FAIL (reason)".
set -eu
cd "$(dirname "$0")/.."
if ! command -v doxygen >/dev/null 2>&1; then
    echo "docs: SKIP (doxygen is not installed)"
    exit 0
fi
version="$(sed -n 's/^project(tidegate VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)"
mkdir -p build/docs
if {
    cat cmake/Doxyfile
    echo "PROJECT_NUMBER = $version"
    echo "OUTPUT_DIRECTORY = build/docs"
} | doxygen -; then
    echo "docs: build/docs/html/index.html"
    echo "docs: PASS"
else
    echo "docs: FAIL (Doxygen warned)"
    exit 1
fi
