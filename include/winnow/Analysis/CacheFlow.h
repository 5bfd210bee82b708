//===- CacheFlow.h - Where the states of caches come from -------*- C++ -*-===//

#ifndef WINNOW_ANALYSIS_CACHEFLOW_H
#define WINNOW_ANALYSIS_CACHEFLOW_H

#include "mlir/IR/Value.h"

namespace winnow {

/// The block argument that the state of a cache continues, through ops of its
/// block; null where an op in between is not known.
mlir::BlockArgument findCacheOrigin(mlir::Value state);

} // namespace winnow

#endif // WINNOW_ANALYSIS_CACHEFLOW_H
