//===- LinearF32.cpp - Linear layers on f32 activations -------------------===//
//
// Weights are decoded exactly as the file format defines; every output is the
// chain y = fma(x, w, y) in order of k, whatever the regime.
//
//===----------------------------------------------------------------------===//

#include "LinearKernels.h"
#include "MemoryStreams.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kBlock = Tile16Layout::kBlock;
static constexpr int64_t kLine = 64;

namespace {

class F32Parts final : public LinearKernelParts {
public:
  using LinearKernelParts::LinearKernelParts;

  // Floats are only copied.
  bool canShareRows() const override { return layout.isFloat(); }
  // The panel: f32 [K][kPanelGroups][16], K rounded up to whole chunks.
  BytesPerInputs panelSize() const override {
    return {layout.chunk, layout.chunk * kPanelGroups * kLine};
  }

protected:
  Values emitRowSums(KernelBuilder &kb, const TileCall &call, ValueRange groups,
                     int64_t rows, int64_t tileRows) override;
  void emitDecode(KernelBuilder &kb, ValueRange groups, Value panel,
                  Value k) override;
  Values emitPanelSums(KernelBuilder &kb, Value x, Value prepared, Value panel,
                       Value rows, Value k, Value ldx) override;

private:
  /// One step of all chains: sums += x[row][k] * weights[g].
  void multiply(KernelBuilder &kb, ValueRange xRows, Value k,
                ValueRange weights, Values &sums);
  /// The columns of chunk k / chunk of a float format: result[column][g].
  SmallVector<Values> loadColumns(KernelBuilder &kb, Tile16Emitter &tiles,
                                  ValueRange groups, Value k);
  /// The weights of block `block` of 32, of all groups: result[k][g].
  SmallVector<Values> decodeBlock(KernelBuilder &kb, Tile16Emitter &tiles,
                                  ValueRange groups, Value block);
};

} // namespace

void F32Parts::multiply(KernelBuilder &kb, ValueRange xRows, Value k,
                        ValueRange weights, Values &sums) {
  Value bytes = kb.mul(k, 4);
  for (auto [row, pointer] : llvm::enumerate(xRows)) {
    Value x = kb.loadSplat(kb.f32Type(), kb.offset(pointer, bytes));
    for (auto [g, weight] : llvm::enumerate(weights)) {
      Value &sum = sums[row * weights.size() + g];
      sum = kb.fma(x, weight, sum);
    }
  }
}

SmallVector<KernelBuilder::Values> F32Parts::loadColumns(KernelBuilder &kb,
                                                         Tile16Emitter &tiles,
                                                         ValueRange groups,
                                                         Value k) {
  SmallVector<Values> columns(layout.chunk);
  Value at = kb.mul(kb.divU(k, layout.chunk), layout.chunkBytes());
  for (Value group : groups) {
    Value address = kb.offset(group, at);
    kb.prefetch(kb.offset(address, kPrefetchDistance));
    for (auto [column, weights] : llvm::enumerate(tiles.loadFloats(address)))
      columns[column].push_back(weights);
  }
  return columns;
}

SmallVector<KernelBuilder::Values> F32Parts::decodeBlock(KernelBuilder &kb,
                                                         Tile16Emitter &tiles,
                                                         ValueRange groups,
                                                         Value block) {
  SmallVector<Values> weights(kBlock);
  Value chunkOffset =
      kb.mul(kb.divU(block, layout.blocksPerChunk()), layout.chunkBytes());
  Value inChunk = kb.remU(block, layout.blocksPerChunk());
  for (Value group : groups) {
    Value chunk = kb.offset(group, chunkOffset);
    auto scales =
        tiles.loadScales(chunk, tiles.loadChunkScales(chunk), inChunk);
    Values codes = tiles.loadCodes(chunk, inChunk);
    for (int64_t e = 0; e < kBlock; ++e) {
      int64_t g = e / layout.group;
      weights[e].push_back(
          tiles.decode(codes[e / 4], e % 4, scales.a[g],
                       layout.hasMin() ? scales.b[g] : Value()));
    }
  }
  return weights;
}

