//===- RunningProgram.h - A compiled candidate that runs --------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_RUNNINGPROGRAM_H
#define WINNOW_LIB_DRIVER_RUNNINGPROGRAM_H

#include "winnow/Client/Artifact.h"
#include "winnow/Driver/LoadedModel.h"

#include "llvm/Support/MemoryBuffer.h"

namespace winnow {

/// An artifact with a session. Its files are mapped and have no name any more.
class RunningProgram {
public:
  static llvm::Expected<RunningProgram> compile(const LoadedModel &model,
                                                const CompileOptions &options,
                                                int32_t threads);

  /// The same program in other memory. Where its weights lie makes a program
  /// faster or slower by several percent for as long as it runs.
  llvm::Expected<RunningProgram> copy() const;

  const client::Artifact &artifact() const { return *opened; }
  client::Session &session() const { return *started; }
  bool isDecoder() const { return artifact().info().hidden_width == 0; }

private:
  explicit RunningProgram(int32_t threads) : threads(threads) {}

  llvm::Error open(const std::string &path);

  int32_t threads;
  std::unique_ptr<client::Artifact> opened;
  std::unique_ptr<client::Session> started;
  std::unique_ptr<llvm::MemoryBuffer> library, weights;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_RUNNINGPROGRAM_H
