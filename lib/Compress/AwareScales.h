//===- AwareScales.h - Factors that quantization loses least by -*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_AWARESCALES_H
#define WINNOW_LIB_COMPRESS_AWARESCALES_H

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Formats/NumberFormat.h"

#include "mlir/IR/BuiltinOps.h"

namespace winnow {

/// The format that the weight of a linear layer is about to get; null for none
/// of blocks.
using FormatOfWeight = llvm::function_ref<const NumberFormat *(LinearOp)>;

/// Divides the inputs of linear layers by the factors of AWQ (Lin et al., arXiv
/// 2306.00978) and multiplies their weights, where all that read an input get
/// formats of blocks and something in front can be divided. A remark for each
/// input says which, or why not. The factors are
///
///   d_k = max(mean|x_k|^a, 1e-4) / sqrt(max d · min d)
///
/// for the a in 0, 1/20, ..., 19/20 with which codes rounded to nearest lose
/// least of the products: the sum over all readers of tr(E H Eᵀ),
/// E = Q(W diag(d)) diag(d)⁻¹ - W and H the Gram matrix of the input, or, where
/// statistics have none, the diagonal of mean x_k². Of more rows than 512,
/// every nth is looked at. The first of equals is taken; a = 0 changes nothing.
/// Fails with an error where a statistic is missing.
mlir::LogicalResult applyAwareScales(mlir::ModuleOp module,
                                     FormatOfWeight formatOf);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_AWARESCALES_H
