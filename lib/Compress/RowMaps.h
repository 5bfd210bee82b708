//===- RowMaps.h - A number for each token ----------------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_ROWMAPS_H
#define WINNOW_LIB_COMPRESS_ROWMAPS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace winnow {

/// The type of a number of `element` for each of `rows`.
mlir::RankedTensorType oneEach(mlir::Value rows, mlir::Type element);

/// What `body` makes of each element of `input`.
mlir::Value
createMap(mlir::OpBuilder &builder, mlir::Location location, mlir::Value input,
          mlir::Type element,
          llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                         mlir::Value)>
              body);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_ROWMAPS_H
