# Install rules and the relocatable package: find_package(tidegate) gives tidegate::tidegate, pkg-config knows tidegate.
#
# Install components: tidegate_runtime (the shared library), tidegate_development (headers, link name or static library,
# package files), tidegate_tools (the command line), tidegate_practice (the twin).

include(CMakePackageConfigHelpers)

set(TIDEGATE_CONFIG_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/tidegate")
set(TIDEGATE_PC_DIR "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

get_target_property(TIDEGATE_KIND tidegate TYPE)
if(TIDEGATE_KIND STREQUAL "SHARED_LIBRARY")
    set(TIDEGATE_IS_STATIC OFF)
else()
    set(TIDEGATE_IS_STATIC ON)
endif()

install(TARGETS tidegate EXPORT tidegateTargets
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tidegate_runtime
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT tidegate_runtime NAMELINK_COMPONENT tidegate_development
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT tidegate_development)
set(left_out)
if(NOT TIDEGATE_HAS_CONTROL)
    set(left_out PATTERN "control" EXCLUDE)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tidegate" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        COMPONENT tidegate_development FILES_MATCHING PATTERN "*.hpp" ${left_out})

# CMake
install(EXPORT tidegateTargets NAMESPACE tidegate:: DESTINATION "${TIDEGATE_CONFIG_DIR}" COMPONENT tidegate_development)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/tidegateConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/package/tidegateConfig.cmake"
                              INSTALL_DESTINATION "${TIDEGATE_CONFIG_DIR}"
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 a new minor version may break its users.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/tidegateConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/tidegateConfig.cmake"
              "${PROJECT_BINARY_DIR}/package/tidegateConfigVersion.cmake"
        DESTINATION "${TIDEGATE_CONFIG_DIR}" COMPONENT tidegate_development)
install(FILES "${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake" RENAME tidegateDependencies.cmake
        DESTINATION "${TIDEGATE_CONFIG_DIR}" COMPONENT tidegate_development)

# pkg-config. A static tidegate names its libraries as public ones, so that no user must know to ask for --static.
set(TIDEGATE_PC_REQUIRES)
set(TIDEGATE_PC_LIBS)
set(TIDEGATE_PC_CFLAGS)
if(TIDEGATE_IS_STATIC)
    set(TIDEGATE_PC_CFLAGS " -DTIDEGATE_STATIC")
    find_package(PkgConfig QUIET)
    set(wanted libcurl:-lcurl "openssl:-lssl -lcrypto" sqlite3:-lsqlite3 "spdlog:-lspdlog -lfmt")
    if(TIDEGATE_HAS_REDIS)
        list(APPEND wanted hiredis:-lhiredis)
    endif()
    if(TIDEGATE_HAS_CONTROL)
        list(APPEND wanted cpp-httplib:-lcpp-httplib)
    endif()
    foreach(pair IN LISTS wanted)
        string(REGEX MATCH "^([^:]*):(.*)$" ignored "${pair}")
        set(name "${CMAKE_MATCH_1}")
        set(flags "${CMAKE_MATCH_2}")
        string(MAKE_C_IDENTIFIER "TIDEGATE_PC_${name}" variable)
        if(PkgConfig_FOUND)
            pkg_check_modules(${variable} QUIET ${name})
        endif()
        if(${variable}_FOUND)
            list(APPEND TIDEGATE_PC_REQUIRES ${name})
        else()
            string(APPEND TIDEGATE_PC_LIBS " ${flags}")
        endif()
    endforeach()
    list(JOIN TIDEGATE_PC_REQUIRES " " TIDEGATE_PC_REQUIRES)
    string(APPEND TIDEGATE_PC_LIBS " -ldate-tz -pthread")
endif()
file(RELATIVE_PATH TIDEGATE_PC_TO_PREFIX "/prefix/${TIDEGATE_PC_DIR}" "/prefix")
string(REGEX REPLACE "/$" "" TIDEGATE_PC_TO_PREFIX "${TIDEGATE_PC_TO_PREFIX}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/tidegate.pc.in" "${PROJECT_BINARY_DIR}/package/tidegate.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/tidegate.pc" DESTINATION "${TIDEGATE_PC_DIR}"
        COMPONENT tidegate_development)

# Programs. A shared library beside them is found wherever the prefix is moved to; the system's own prefix needs no path.
file(RELATIVE_PATH TIDEGATE_BIN_TO_LIB "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")
foreach(program IN ITEMS tidegate_cli:tidegate_tools tidegate_twin:tidegate_practice)
    string(REPLACE ":" ";" program "${program}")
    list(GET program 0 target)
    list(GET program 1 component)
    if(TARGET ${target})
        if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
            set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/${TIDEGATE_BIN_TO_LIB}")
        endif()
        install(TARGETS ${target} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT ${component})
    endif()
endforeach()

if(TIDEGATE_PACKAGING)
    include(cmake/packaging.cmake)
else()
    install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT tidegate_development)
endif()