KernelBuilder::Values F32Parts::emitRowSums(KernelBuilder &kb,
                                            const TileCall &call,
                                            ValueRange groups, int64_t rows,
                                            int64_t tileRows) {
  Tile16Emitter tiles(kb, layout);
  tiles.setPrefetchDistance(kPrefetchDistance);
  Values xRows = rowPointers(kb, call.x, call.rows,
                             emitRowBytes(kb, call.k, call.ldx), rows);
  Values init(rows * groups.size(), kb.splatF32(0));
  if (layout.isFloat())
    return overK(
        kb, call.k, layout.chunk, init,
        [&](Value k, int64_t columns, ValueRange carried) {
          Values sums(carried);
          SmallVector<Values> weights = loadColumns(kb, tiles, groups, k);
          for (int64_t column = 0; column < columns; ++column)
            multiply(kb, xRows, kb.add(k, column), weights[column], sums);
          return sums;
        });
  return kb.forLoop(
      kb.i64(0), kb.divU(call.k, kBlock), kb.i64(1), init,
      [&](Value block, ValueRange carried) {
        Values sums(carried);
        SmallVector<Values> weights = decodeBlock(kb, tiles, groups, block);
        for (int64_t e = 0; e < kBlock; ++e)
          multiply(kb, xRows, kb.add(kb.mul(block, kBlock), e), weights[e],
                   sums);
        return sums;
      },
      /*unroll=*/false);
}

void F32Parts::emitDecode(KernelBuilder &kb, ValueRange groups, Value panel,
                          Value k) {
  Tile16Emitter tiles(kb, layout);
  tiles.setPrefetchDistance(kPrefetchDistance);
  auto put = [&](ValueRange weights, Value index) {
    Value to = kb.offset(panel, kb.mul(index, kPanelGroups * kLine));
    for (auto [g, weight] : llvm::enumerate(weights))
      kb.store(weight, kb.offset(to, g * kLine), kLine);
  };
  if (layout.isFloat()) {
    kb.forLoop(
        kb.i64(0), k, kb.i64(layout.chunk),
        [&](Value index) {
          SmallVector<Values> columns = loadColumns(kb, tiles, groups, index);
          for (auto [column, weights] : llvm::enumerate(columns))
            put(weights, kb.add(index, column));
        },
        /*unroll=*/false);
    return;
  }
  kb.forLoop(
      kb.i64(0), kb.divU(k, kBlock), kb.i64(1),
      [&](Value block) {
        SmallVector<Values> weights = decodeBlock(kb, tiles, groups, block);
        for (int64_t e = 0; e < kBlock; ++e)
          put(weights[e], kb.add(kb.mul(block, kBlock), e));
      },
      /*unroll=*/false);
}

KernelBuilder::Values F32Parts::emitPanelSums(KernelBuilder &kb, Value x,
                                              Value prepared, Value panel,
                                              Value rows, Value k, Value ldx) {
  Values xRows = rowPointers(kb, x, rows, emitRowBytes(kb, k, ldx), kTileRows);
  return inParts([&](int64_t firstRow, int64_t rowCount, int64_t firstGroup,
                     int64_t groupCount) {
    ValueRange own = ValueRange(xRows).slice(firstRow, rowCount);
    Values init(rowCount * groupCount, kb.splatF32(0));
    return overK(kb, k, /*chunk=*/1, init,
                 [&](Value index, int64_t, ValueRange carried) {
                   Values sums(carried), weights;
                   Value from =
                       kb.offset(panel, kb.mul(index, kPanelGroups * kLine));
                   for (int64_t g = 0; g < groupCount; ++g)
                     weights.push_back(kb.load(
                         kb.vectorType(kb.f32Type()),
                         kb.offset(from, (firstGroup + g) * kLine), kLine));
                   multiply(kb, own, index, weights, sums);
                   return sums;
                 });
  });
}

std::unique_ptr<LinearKernelParts> makeF32Parts(ModuleOp module,
                                                const Target &target,
                                                const LinearSpec &spec,
                                                const Tile16Layout &layout) {
  return std::make_unique<F32Parts>(module, target, spec, layout);
}

} // namespace winnow::cpu
