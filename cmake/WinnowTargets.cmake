# Functions that declare Winnow's libraries and tools.

# MLIR's headers dominate compile time, so all MLIR targets share one
# precompiled header. ccache needs -fno-pch-timestamp to keep its hits.
# What links the target needs MLIR too, unless SCOPE is PRIVATE.
function(winnow_use_mlir target)
  set(scope PUBLIC)
  if(ARGN)
    set(scope ${ARGN})
  endif()
  target_compile_definitions(${target} PRIVATE ${WINNOW_LLVM_DEFINITIONS})
  # WinnowConfig.cmake gives users the folders of their own MLIR.
  target_include_directories(${target} SYSTEM ${scope}
    "$<BUILD_INTERFACE:${LLVM_INCLUDE_DIRS};${MLIR_INCLUDE_DIRS}>")
  target_compile_options(${target} PRIVATE -fno-exceptions)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${target} PRIVATE -fno-rtti)
  endif()
  target_link_libraries(${target} ${scope} MLIR LLVM)
endfunction()

function(winnow_includes target)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/dialects>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# Makes a library or tool part of the installation, Winnow::<name> to users. The
# component `programs` is what works without a compiler, and all of the Python
# package.
function(winnow_install target)
  install(TARGETS ${target} EXPORT WinnowTargets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  set_property(GLOBAL APPEND PROPERTY WINNOW_INSTALLED ${target})
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    set_property(GLOBAL APPEND PROPERTY WINNOW_PROGRAMS ${target})
  endif()
endfunction()

# winnow_add_library(Name sources... [UNINSTALLED] DEPENDS targets... LINK libs...)
# A static library that uses MLIR or LLVM.
function(winnow_add_library name)
  cmake_parse_arguments(ARG "UNINSTALLED" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  winnow_includes(${name})
  winnow_use_mlir(${name})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND TARGET WinnowPch)
    target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${name} REUSE_FROM WinnowPch)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(NOT ARG_UNINSTALLED)
    winnow_install(${name})
  endif()
endfunction()

# winnow_add_plain_library(Name sources... [UNINSTALLED] LINK libs...)
# A static library that must not know LLVM (Runtime, Tokenizer).
function(winnow_add_plain_library name)
  cmake_parse_arguments(ARG "UNINSTALLED" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  winnow_includes(${name})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(NOT ARG_UNINSTALLED)
    winnow_install(${name})
  endif()
endfunction()

# winnow_add_c_library(Target sources... NAME Name LINK libs...)
# libwinnow-<name>.so, Winnow::<Name> to users: a shared library that shows the
# C functions winnow_* and nothing else. It is exported apart from the others,
# so that C projects need neither MLIR's package nor a C++ compiler.
function(winnow_add_c_library target)
  cmake_parse_arguments(ARG "" "NAME" "LINK" ${ARGN})
  string(TOLOWER "${ARG_NAME}" name)
  add_library(${target} SHARED ${ARG_UNPARSED_ARGUMENTS})
  winnow_includes(${target})
  target_link_libraries(${target} PRIVATE ${ARG_LINK})
  set(exports "${CMAKE_CURRENT_BINARY_DIR}/${target}.exports")
  file(WRITE "${exports}" "{ global: winnow_*; local: *; };\n")
  target_link_options(${target} PRIVATE "LINKER:--version-script=${exports}")
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME winnow-${name}
    EXPORT_NAME ${ARG_NAME}
    INSTALL_RPATH_USE_LINK_PATH ON
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
  install(TARGETS ${target} EXPORT WinnowCTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT programs)
  set_property(GLOBAL APPEND PROPERTY WINNOW_INSTALLED ${target})
endfunction()

# winnow_add_tool(name sources... [PLAIN] [UNINSTALLED] LINK libs...)
function(winnow_add_tool name)
  cmake_parse_arguments(ARG "PLAIN;UNINSTALLED" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  winnow_includes(${name})
  if(NOT ARG_PLAIN)
    winnow_use_mlir(${name})
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  # The libraries of LLVM and MLIR are not where the loader looks by itself.
  set_target_properties(${name} PROPERTIES
    INSTALL_RPATH_USE_LINK_PATH ON
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  if(NOT ARG_UNINSTALLED)
    winnow_install(${name})
  endif()
endfunction()

# winnow_add_unittest(Name sources... LINK libs...): a GoogleTest binary that
# `check-winnow` runs and counts.
function(winnow_add_unittest name)
  cmake_parse_arguments(ARG "PLAIN" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  winnow_includes(${name})
  if(NOT ARG_PLAIN)
    winnow_use_mlir(${name})
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/unittests")
  set_property(GLOBAL APPEND PROPERTY WINNOW_UNITTESTS ${name})
endfunction()
