//===- LinearBf16.cpp - Linear layers on bf16 weights and activations -----===//
//
// vdpbf16ps, where the processor has it, adds two products to each f32 lane,
// the second of the pair first, each rounded once: y = fma(x1, w1, y), then
// y = fma(x0, w0, y). Elsewhere two multiply-adds do the same on numbers that
// are widened to f32: activations when they are rounded, weights of the panel
// when it is filled. The bits agree but for denormal numbers, which vdpbf16ps
// takes for zero.
//
//===----------------------------------------------------------------------===//

#include "LinearKernels.h"
#include "MemoryStreams.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kLine = 64;

namespace {

class Bf16Parts final : public LinearKernelParts {
public:
  using LinearKernelParts::LinearKernelParts;

  // The panel: lines [K/2][factors][kPanelGroups].
  BytesPerInputs panelSize() const override {
    return {2, factors() * kPanelGroups * kLine};
  }

protected:
  Values emitRowSums(KernelBuilder &kb, const TileCall &call, ValueRange groups,
                     int64_t rows, int64_t tileRows) override;
  void emitDecode(KernelBuilder &kb, ValueRange groups, Value panel,
                  Value k) override;
  Values emitPanelSums(KernelBuilder &kb, Value x, Value prepared, Value panel,
                       Value rows, Value k, Value ldx) override;

private:
  /// Vectors that a pair of inputs is: one of pairs, or two of f32.
  int64_t factors() const { return target.bf16Bytes() / 2; }
  Type factorType(KernelBuilder &kb) {
    return target.avx512Bf16 ? kb.vectorType(kb.bf16Type(), 2 * kLanes)
                             : kb.vectorType(kb.f32Type());
  }
  /// The pairs of 16 outputs as factors, in the order of multiplication.
  Values loadWeights(KernelBuilder &kb, Value line);
  Values loadInputs(KernelBuilder &kb, Value row, Value pair);
  /// sums[row][g] += pair of x[row] * pair of weights[factor][g].
  void multiply(KernelBuilder &kb, ValueRange xRows, Value pair,
                ArrayRef<Values> weights, Values &sums);
};

} // namespace

KernelBuilder::Values Bf16Parts::loadWeights(KernelBuilder &kb, Value line) {
  Value pairs = kb.load(kb.vectorType(kb.i32Type()), line, 4);
  if (target.avx512Bf16)
    return {kb.bitcast(pairs, factorType(kb))};
  Value high = kb.andI(pairs, kb.splatI32(0xffff0000));
  Value low = kb.shl(pairs, kb.splatI32(16));
  return {kb.bitcast(high, factorType(kb)), kb.bitcast(low, factorType(kb))};
}

KernelBuilder::Values Bf16Parts::loadInputs(KernelBuilder &kb, Value row,
                                            Value pair) {
  Value at = kb.offset(row, kb.mul(pair, factors() * 4));
  if (target.avx512Bf16)
    return {kb.bitcast(kb.loadSplat(kb.i32Type(), at), factorType(kb))};
  return {kb.loadSplat(kb.f32Type(), kb.offset(at, 4)),
          kb.loadSplat(kb.f32Type(), at)};
}

void Bf16Parts::multiply(KernelBuilder &kb, ValueRange xRows, Value pair,
                         ArrayRef<Values> weights, Values &sums) {
  size_t groups = weights.front().size();
  for (auto [row, pointer] : llvm::enumerate(xRows))
    for (auto [x, own] :
         llvm::zip_equal(loadInputs(kb, pointer, pair), weights))
      for (auto [g, w] : llvm::enumerate(own)) {
        Value &sum = sums[row * groups + g];
        sum = target.avx512Bf16
                  ? kb.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512",
                                 sum.getType(), {sum, w, x})
                  : kb.fma(x, w, sum);
      }
}

KernelBuilder::Values Bf16Parts::emitRowSums(KernelBuilder &kb,
                                             const TileCall &call,
                                             ValueRange groups, int64_t rows,
                                             int64_t tileRows) {
  Values xRows = rowPointers(kb, call.x, call.rows,
                             emitRowBytes(kb, call.k, call.ldx), rows);
  Values init(rows * groups.size(), kb.splatF32(0));
  return overK(kb, kb.ceilDivU(call.k, 2), /*chunk=*/1, init,
               [&](Value pair, int64_t, ValueRange carried) {
                 Values sums(carried);
                 SmallVector<Values, 2> weights(factors());
                 for (Value group : groups) {
                   Value line = kb.offset(group, kb.mul(pair, kLine));
                   kb.prefetch(kb.offset(line, kPrefetchDistance));
                   for (auto [factor, w] :
                        llvm::enumerate(loadWeights(kb, line)))
                     weights[factor].push_back(w);
                 }
                 multiply(kb, xRows, pair, weights, sums);
                 return sums;
               });
}

void Bf16Parts::emitDecode(KernelBuilder &kb, ValueRange groups, Value panel,
                           Value k) {
  kb.forLoop(
      kb.i64(0), kb.ceilDivU(k, 2), kb.i64(1),
      [&](Value pair) {
        Value to =
            kb.offset(panel, kb.mul(pair, factors() * kPanelGroups * kLine));
        for (auto [g, group] : llvm::enumerate(groups)) {
          Value line = kb.offset(group, kb.mul(pair, kLine));
          kb.prefetch(kb.offset(line, kPrefetchDistance));
          for (auto [factor, w] : llvm::enumerate(loadWeights(kb, line)))
            kb.store(w, kb.offset(to, (factor * kPanelGroups + g) * kLine),
                     kLine);
        }
      },
      /*unroll=*/false);
}

KernelBuilder::Values Bf16Parts::emitPanelSums(KernelBuilder &kb, Value x,
                                               Value prepared, Value panel,
                                               Value rows, Value k, Value ldx) {
  Values xRows = rowPointers(kb, x, rows, emitRowBytes(kb, k, ldx), kTileRows);
  return inParts([&](int64_t firstRow, int64_t rowCount, int64_t firstGroup,
                     int64_t groupCount) {
    ValueRange own = ValueRange(xRows).slice(firstRow, rowCount);
    Values init(rowCount * groupCount, kb.splatF32(0));
    return overK(
        kb, kb.ceilDivU(k, 2), /*chunk=*/1, init,
        [&](Value pair, int64_t, ValueRange carried) {
          Values sums(carried);
          SmallVector<Values, 2> weights(factors());
          Value from =
              kb.offset(panel, kb.mul(pair, factors() * kPanelGroups * kLine));
          for (int64_t factor = 0; factor < factors(); ++factor)
            for (int64_t g = firstGroup; g < firstGroup + groupCount; ++g)
              weights[factor].push_back(kb.load(
                  factorType(kb),
                  kb.offset(from, (factor * kPanelGroups + g) * kLine), kLine));
          multiply(kb, own, pair, weights, sums);
          return sums;
        });
  });
}

std::unique_ptr<LinearKernelParts> makeBf16Parts(ModuleOp module,
                                                 const Target &target,
                                                 const LinearSpec &spec,
                                                 const Tile16Layout &layout) {
  return std::make_unique<Bf16Parts>(module, target, spec, layout);
}

} // namespace winnow::cpu
