//===- Layers.h - The layers of a model, as passes count them ---*- C++ -*-===//

#ifndef WINNOW_ANALYSIS_LAYERS_H
#define WINNOW_ANALYSIS_LAYERS_H

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>

namespace winnow {

/// What passes count: attention, the layers that mix tokens; mlp, the others;
/// block, a layer that mixes tokens with the others that follow it; joint,
/// every layer.
enum class Granularity { Block, Attention, Mlp, Joint };

/// The granularity of that name.
std::optional<Granularity> parseGranularity(llvm::StringRef name);

/// Layers that are taken together.
using LayerGroup = llvm::SmallVector<LayerOp>;

/// The layers of a function in groups, in the order of the program: number i
/// of a pass's options is group i.
llvm::SmallVector<LayerGroup> groupLayers(mlir::func::FuncOp function,
                                          Granularity granularity);

/// The name of a layer in the checkpoint, or "" if it has none.
llvm::StringRef getLayerName(LayerOp layer);

/// What is outside of a layer for what is an argument inside of it; null for
/// anything else.
mlir::Value outside(LayerOp layer, mlir::Value inside);

/// What statistics call a group: "FIRST..LAST", or the name of its one layer;
/// "" if a layer has no name.
std::string getGroupName(const LayerGroup &group);

/// The norm that belongs to `layer` because the residual stream is normalised
/// behind every layer (BERT). Null in other models, where a norm behind the
/// last layer is that of the head.
class PostNorms {
public:
  explicit PostNorms(mlir::func::FuncOp function);
  NormOp lookup(LayerOp layer) const;

private:
  bool everywhere;
};

} // namespace winnow

#endif // WINNOW_ANALYSIS_LAYERS_H
