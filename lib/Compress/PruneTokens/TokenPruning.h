//===- TokenPruning.h - How a policy prunes tokens --------------*- C++ -*-===//
//
// Private to this folder. A policy is one file that defines a TokenPruning and
// a line in kTokenPrunings of PruneTokens.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_COMPRESS_PRUNETOKENS_TOKENPRUNING_H
#define WINNOW_LIB_COMPRESS_PRUNETOKENS_TOKENPRUNING_H

#include "PromptEntry.h"

#include "../FewerRows.h"

#include "mlir/IR/Builders.h"

#include <optional>

namespace winnow {

/// Where tokens leave.
enum class PrunedModel {
  /// Behind an attention layer of an encoder, in front of the feed-forward
  /// layer.
  Encoder,
  /// In front of a block of a decoder, while it reads a prompt.
  Prompt,
};

/// What a recipe says of a policy.
struct PruningOptions {
  PrunedModel model;
  /// What of a segment stays.
  TokenPolicyAttr kept;
  /// How much attention counts beside likeness.
  double alpha = 0;
  /// Whether those that leave become one token more.
  bool fuse = false;
};

/// A layer and its one attention.
struct AttentionLayer {
  LayerOp layer;
  AttentionOp attention;
};

/// Where tokens leave: behind layers, the first of which has an attention of
/// all tokens on all, or on all before.
struct PruningSite {
  mlir::Location location;
  /// The rows behind the layers, [T, D].
  mlir::Value tokens;
  /// [T], or null: one segment.
  mlir::Value segments;
  /// How many tokens each row stands for, [T], or null: one each.
  mlir::Value sizes;
  /// Which tokens may leave, [T], or null: all that the options do not protect.
  mlir::Value prunable;
  PruningOptions options;
  /// Of a prompt: all of it, and the next layer with an attention.
  WholePrompt whole;
  AttentionLayer behind;
};

/// What is left of the tokens.
struct FewerTokens {
  /// [R, D].
  mlir::Value tokens;
  /// The indices of the tokens that the rows were, [R].
  mlir::Value kept;
  /// [R]; null where each row stands for what its token did.
  mlir::Value sizes;
  /// Makes T rows of R rows, [R, D], that were computed from `tokens`.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Value rows)> restore;
};

/// How a recipe says how many tokens stay.
enum class TokenBudget {
  /// `keep`, a share of those that are there.
  Share,
  /// `keep`, a share of those of the whole prompt.
  ShareOfPrompt,
  /// `threshold`, what a score has to be.
  Threshold,
  /// It does not: all leave that may.
  Nothing,
};

/// A way to prune tokens.
struct TokenPruning {
  llvm::StringLiteral name;
  /// None: whichever the module is.
  std::optional<PrunedModel> model;
  TokenBudget budget;
  /// Of a share, the least that it can be.
  double leastKeep;
  Rounding rounding;
  /// Makes what `prune` reads, from inside the attention layer in front: it
  /// becomes results of it. Null: nothing.
  llvm::SmallVector<mlir::Value> (*observe)(mlir::OpBuilder &builder,
                                            AttentionOp attention,
                                            const PruningOptions &options);
  FewerTokens (*prune)(mlir::OpBuilder &builder, const PruningSite &site,
                       mlir::ValueRange observed);
  /// Whether `prune` goes by the attention of the layer behind.
  bool looksBehind = false;
  /// Whether it heeds `fuse`.
  bool fuses = false;
};

extern const TokenPruning kCut;
extern const TokenPruning kEvit;
extern const TokenPruning kFastV;
extern const TokenPruning kPyramidDrop;
extern const TokenPruning kThreshold;
extern const TokenPruning kTome;
extern const TokenPruning kTurbo;

// Parts that policies share. Each makes ops behind the attention, which may be
// replaced by one with more results.

/// The keys of the tokens themselves: in a cache there are others, too.
mlir::Value getOwnKey(AttentionOp attention);

/// How much the first, or the last, token of each segment looks at each token,
/// [T].
mlir::Value scoreByAttention(mlir::OpBuilder &builder, AttentionOp &attention,
                             bool last);

/// The same as what a policy observes: the first token looks in an encoder, the
/// last one in a prompt.
llvm::SmallVector<mlir::Value> observeAttention(mlir::OpBuilder &builder,
                                                AttentionOp attention,
                                                const PruningOptions &options);

/// The indices of the tokens that stay, by scores [T].
mlir::Value selectTokens(mlir::OpBuilder &builder, const PruningSite &site,
                         mlir::Value scores);

/// Leaves out all but the tokens with those indices.
FewerTokens keepTokens(mlir::OpBuilder &builder, const PruningSite &site,
                       mlir::Value kept);

/// Leaves out all but the tokens with the largest scores, `observed`.
FewerTokens keepBest(mlir::OpBuilder &builder, const PruningSite &site,
                     mlir::ValueRange observed);

/// Which token each one is most like.
TokenMatchOp matchKeys(mlir::OpBuilder &builder, AttentionOp attention,
                       const PruningOptions &options);

/// Merges all but the tokens with the largest scores into those that they are
/// like. `observed`: the indices of those, and scores.
FewerTokens mergeOthers(mlir::OpBuilder &builder, const PruningSite &site,
                        mlir::ValueRange observed);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_PRUNETOKENS_TOKENPRUNING_H
