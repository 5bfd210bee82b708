//===- Changes.h - Passes on the whole model that plans may have *- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_SEARCH_CHANGES_H
#define WINNOW_LIB_COMPRESS_SEARCH_CHANGES_H

#include "Prices.h"

namespace winnow {

/// Passes that can be run on the model: channels of MLPs that leave; tokens of
/// an encoder that leave and smaller caches, which save time alone. `functions`
/// are those with layers. Prices are not filled in.
std::vector<PricedChange>
proposeChanges(mlir::ModuleOp module,
               llvm::ArrayRef<mlir::func::FuncOp> functions);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SEARCH_CHANGES_H
