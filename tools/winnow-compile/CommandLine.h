//===- CommandLine.h - The options of winnow-compile -------------*- C++
//-*-===//

#ifndef WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H
#define WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H

#include "llvm/Support/CommandLine.h"

#include <string>

namespace winnow {

enum class Emit {
  Artifact,
  Mlir,
  Lowered,
  LlvmDialect,
  LlvmIr,
  Assembly,
  Object,
  Static
};
enum class ActivationMode { Auto, F32 };

/// The options. LLVM's own live in the same global table; main empties it
/// before it makes this object, so that names cannot clash.
struct CommandLine {
  llvm::cl::OptionCategory category{"winnow-compile options"};

  llvm::cl::opt<std::string> input{
      llvm::cl::Positional, llvm::cl::desc("MODEL"), llvm::cl::cat(category)};
  llvm::cl::opt<std::string> output{
      "o", llvm::cl::value_desc("NAME"),
      llvm::cl::desc("Path of the artifact without extension"),
      llvm::cl::cat(category)};
  llvm::cl::opt<std::string> targetCpu{
      "target-cpu", llvm::cl::value_desc("cpu"), llvm::cl::init("host"),
      llvm::cl::desc("Processor to compile for: host (by CPUID; the default), "
                     "x86-64-v3, x86-64-v4, znver5, ..."),
      llvm::cl::cat(category)};
  llvm::cl::opt<int64_t> context{
      "context", llvm::cl::value_desc("N"), llvm::cl::init(0),
      llvm::cl::desc(
          "Tokens that a session can hold; default: the model's own, at "
          "most 8192"),
      llvm::cl::cat(category)};
  llvm::cl::opt<ActivationMode> activations{
      "activations", llvm::cl::desc("How inputs of linear layers are rounded:"),
      llvm::cl::values(
          clEnumValN(ActivationMode::Auto, "auto",
                     "to 8 bits where weights are integers (default)"),
          clEnumValN(ActivationMode::F32, "f32", "not at all")),
      llvm::cl::init(ActivationMode::Auto), llvm::cl::cat(category)};
  llvm::cl::opt<Emit> emit{
      "emit", llvm::cl::desc("What to write:"),
      llvm::cl::values(
          clEnumValN(Emit::Artifact, "artifact",
                     "NAME.so .weights .h .json .tokenizer (default)"),
          clEnumValN(Emit::Static, "static",
                     "the same with NAME.a for NAME.so"),
          clEnumValN(Emit::Mlir, "mlir", "the imported model"),
          clEnumValN(Emit::Lowered, "kernels", "kernels at vector level"),
          clEnumValN(Emit::LlvmDialect, "llvm-dialect", "the LLVM dialect"),
          clEnumValN(Emit::LlvmIr, "llvm", "optimized LLVM IR"),
          clEnumValN(Emit::Assembly, "asm", "assembly"),
          clEnumValN(Emit::Object, "obj", "an object file")),
      llvm::cl::init(Emit::Artifact), llvm::cl::cat(category)};
  llvm::cl::opt<unsigned> threads{
      "threads", llvm::cl::value_desc("T"), llvm::cl::init(0),
      llvm::cl::desc("Threads; default: one per processor"),
      llvm::cl::cat(category)};
  llvm::cl::opt<bool> debug{
      "g",
      llvm::cl::desc("Debug information: perf and gdb show the lines of "
                     "NAME.kernels.mlir, which is written beside the artifact"),
      llvm::cl::cat(category)};
  llvm::cl::opt<bool> quiet{"quiet",
                            llvm::cl::desc("No progress on standard error"),
                            llvm::cl::cat(category)};
};

} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H
