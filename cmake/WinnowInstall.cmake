# What `cmake --install` copies beside the libraries and tools: public headers,
# the dialect's definitions, and the package for find_package(Winnow).

include(CMakePackageConfigHelpers)

set(WINNOW_INSTALL_CMAKEDIR "${CMAKE_INSTALL_LIBDIR}/cmake/Winnow")

install(DIRECTORY include/winnow dialects/winnow
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
# Declarations that TableGen made. Definitions are in the libraries.
install(DIRECTORY
  "${PROJECT_BINARY_DIR}/dialects/winnow"
  "${PROJECT_BINARY_DIR}/include/winnow"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h.inc"
  PATTERN "CMakeFiles" EXCLUDE)

set(WINNOW_MLIR_LIBRARIES "")
get_property(installed GLOBAL PROPERTY WINNOW_INSTALLED)
foreach(target IN LISTS installed)
  get_target_property(type ${target} TYPE)
  get_target_property(links ${target} INTERFACE_LINK_LIBRARIES)
  if(type STREQUAL "STATIC_LIBRARY" AND "MLIR" IN_LIST links)
    list(APPEND WINNOW_MLIR_LIBRARIES ${target})
  endif()
endforeach()

foreach(export WinnowTargets WinnowCTargets)
  install(EXPORT ${export} NAMESPACE Winnow::
    DESTINATION "${WINNOW_INSTALL_CMAKEDIR}")
endforeach()
configure_package_config_file(cmake/WinnowConfig.cmake.in
  "${PROJECT_BINARY_DIR}/cmake/WinnowConfig.cmake"
  INSTALL_DESTINATION "${WINNOW_INSTALL_CMAKEDIR}"
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 each minor version may change the C++ interface.
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/cmake/WinnowConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/cmake/WinnowConfig.cmake"
  "${PROJECT_BINARY_DIR}/cmake/WinnowConfigVersion.cmake"
  cmake/FindPCRE2.cmake
  DESTINATION "${WINNOW_INSTALL_CMAKEDIR}")
