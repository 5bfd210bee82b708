# Toolchain settings shared by every target: MLIR, linker, warnings,
# sanitizers. Everything that LLVM itself provides is taken from its package.

# The version file of the package wants major.minor.
find_package(MLIR 22.1 REQUIRED CONFIG)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
set(LLVM_LINK_LLVM_DYLIB ON)
include(TableGen)
include(AddLLVM)
include(AddMLIR)
# For option tables; MLIR sets only its own generator.
find_program(LLVM_TABLEGEN_EXE llvm-tblgen
  HINTS "${LLVM_TOOLS_BINARY_DIR}" NO_DEFAULT_PATH REQUIRED)

separate_arguments(WINNOW_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")

find_program(WINNOW_CCACHE ccache)
if(WINNOW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${WINNOW_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${WINNOW_CCACHE}")
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wno-missing-field-initializers)
  add_link_options(-fuse-ld=lld)
endif()
if(WINNOW_ENABLE_ASSERTIONS)
  foreach(flags CMAKE_CXX_FLAGS_RELEASE CMAKE_CXX_FLAGS_RELWITHDEBINFO CMAKE_C_FLAGS_RELEASE)
    string(REPLACE "-DNDEBUG" "" ${flags} "${${flags}}")
  endforeach()
endif()
if(WINNOW_ENABLE_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" OR
     NOT (WINNOW_SANITIZERS OR WINNOW_ENABLE_COVERAGE))
    message(FATAL_ERROR "WINNOW_ENABLE_FUZZERS expects clang and "
      "WINNOW_SANITIZERS=address,undefined or WINNOW_ENABLE_COVERAGE")
  endif()
  # Counters that lead the fuzzers; the sanitizers' runtime defines them for
  # all other programs.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(WINNOW_ENABLE_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
if(WINNOW_SANITIZERS)
  add_compile_options(-fsanitize=${WINNOW_SANITIZERS} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WINNOW_SANITIZERS})
endif()
