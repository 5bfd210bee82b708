//===- LayerRemover.h - Takes layers out of a function ----------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_LAYERREMOVER_H
#define WINNOW_LIB_COMPRESS_LAYERREMOVER_H

#include "winnow/Analysis/Layers.h"

#include "llvm/ADT/StringSet.h"

namespace winnow {

/// Replaces layers, with the norms behind them where those are theirs, by what
/// goes past them.
class LayerRemover {
public:
  explicit LayerRemover(mlir::func::FuncOp function)
      : function(function), norms(function) {}

  /// Fails at the layer where more of it is used than its output and caches.
  mlir::LogicalResult remove(LayerOp layer);

  /// Erases what nothing reads any more, and caches that pass through the
  /// function unchanged. Returns how many those were.
  unsigned finish();

private:
  mlir::func::FuncOp function;
  PostNorms norms;
};

/// Names of the params that are used in `root`.
llvm::StringSet<> usedParams(mlir::Operation *root);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_LAYERREMOVER_H
