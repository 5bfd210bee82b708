//===- CacheFlow.h - Where the states of caches come from -------*- C++ -*-===//

#ifndef WINNOW_ANALYSIS_CACHEFLOW_H
#define WINNOW_ANALYSIS_CACHEFLOW_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/StringRef.h"

namespace winnow {

/// On cache arguments: calls may store fewer tokens in it than they get.
inline constexpr llvm::StringLiteral kShorterCacheAttr = "winnow.shorter";

/// The block argument that the state of a cache continues, through ops of its
/// block; null where an op in between is not known.
mlir::BlockArgument findCacheOrigin(mlir::Value state);

} // namespace winnow

#endif // WINNOW_ANALYSIS_CACHEFLOW_H
