//===- CommandLine.h - The options of winnow-compile ------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H
#define WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace winnow {

/// What winnow-compile writes.
enum class Emit {
  Artifact,
  Static,
  Mlir,
  Kernels,
  LlvmDialect,
  Llvm,
  Assembly,
  Object
};

struct CommandLine {
  std::string input;
  std::string output;
  std::string targetCpu = "host";
  int64_t context = 0; ///< 0: the default of the importer
  bool quantizeActivations = true;
  Emit emit = Emit::Artifact;
  unsigned threads = 0; ///< 0: one per processor
  bool debug = false;
  bool quiet = false;
  bool help = false;
  bool version = false;
};

/// Reads the arguments after the program's name (Options.td).
llvm::Expected<CommandLine> parseCommandLine(llvm::ArrayRef<const char *> args);

/// The text of --help.
std::string commandLineHelp();

} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H
