//===- Rules.h - One function per op ----------------------------*- C++ -*-===//
//
// Each rule computes the results of one op from the values of its operands.
// The interpreter has checked operands against their types, so ranks, element
// kinds and static sizes can be relied on; dynamic sizes that have to agree are
// checked here. Rules report errors at the op.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_REFERENCE_RULES_H
#define WINNOW_LIB_REFERENCE_RULES_H

#include "winnow/Reference/Interpreter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace winnow {

// Attention.cpp

/// The operands of an attention; null where an optional one is absent.
struct AttentionOperands {
  const Tensor *query, *key, *value;
  const Tensor *queryPositions, *keyPositions;
  const Tensor *querySegments = nullptr, *keySegments = nullptr;
  const Tensor *mask = nullptr, *sinks = nullptr, *bias = nullptr,
               *relativeBias = nullptr;
};
struct AttentionResults {
  Tensor output; ///< [Tq, Hq, Dv]
  Tensor lse;    ///< [Tq, Hq]
  Tensor scores; ///< [Tk, Hkv]
};
mlir::FailureOr<AttentionResults>
evaluateAttention(AttentionOp op, const AttentionOperands &operands);

// Rope.cpp

/// The angle per position of each rotary pair of `op`, after scaling; `factors`
/// may be null. Sets `magnitude` to what cosine and sine are multiplied by.
std::vector<double> computeRopeFrequencies(RopeOp op, const Tensor *factors,
                                           double &magnitude);
mlir::FailureOr<Tensor> evaluateRope(RopeOp op, const Tensor &input,
                                     const Tensor &positions,
                                     const Tensor *factors);

// Norm.cpp
mlir::FailureOr<Tensor> evaluateNorm(NormOp op, const Tensor &input,
                                     const Tensor *weight, const Tensor *bias);

// Encoded.cpp
mlir::FailureOr<Tensor> evaluateLinear(LinearOp op, const RuntimeValue &input,
                                       const RuntimeValue &weight,
                                       const Tensor *bias);
mlir::FailureOr<RuntimeValue> evaluateRecode(RecodeOp op,
                                             const RuntimeValue &input);
mlir::FailureOr<RuntimeValue> evaluateTake(TakeOp op,
                                           const RuntimeValue &input);
Tensor evaluateHadamard(HadamardOp op, const Tensor &input);
mlir::FailureOr<Tensor> evaluateEmbed(EmbedOp op, const RuntimeValue &table,
                                      const Tensor &ids);
mlir::FailureOr<Tensor> evaluateTokenGather(TokenGatherOp op,
                                            const Tensor &input,
                                            const Tensor &indices);

// Tokens.cpp
mlir::FailureOr<Tensor> evaluateTokenPool(TokenPoolOp op, const Tensor &input,
                                          const Tensor &segments,
                                          const Tensor &wanted,
                                          const Tensor *weights);
Tensor evaluateImagePatches(ImagePatchesOp op, const Tensor &input);

// TokenPruning.cpp
/// The operands of a winnow.token_score; null where absent.
struct TokenScoreInputs {
  const Tensor *query, *key, *lse;
  const Tensor *segments, *bias, *positions, *relativeBias;
};
mlir::FailureOr<Tensor> evaluateTokenScore(TokenScoreOp op,
                                           const TokenScoreInputs &inputs);
/// What a relative bias [2 (L + 1), heads] of L distances adds to a score, for
/// a key that is `offset` positions behind the query.
double getRelativeBias(const Tensor &table, llvm::ArrayRef<int64_t> distances,
                       int64_t offset, int64_t head);
mlir::FailureOr<Tensor> evaluateTokenChange(TokenChangeOp op,
                                            const Tensor &before,
                                            const Tensor &after);
/// The indices of what stays and, if wanted, what tokens go into and how much
/// they count there.
mlir::FailureOr<llvm::SmallVector<Tensor>>
evaluateTokenSelect(TokenSelectOp op, const Tensor &scores,
                    const Tensor *segments, const Tensor *prunable);
/// Which token each one is most like, and its score.
mlir::FailureOr<llvm::SmallVector<Tensor>>
evaluateTokenMatch(TokenMatchOp op, const Tensor &key, const Tensor *segments);
/// The rows, their sizes, and the row that each token is in.
mlir::FailureOr<llvm::SmallVector<Tensor>>
evaluateTokenMerge(TokenMergeOp op, const Tensor &input, const Tensor *sizes,
                   const Tensor &into, const Tensor &kept);
mlir::FailureOr<Tensor> evaluateTokenRestore(TokenRestoreOp op,
                                             const Tensor &input,
                                             const Tensor &kept,
                                             const Tensor &base);

// Encoded.cpp
/// The value of a param with these stored bytes.
mlir::FailureOr<RuntimeValue> readParam(ParamOp param, const ParamBytes &bytes);

// KvCache.cpp
mlir::FailureOr<Cache> evaluateKvAppend(KvAppendOp op, const Cache &cache,
                                        const Tensor &key, const Tensor &value,
                                        const Tensor &positions,
                                        const Tensor &segments);
/// Keys, values, positions and segments.
llvm::SmallVector<Tensor> evaluateKvView(KvViewOp op, const Cache &cache);
mlir::FailureOr<Cache> evaluateKvTruncate(KvTruncateOp op, const Cache &cache,
                                          int64_t length);
Tensor evaluateKvNextPositions(const Cache &cache, const Tensor &segments);

// Elementwise.cpp

/// Arithmetic of the arith and math dialects, element by element; operands of
/// rank 0 are broadcast. Fails with an error where there is no rule.
mlir::FailureOr<Tensor>
evaluateElementwise(mlir::Operation *op,
                    llvm::ArrayRef<const Tensor *> operands);

// TensorOps.cpp
mlir::FailureOr<Tensor> evaluateConstant(mlir::Operation *op,
                                         mlir::Attribute value);
mlir::FailureOr<Tensor> evaluateEmpty(mlir::tensor::EmptyOp op,
                                      llvm::ArrayRef<int64_t> sizes);
mlir::FailureOr<Tensor> evaluateReshape(mlir::Operation *op,
                                        const Tensor &source,
                                        llvm::ArrayRef<int64_t> shape);
mlir::FailureOr<Tensor> evaluateExtractSlice(mlir::tensor::ExtractSliceOp op,
                                             const Tensor &source,
                                             llvm::ArrayRef<int64_t> offsets,
                                             llvm::ArrayRef<int64_t> sizes,
                                             llvm::ArrayRef<int64_t> strides);

mlir::FailureOr<Tensor> evaluateConcat(mlir::tensor::ConcatOp op,
                                       llvm::ArrayRef<const Tensor *> sources);

// Linalg.cpp

/// Binds the arguments of a linalg body to whole iteration spaces and returns
/// the yielded values.
using BodyEvaluator =
    llvm::function_ref<mlir::FailureOr<llvm::SmallVector<RuntimeValue>>(
        mlir::Block &body, llvm::ArrayRef<RuntimeValue> arguments,
        llvm::ArrayRef<int64_t> iterationSpace)>;
mlir::FailureOr<llvm::SmallVector<Tensor>>
evaluateLinalg(mlir::linalg::LinalgOp op,
               llvm::ArrayRef<const Tensor *> operands,
               BodyEvaluator evaluateBody);
/// The value of `linalg.index` at every point of an iteration space.
Tensor makeIndexTensor(llvm::ArrayRef<int64_t> iterationSpace, unsigned dim);

} // namespace winnow

#endif // WINNOW_LIB_REFERENCE_RULES_H
