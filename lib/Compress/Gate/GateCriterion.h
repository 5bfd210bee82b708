//===- GateCriterion.h - What a gate judges tokens by -----------*- C++ -*-===//
//
// Private to this folder. A criterion is a file that defines a GateCriterion
// and a line in kGateCriteria of Gate.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_COMPRESS_GATE_GATECRITERION_H
#define WINNOW_LIB_COMPRESS_GATE_GATECRITERION_H

#include "../RowMaps.h"

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace winnow {

/// What a recipe says of a criterion.
struct GateOptions {
  int64_t seed = 0;
  /// The name of a weight, with * for the number of what is gated.
  llvm::StringRef router;
};

/// Where a gate stands: in front of layers.
struct GateSite {
  mlir::func::FuncOp function;
  mlir::Location location;
  /// What pass and user count.
  int64_t number = 0;
  /// The rows in front of the layers, [T, D].
  mlir::Value tokens;
  /// What they were in front of the layer, or block, before that. Null at the
  /// first one.
  mlir::Value before;
  GateOptions options;
};

/// A way to say how much tokens need layers.
struct GateCriterion {
  llvm::StringLiteral name;
  /// The kind of statistic that has the quantiles of scores, under the name of
  /// the layer or block before; empty if there is none.
  llvm::StringLiteral quantiles;
  /// Makes scores, [T], none of them negative, from each token alone. Emits an
  /// error where that cannot be done.
  mlir::FailureOr<mlir::Value> (*score)(mlir::OpBuilder &builder,
                                        const GateSite &site);
};

extern const GateCriterion kGateCosine;
extern const GateCriterion kGateNorm;
extern const GateCriterion kGateRandom;
extern const GateCriterion kGateRouter;

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_GATE_GATECRITERION_H
