//===- CompactPositions.h - Rope by the tokens that are there ---*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_PRUNETOKENS_COMPACTPOSITIONS_H
#define WINNOW_LIB_COMPRESS_PRUNETOKENS_COMPACTPOSITIONS_H

#include "winnow/Dialect/WinnowDialect.h"

namespace winnow {

/// Makes `first`, which appends to a cache, and all layers of a decoder behind
/// it rotate by positions that count the tokens of its cache, and no others.
/// Masks and caches keep the positions of the whole sequence.
llvm::LogicalResult compactPositions(LayerOp first);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_PRUNETOKENS_COMPACTPOSITIONS_H
