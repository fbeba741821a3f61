# Functions for our own targets. Nothing here touches a global flag, so a project that adds tidegate as a subdirectory
# keeps its own settings.

# Language level, warnings and sanitizers for one of our targets.
function(tidegate_house_rules target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden
                                               VISIBILITY_INLINES_HIDDEN ON)
    if(TIDEGATE_WARNINGS)
        target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
    endif()
    if(TIDEGATE_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    # GCC 12 suspects the standard library's own strings and variants once it has inlined them: GCC bugs 105651 and
    # 105562. -Wrestrict fires on every "text" + string; the others stay visible and do not end the build.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND TIDEGATE_WARNINGS)
        target_compile_options(${target} PRIVATE -Wno-restrict -Wno-error=maybe-uninitialized -Wno-error=array-bounds
                                                 -Wno-error=stringop-overflow -Wno-error=stringop-overread)
    endif()
    if(TIDEGATE_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${TIDEGATE_SANITIZE} -fno-omit-frame-pointer)
        target_link_options(${target} PUBLIC -fsanitize=${TIDEGATE_SANITIZE})
        if(TIDEGATE_SANITIZE MATCHES "undefined")
            target_compile_options(${target} PRIVATE -fno-sanitize-recover=undefined)
        endif()
        # std::atomic_thread_fence in headers of others: ThreadSanitizer cannot see it and GCC says so.
        if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND TIDEGATE_SANITIZE MATCHES "thread")
            target_compile_options(${target} PRIVATE -Wno-error=tsan)
        endif()
    endif()
endfunction()

# What this build holds, in five lines.
function(tidegate_summary)
    get_target_property(kind tidegate TYPE)
    if(kind STREQUAL "SHARED_LIBRARY")
        set(kind "shared")
    else()
        set(kind "static")
    endif()
    set(parts "library (${kind})")
    foreach(part IN ITEMS tidegate_cli tidegate_twin tidegate_quickstart tidegate_service tidegate_unit_tests tidegate_integration_tests tidegate_bench)
        if(TARGET ${part})
            list(APPEND parts ${part})
        endif()
    endforeach()
    list(JOIN parts ", " parts)
    message(STATUS "tidegate ${PROJECT_VERSION} (${CMAKE_BUILD_TYPE})")
    message(STATUS "  builds    ${parts}")
    message(STATUS "  redis     ${TIDEGATE_HAS_REDIS}    limits shared between nodes")
    message(STATUS "  control   ${TIDEGATE_HAS_CONTROL}    the operator's HTTP surface")
    message(STATUS "  werror ${TIDEGATE_WERROR}  sanitize '${TIDEGATE_SANITIZE}'  launcher '${CMAKE_CXX_COMPILER_LAUNCHER}'")
endfunction()
