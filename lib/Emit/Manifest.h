//===- Manifest.h - What is in an artifact, as JSON -------------*- C++ -*-===//

#ifndef WINNOW_EMIT_MANIFEST_H
#define WINNOW_EMIT_MANIFEST_H

#include "Descriptor.h"

#include "winnow/Codegen/Cpu/Target.h"
#include "winnow/Import/Checkpoint.h"

#include "llvm/Support/JSON.h"

namespace winnow {

/// The manifest of a lowered module: model, target, entries, weights with
/// formats and bytes, kernels. Also sets the facts that follow from the model
/// (architecture, vocabulary, context, bytes per token).
std::string makeManifest(mlir::ModuleOp module, const Checkpoint *checkpoint,
                         const cpu::Target &target, DescriptorFacts &facts,
                         const llvm::json::Object &extra);

} // namespace winnow

#endif // WINNOW_EMIT_MANIFEST_H
