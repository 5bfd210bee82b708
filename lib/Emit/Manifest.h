//===- Manifest.h - What is in an artifact, as JSON -------------*- C++ -*-===//

#ifndef WINNOW_EMIT_MANIFEST_H
#define WINNOW_EMIT_MANIFEST_H

#include "Descriptor.h"
#include "RowRecoder.h"

#include "winnow/Codegen/Cpu/Target.h"

#include "llvm/Support/JSON.h"

namespace winnow {

/// The manifest of a lowered module: model, target, entries, weights with
/// formats, bytes and errors, kernels. `recoders`: see PlannedWeights; they
/// have done their work. Also sets the facts that follow from the model
/// (architecture, vocabulary, context, bytes per token).
std::string
makeManifest(mlir::ModuleOp module,
             llvm::ArrayRef<std::shared_ptr<const RowRecoder>> recoders,
             const cpu::Target &target, DescriptorFacts &facts,
             const llvm::json::Object &extra);

} // namespace winnow

#endif // WINNOW_EMIT_MANIFEST_H
