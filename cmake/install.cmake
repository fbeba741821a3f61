# Install rules and the relocatable CMake package: find_package(tidegate) gives tidegate::tidegate.

include(CMakePackageConfigHelpers)

set(TIDEGATE_CONFIG_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/tidegate")

install(TARGETS tidegate EXPORT tidegateTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tidegate" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
install(EXPORT tidegateTargets NAMESPACE tidegate:: DESTINATION "${TIDEGATE_CONFIG_DIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

get_target_property(TIDEGATE_KIND tidegate TYPE)
if(TIDEGATE_KIND STREQUAL "SHARED_LIBRARY")
    set(TIDEGATE_IS_STATIC OFF)
else()
    set(TIDEGATE_IS_STATIC ON)
endif()
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/tidegateConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/package/tidegateConfig.cmake"
                              INSTALL_DESTINATION "${TIDEGATE_CONFIG_DIR}")
# Before 1.0 a new minor version may break its users.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/tidegateConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/tidegateConfig.cmake"
              "${PROJECT_BINARY_DIR}/package/tidegateConfigVersion.cmake"
        DESTINATION "${TIDEGATE_CONFIG_DIR}")
install(FILES "${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake" RENAME tidegateDependencies.cmake
        DESTINATION "${TIDEGATE_CONFIG_DIR}")

if(TARGET tidegate_cli)
    # A shared library beside it is found wherever the prefix is moved to.
    file(RELATIVE_PATH TIDEGATE_BIN_TO_LIB "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")
    set_target_properties(tidegate_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${TIDEGATE_BIN_TO_LIB}")
    install(TARGETS tidegate_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
