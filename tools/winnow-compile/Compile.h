//===- Compile.h - What winnow-compile does ---------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_COMPILE_COMPILE_H
#define WINNOW_TOOLS_WINNOW_COMPILE_COMPILE_H

#include "CommandLine.h"

#include "llvm/Support/Error.h"

namespace winnow {

/// Compiles the model that the command line names, with progress on standard
/// error.
llvm::Error compile(const CommandLine &commandLine);

} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_COMPILE_COMPILE_H
