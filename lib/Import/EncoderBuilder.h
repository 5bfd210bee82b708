//===- EncoderBuilder.h - IR of an encoder ----------------------*- C++ -*-===//

#ifndef WINNOW_LIB_IMPORT_ENCODERBUILDER_H
#define WINNOW_LIB_IMPORT_ENCODERBUILDER_H

#include "EncoderFamilies.h"

#include "winnow/Import/Checkpoint.h"

#include "mlir/IR/BuiltinOps.h"

namespace winnow {

/// Adds params and one entry point to an empty module. Fails if a tensor of the
/// checkpoint is missing or has another shape than the configuration says.
///
/// Text: `encode`, over texts packed one after another, a segment each.
///   encode(ids [T], positions [T], types [T], segments [T], texts [S])
///     -> (hidden [T, width], embeddings [S, width])
/// `types` is there if the family has them, `texts`, the segments that get an
/// embedding, and `embeddings` if there is a pooling.
///
/// Images: `classify`, where the checkpoint has a classifier, else `encode`.
///   classify(image [channels, height, width]) -> logits [1, classes]
///   encode(image [channels, height, width]) -> hidden [patches + 1, width]
llvm::Error buildEncoder(mlir::ModuleOp module, const Checkpoint &checkpoint,
                         const EncoderFamily &family,
                         const EncoderConfig &config);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_ENCODERBUILDER_H
