# Looks up the libraries tidegate stands on. The build includes this file, and so does the installed package (for a static
# tidegate, whose users must link them), so both always agree.
#
# Libraries whose packaging differs between distributions end up behind one name, tidegate_deps::<library>.
# The build gets TIDEGATE_HAS_REDIS and TIDEGATE_HAS_CONTROL from it. The package sets TIDEGATE_PACKAGE_MODE,
# tidegate_want_redis and tidegate_want_control before and looks for the targets afterwards.

include(CMakeFindDependencyMacro)
if(NOT TIDEGATE_PACKAGE_MODE)
    set(tidegate_want_redis ${TIDEGATE_REDIS})
    set(tidegate_want_control ${TIDEGATE_CONTROL})
endif()

# In the installed package a missing library makes tidegate "not found" with a reason; in the build it ends the configure.
macro(tidegate_need name)
    if(TIDEGATE_PACKAGE_MODE)
        find_dependency(${name} ${ARGN})
    else()
        find_package(${name} ${ARGN} REQUIRED)
    endif()
endmacro()

# find_path and find_library behind one imported target. Leaves tidegate_deps::<name> undefined when a part is missing.
function(tidegate_find_by_hand name header library)
    if(TARGET tidegate_deps::${name})
        return()
    endif()
    find_path(TIDEGATE_${name}_INCLUDE_DIR ${header})
    mark_as_advanced(TIDEGATE_${name}_INCLUDE_DIR)
    if(NOT TIDEGATE_${name}_INCLUDE_DIR)
        return()
    endif()
    if(library)
        find_library(TIDEGATE_${name}_LIBRARY ${library})
        mark_as_advanced(TIDEGATE_${name}_LIBRARY)
        if(NOT TIDEGATE_${name}_LIBRARY)
            return()
        endif()
    endif()
    add_library(tidegate_deps::${name} INTERFACE IMPORTED)
    target_include_directories(tidegate_deps::${name} INTERFACE "${TIDEGATE_${name}_INCLUDE_DIR}")
    if(library)
        target_link_libraries(tidegate_deps::${name} INTERFACE "${TIDEGATE_${name}_LIBRARY}")
    endif()
endfunction()

# The first of the given targets that exists, under our name.
function(tidegate_name_target name)
    if(TARGET tidegate_deps::${name})
        return()
    endif()
    foreach(candidate IN LISTS ARGN)
        if(TARGET ${candidate})
            add_library(tidegate_deps::${name} INTERFACE IMPORTED)
            target_link_libraries(tidegate_deps::${name} INTERFACE ${candidate})
            return()
        endif()
    endforeach()
endfunction()

tidegate_need(Threads)
tidegate_need(CURL 7.80)
tidegate_need(OpenSSL 3.0)
tidegate_need(SQLite3)
tidegate_need(spdlog CONFIG)
tidegate_need(date CONFIG)

# Header-only, or used so: nobody who links tidegate needs them.
if(NOT TIDEGATE_PACKAGE_MODE)
    find_package(nlohmann_json 3.10 CONFIG REQUIRED)
    tidegate_find_by_hand(toml toml++/toml.h "")
    tidegate_find_by_hand(xxhash xxhash.h "")
    foreach(name IN ITEMS toml xxhash)
        if(NOT TARGET tidegate_deps::${name})
            message(FATAL_ERROR "tidegate needs ${name}: run `sh cmake/bootstrap.sh build`, "
                                "or install libtomlplusplus-dev and libxxhash-dev")
        endif()
    endforeach()
    # We compile toml++ in, so that no shared object of it is needed where tidegate runs.
    set_target_properties(tidegate_deps::toml PROPERTIES INTERFACE_COMPILE_DEFINITIONS
                          "TOML_HEADER_ONLY=1;TOML_EXCEPTIONS=0;TOML_ENABLE_FORMATTERS=0")
    set_target_properties(tidegate_deps::xxhash PROPERTIES INTERFACE_COMPILE_DEFINITIONS "XXH_INLINE_ALL=")
endif()

# hiredis 0.14 ships a HiredisConfig.cmake that makes no target and aborts when asked without a version; only the
# lower-case package of 1.0 and later is of use. Without it header and library are found by hand.
if(tidegate_want_redis)
    find_package(hiredis CONFIG QUIET)
    tidegate_name_target(hiredis hiredis::hiredis)
    tidegate_find_by_hand(hiredis hiredis/hiredis.h hiredis)
endif()

# Macros of cpp-httplib change the layout of its classes, so the flags must be those its library was compiled with.
if(tidegate_want_control)
    find_package(httplib CONFIG QUIET)
    tidegate_name_target(httplib httplib::httplib)
    if(NOT TARGET tidegate_deps::httplib)
        find_package(PkgConfig QUIET)
        if(PkgConfig_FOUND)
            pkg_check_modules(TIDEGATE_HTTPLIB QUIET IMPORTED_TARGET cpp-httplib)
            tidegate_name_target(httplib PkgConfig::TIDEGATE_HTTPLIB)
        endif()
    endif()
endif()

if(NOT TIDEGATE_PACKAGE_MODE)
    set(TIDEGATE_HAS_REDIS OFF)
    set(TIDEGATE_HAS_CONTROL OFF)
    if(tidegate_want_redis AND TARGET tidegate_deps::hiredis)
        set(TIDEGATE_HAS_REDIS ON)
    endif()
    if(tidegate_want_control AND TARGET tidegate_deps::httplib)
        set(TIDEGATE_HAS_CONTROL ON)
    endif()
endif()
