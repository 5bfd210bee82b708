//===- Descriptor.h - What the runtime reads of an artifact -----*- C++ -*-===//

#ifndef WINNOW_EMIT_DESCRIPTOR_H
#define WINNOW_EMIT_DESCRIPTOR_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"

#include <array>

namespace winnow {

/// The facts of winnow_artifact_info that are not in the module.
struct DescriptorFacts {
  std::string name;
  /// Name of the exported function, NAME_winnow_api.
  std::string apiSymbol;
  std::string architecture;
  std::string targetCpu;
  std::string manifest;
  uint32_t cpuFeatures = 0;
  std::array<uint64_t, 2> buildId = {};
  int64_t vocabulary = 0;
  int64_t context = 0;
  int64_t weightBytes = 0;
  int64_t checkpointBytesPerToken = 0;
};

/// Fills `llvmModule` with the global `winnow_artifact` (Runtime/Call.h) that
/// describes the entries of the lowered module `module`, and with the exported
/// function that returns the runtime's API.
void addDescriptor(llvm::Module &llvmModule, mlir::ModuleOp module,
                   const DescriptorFacts &facts);

} // namespace winnow

#endif // WINNOW_EMIT_DESCRIPTOR_H
