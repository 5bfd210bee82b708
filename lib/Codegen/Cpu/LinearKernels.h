//===- LinearKernels.h - The parts of a linear kernel -----------*- C++ -*-===//
//
// A linear kernel is a driver that shares row groups over threads (or rows of
// x, where they are many and weights are floats) and picks a regime by the
// number of input rows M:
//   one row     a few streams of row groups, each an equal part of the thread's
//               share (MemoryStreams.h)
//   few rows    the same tile for 2, 4 or 8 rows: weights decoded in registers
//   many rows   weights of 32 outputs decoded once into a panel, then tiles of
//               8 rows x 32 outputs over all of K
// The tiles are functions of their own, emitted by the classes below.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_LINEARKERNELS_H
#define WINNOW_LIB_CODEGEN_CPU_LINEARKERNELS_H

#include "Tile16Emitter.h"

#include "winnow/Codegen/Cpu/Linear.h"

#include "llvm/Support/MathExtras.h"

namespace winnow::cpu {

/// Rows of a full tile of activations.
inline constexpr int64_t kTileRows = 8;
/// Row groups (of 16 outputs) of a panel.
inline constexpr int64_t kPanelGroups = 2;
/// Above this many rows the panel is faster.
inline constexpr int64_t kFewRows = 16;
/// Rows of x that a thread has at least where threads share them.
inline constexpr int64_t kSharedRows = 128;

/// A size that grows with the number of inputs K: `bytes` for every `inputs` of
/// them, and for what is left over.
struct BytesPerInputs {
  int64_t inputs, bytes;

  int64_t of(int64_t k) const { return llvm::divideCeil(k, inputs) * bytes; }
  mlir::Value emit(KernelBuilder &kb, mlir::Value k) const {
    return kb.mul(kb.ceilDivU(k, inputs), bytes);
  }
};

/// A row of activations as emitRecodeRow writes it, or of f32.
BytesPerInputs activationRow(const Target &target, Activations activations);

/// What the driver hands to a tile. `x` is the tile's own activations,
/// `prepared` what prepareRows wrote for it (undefined for a tile of one row).
struct TileCall {
  mlir::Value x, prepared, w, bias, y, rows, n, k, ldx, ldy, index, first,
      perStream, last;
};

/// Emits the functions of one kernel; one object per (module, spec).
class LinearKernelParts {
public:
  LinearKernelParts(mlir::ModuleOp module, const Target &target,
                    const LinearSpec &spec, const Tile16Layout &layout)
      : module(module), target(target), spec(spec), layout(layout) {}
  virtual ~LinearKernelParts() = default;

  /// The body for `rows` rows of a tile; activations of `tileRows` (1 or 8)
  /// rows. Arguments: the members of TileCall in their order. Stream s
  /// computes row group min(first + s * perStream + index, last - 1); a group
  /// computed twice is stored twice with the same value.
  mlir::func::FuncOp rowTile(int64_t rows, int64_t tileRows);
  /// Row groups that rowTile computes at once.
  int64_t streams(int64_t rows) const;

  /// Fills the panel: func(w of the first group, w of the second, panel, K).
  mlir::func::FuncOp decodePanel();
  /// func(x tile, prepared rows, panel, bias, y, rows, N, K, ldx, ldy, first
  /// group, second group).
  mlir::func::FuncOp panelTile();
  /// What each thread computes once from x for its panel tiles:
  /// func(x, prepared, M, K). Null if there is nothing.
  virtual mlir::func::FuncOp prepareRows() { return nullptr; }

  /// Whether all functions so far could map what they store.
  bool canMap() const { return !cannotMap; }

  /// A group of 16 rows of weights.
  BytesPerInputs groupSize() const {
    return {layout.chunk, layout.chunkBytes()};
  }
  /// Whether making all panels costs a thread so little that it can have rows
  /// of x for itself instead of outputs: what wrote them left them in its
  /// caches.
  virtual bool canShareRows() const { return false; }
  /// The panel, for any number of rows of x.
  virtual BytesPerInputs panelSize() const = 0;
  /// What prepareRows writes for each row of x (M rounded up to 8).
  virtual BytesPerInputs preparedRowSize() const { return {1, 0}; }
  /// Bytes from one row of x to the next in a tile, or of one row if a tile's
  /// rows are interleaved.
  mlir::Value emitRowBytes(KernelBuilder &kb, mlir::Value k,
                           mlir::Value ldx) const;

protected:
  using Value = mlir::Value;
  using Values = KernelBuilder::Values;

  /// The sums over all of K of `rows` x groups outputs, row by row:
  /// result[row * groups.size() + g].
  virtual Values emitRowSums(KernelBuilder &kb, const TileCall &call,
                             mlir::ValueRange groups, int64_t rows,
                             int64_t tileRows) = 0;
  virtual void emitDecode(KernelBuilder &kb, mlir::ValueRange groups,
                          Value panel, Value k) = 0;
  virtual Values emitPanelSums(KernelBuilder &kb, Value x, Value prepared,
                               Value panel, Value rows, Value k, Value ldx) = 0;

  /// The sums of a panel tile from those of its parts: part(first row, rows,
  /// first row group, row groups) gives [row][group] sums over all of K. The
  /// tile is one part where 32 registers hold it, four where there are 16.
  Values inParts(llvm::function_ref<Values(int64_t, int64_t, int64_t, int64_t)>
                     part) const;
  /// Addresses of `count` rows of x; those past the last are the last again.
  static Values rowPointers(KernelBuilder &kb, Value x, Value rows,
                            Value rowBytes, int64_t count);
  /// One step of a loop over k: `columns` inputs from `k` on.
  using StepBody =
      llvm::function_ref<Values(Value k, int64_t columns, mlir::ValueRange)>;
  /// for k in [0, count) in chunks: four inputs an iteration, then one chunk,
  /// then what is left of the last one.
  static Values overK(KernelBuilder &kb, Value count, int64_t chunk,
                      Values sums, StepBody step);
  /// Adds the bias, maps, and stores the first `rows` rows.
  void emitStores(KernelBuilder &kb, Values sums, Value bias, Value y,
                  Value rows, Value n, Value ldy, mlir::ValueRange groups);
  std::string name(llvm::StringRef part) const;

  mlir::ModuleOp module;
  const Target &target;
  const LinearSpec &spec;
  const Tile16Layout &layout;

private:
  bool cannotMap = false;
};

std::unique_ptr<LinearKernelParts> makeInt8Parts(mlir::ModuleOp module,
                                                 const Target &target,
                                                 const LinearSpec &spec,
                                                 const Tile16Layout &layout);
std::unique_ptr<LinearKernelParts> makeBf16Parts(mlir::ModuleOp module,
                                                 const Target &target,
                                                 const LinearSpec &spec,
                                                 const Tile16Layout &layout);
std::unique_ptr<LinearKernelParts> makeF32Parts(mlir::ModuleOp module,
                                                const Target &target,
                                                const LinearSpec &spec,
                                                const Tile16Layout &layout);

/// The cases of emitRecodeRow. Their arguments are x, buffer and row number,
/// then as each needs the number of rows and K.
void emitQuantizeRow(KernelBuilder &kb, mlir::Value x, mlir::Value buffer,
                     mlir::Value row, mlir::Value rows, mlir::Value k);
void emitRoundRow(KernelBuilder &kb, mlir::Value x, mlir::Value buffer,
                  mlir::Value row, mlir::Value k);

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_LINEARKERNELS_H
