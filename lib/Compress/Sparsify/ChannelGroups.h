//===- ChannelGroups.h - Channels that go together --------------*- C++ -*-===//
//
// A channel between linear layers can be taken out if all that make it and all
// that read it lose it:
//
//   mlp    gate, up -> elementwise -> down     rows of gate and up with their
//                                              biases, columns of down
//   heads  q, k, v -> attention -> o           for heads that share keys: rows
//                                              of q, k and v with their biases,
//                                              columns of o, heads of the
//                                              cache, of sinks and of a
//                                              relative bias
//
// This file finds them, with every consumer; ChannelSlicer.h takes some out.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_COMPRESS_SPARSIFY_CHANNELGROUPS_H
#define WINNOW_LIB_COMPRESS_SPARSIFY_CHANNELGROUPS_H

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace winnow {

enum class ChannelKind { Mlp, Heads };

/// The units of a layer that may go, in one function: channels of an MLP, or
/// groups of heads that share keys. Unit u has the places [u * perUnit,
/// (u + 1) * perUnit) of each dimension listed.
struct ChannelSite {
  /// A dimension of a value.
  struct Dimension {
    mlir::Value value;
    unsigned dim;
    int64_t perUnit;
  };
  /// An axis of a weight that an op reads.
  struct Axis {
    mlir::OpOperand *weight;
    unsigned axis;
    int64_t perUnit;
  };

  LayerOp layer;
  int64_t units = 0;
  /// Channels of a unit in what `readers` read.
  int64_t channels = 1;
  llvm::SmallVector<Dimension> values;
  llvm::SmallVector<Axis> weights;
  /// The linear layers whose columns the channels are.
  llvm::SmallVector<LinearOp> readers;
  /// States of the cache that keys and values go through.
  llvm::SmallVector<mlir::Value> caches;
  /// An attention whose relative bias comes from outside of the layer; null if
  /// it has none.
  AttentionOp biased;
  /// Why nothing can be taken out; empty if it can.
  std::string obstacle;
};

/// Sites that have the same weights, in functions of one model.
struct ChannelGroup {
  llvm::SmallVector<ChannelSite, 1> sites;
  std::string obstacle;

  const ChannelSite &first() const { return sites.front(); }
  /// The names of the weights whose columns the channels are.
  llvm::SmallVector<llvm::StringRef> getReaderNames() const;
};

/// All groups of a kind, in the order of the program.
std::vector<ChannelGroup> findChannelGroups(mlir::ModuleOp module,
                                            ChannelKind kind);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SPARSIFY_CHANNELGROUPS_H
