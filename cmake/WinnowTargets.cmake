# Functions that declare Winnow's libraries and tools.

# MLIR's headers dominate compile time, so all MLIR targets share one
# precompiled header. ccache needs -fno-pch-timestamp to keep its hits.
function(winnow_use_mlir target)
  target_compile_definitions(${target} PRIVATE ${WINNOW_LLVM_DEFINITIONS})
  target_include_directories(${target} SYSTEM PUBLIC
    ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_options(${target} PRIVATE -fno-exceptions)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${target} PRIVATE -fno-rtti)
  endif()
  target_link_libraries(${target} PUBLIC MLIR LLVM)
endfunction()

function(winnow_includes target)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/dialects>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# winnow_add_library(Name sources... DEPENDS targets... LINK libs...)
# A static library that uses MLIR or LLVM.
function(winnow_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
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
endfunction()

# winnow_add_plain_library(Name sources... LINK libs...)
# A static library that must not know LLVM (Runtime, Tokenizer).
function(winnow_add_plain_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  winnow_includes(${name})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# winnow_add_tool(name sources... LINK libs...)
function(winnow_add_tool name)
  cmake_parse_arguments(ARG "PLAIN" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  winnow_includes(${name})
  if(NOT ARG_PLAIN)
    winnow_use_mlir(${name})
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
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
