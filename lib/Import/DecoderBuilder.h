//===- DecoderBuilder.h - IR of a decoder -----------------------*- C++ -*-===//

#ifndef WINNOW_LIB_IMPORT_DECODERBUILDER_H
#define WINNOW_LIB_IMPORT_DECODERBUILDER_H

#include "ModelConfig.h"

#include "mlir/IR/BuiltinOps.h"

namespace winnow {

/// Adds the entry point `forward` to a module that has the model's params (see
/// declareParams). Tensors that are optional in a family are used where the
/// module has a param for them. `context` is the number of tokens that the
/// caches hold, rounded up to a multiple of 16.
///
///   forward(ids [T], positions [T], segments [T], rows [R], kv0, kv1, ...)
///     -> (logits [R, vocabulary], kv0, kv1, ...)
void buildDecoder(mlir::ModuleOp module, const ModelConfig &config,
                  int64_t context);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_DECODERBUILDER_H
