# Debian packages, for `cpack` in the tree of the `package` preset:
#
#   libtidegate0.1    the shared library; a new minor version has another name, so both can be installed
#   libtidegate-dev   headers, CMake package, pkg-config file; needs exactly its runtime. Of a static build: the library itself
#   tidegate-tools    the command line
#   tidegate-twin     the bank to practise on; apart, because no production host should have one by accident

set(TIDEGATE_MAINTAINER "tidegate authors <tidegate@packages.invalid>" CACHE STRING
    "Maintainer written into the Debian packages: Name <address>")
set(soname "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")

set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tidegate)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "${TIDEGATE_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # else it would stand above each package's own
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGING_INSTALL_PREFIX "/usr")
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# The programs' need of the library is stated exactly below; what dpkg-shlibdeps adds comes from other packages.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
get_target_property(library_dir tidegate BINARY_DIR)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${library_dir}")
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")

# tidegate_debian(<component> <package> <section> <what it is> <longer description>)
macro(tidegate_debian component package section what text)
    string(TOUPPER ${component} upper)
    list(APPEND CPACK_COMPONENTS_ALL ${component})
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package})
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "paced release of bulk announcements (${what})\n${text}")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/copyright.in" "${PROJECT_BINARY_DIR}/package/copyright" COPYONLY)
    install(FILES "${PROJECT_BINARY_DIR}/package/copyright" DESTINATION "share/doc/${package}" COMPONENT ${component})
endmacro()

set(exact_runtime "libtidegate${soname} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENTS_ALL)
if(TIDEGATE_IS_STATIC)
    set(development_needs "libcurl4-openssl-dev, libssl-dev, libsqlite3-dev, libspdlog-dev, libhowardhinnant-date-dev")
    if(TIDEGATE_HAS_REDIS)
        string(APPEND development_needs ", libhiredis-dev")
    endif()
    if(TIDEGATE_HAS_CONTROL)
        string(APPEND development_needs ", libcpp-httplib-dev, pkg-config")
    endif()
    set(programs_need "")
else()
    tidegate_debian(tidegate_runtime "libtidegate${soname}" libs "shared library"
        "Sends announcements in cohorts and releases only what the sender's own backends can bear once people react.\n\
This package holds the library that programs built with tidegate ${soname} run on.")
    set(CPACK_DEBIAN_TIDEGATE_RUNTIME_PACKAGE_DEPENDS "tzdata")
    set(CPACK_DEBIAN_TIDEGATE_RUNTIME_PACKAGE_RECOMMENDS "ca-certificates")
    set(development_needs "${exact_runtime}")
    set(programs_need "${exact_runtime}")
endif()

tidegate_debian(tidegate_development libtidegate-dev libdevel "development files"
    "Headers, CMake package and pkg-config file of the C++20 library tidegate.")
set(CPACK_DEBIAN_TIDEGATE_DEVELOPMENT_PACKAGE_DEPENDS "${development_needs}")
set(CPACK_DEBIAN_TIDEGATE_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)

if(TARGET tidegate_cli)
    tidegate_debian(tidegate_tools tidegate-tools net "command line"
        "The command tidegate: checks, plans, sends and reports campaigns that are written as files.")
    set(CPACK_DEBIAN_TIDEGATE_TOOLS_PACKAGE_DEPENDS "${programs_need}")
    set(CPACK_DEBIAN_TIDEGATE_TOOLS_PACKAGE_RECOMMENDS "ca-certificates")
endif()
if(TARGET tidegate_twin)
    tidegate_debian(tidegate_practice tidegate-twin net "a bank to practise on"
        "A server that behaves like a bank's backend and its push providers, for rehearsals. Not for production hosts.")
    set(CPACK_DEBIAN_TIDEGATE_PRACTICE_PACKAGE_DEPENDS "${programs_need}")
endif()

include(CPack)
