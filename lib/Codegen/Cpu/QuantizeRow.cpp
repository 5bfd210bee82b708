//===- QuantizeRow.cpp - Rounds rows of activations to 8 bits -------------===//
//
// The rule is Formats/Activation.h's encodeActivationGroup, bit for bit.
//
//===----------------------------------------------------------------------===//

#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Formats/Activation.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <limits>

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kBlock = 32;
static constexpr int64_t kHalf = 16;
static constexpr int64_t kTileRows = 8;

void emitQuantizeRow(KernelBuilder &kb, Value x, Value buffer, Value row,
                     Value rows, Value k) {
  Value one = kb.i64(1);
  Value stride = kb.select(kb.equal(rows, one), one, kb.i64(kTileRows));
  Value padded = kb.roundUp(k, 64);
  Value rowBytes = kb.add(padded, kb.mul(kb.divU(padded, kBlock), 12));
  // stride is 1 only where row is 0.
  Value lane = kb.remU(row, kTileRows);
  Value tile = kb.offset(buffer, kb.mul(kb.sub(row, lane), rowBytes));
  Value strideBytes = kb.mul(stride, 4);
  Value codes = kb.offset(tile, kb.mul(lane, 4));
  Value scales = kb.offset(codes, kb.mul(padded, stride));
  Value sums = kb.offset(scales, kb.mul(kb.divU(padded, kBlock), strideBytes));

  VectorType floats = kb.vectorType(kb.f32Type());
  auto plane = [&](Value base, Value index) {
    return kb.offset(base, kb.mul(index, strideBytes));
  };
  kb.forLoop(
      kb.i64(0), kb.divU(k, kBlock), kb.i64(1),
      [&](Value block) {
        Value from = kb.offset(x, kb.mul(block, kBlock * 4));
        Value halves[2] = {kb.load(floats, from, 4),
                           kb.load(floats, kb.offset(from, kHalf * 4), 4)};
        Value amax =
            kb.reduceMax(kb.maxF(kb.absF(halves[0]), kb.absF(halves[1])));
        Value finite =
            kb.lessThanF(amax, kb.f32(std::numeric_limits<float>::infinity()));
        Value tiny = kb.lessThanF(amax, kb.f32(kActivationFloor));
        Value zero = kb.f32(0);
        // Blocks that are tiny or not finite get codes 0.
        Value keep = kb.select(tiny, zero, kb.divF(kb.f32(127), amax));
        Value inverse = kb.select(finite, keep, zero);
        Value scale = kb.select(tiny, zero, kb.divF(amax, kb.f32(127)));
        scale = kb.select(finite, scale,
                          kb.f32(std::numeric_limits<float>::quiet_NaN()));
        Value usable = kb.broadcast(finite);
        for (int64_t half = 0; half < 2; ++half) {
          Value finiteX = kb.select(usable, halves[half], kb.splatF32(0));
          Value code = kb.roundToI32(kb.mulF(finiteX, kb.broadcast(inverse)));
          kb.store(kb.reduceAddI(code),
                   plane(sums, kb.add(kb.mul(block, 2), half)), 4);
          Value quads = kb.bitcast(kb.trunc(code, kb.vectorType(kb.i8Type())),
                                   kb.vectorType(kb.i32Type(), 4));
          for (int64_t q = 0; q < 4; ++q)
            kb.store(kb.extract(quads, q),
                     plane(codes, kb.add(kb.mul(block, 8), 4 * half + q)), 4);
        }
        kb.store(scale, plane(scales, block), 4);
      },
      /*unroll=*/false);
  // Padding up to a multiple of 64: zeros everywhere.
  kb.forLoop(
      kb.divU(k, kBlock), kb.divU(padded, kBlock), kb.i64(1),
      [&](Value block) {
        for (int64_t q = 0; q < 8; ++q)
          kb.store(kb.i32(0), plane(codes, kb.add(kb.mul(block, 8), q)), 4);
        kb.store(kb.f32(0), plane(scales, block), 4);
        for (int64_t half = 0; half < 2; ++half)
          kb.store(kb.i32(0), plane(sums, kb.add(kb.mul(block, 2), half)), 4);
      },
      /*unroll=*/false);
}

func::FuncOp getQuantizeRowKernel(ModuleOp module, const Target &target) {
  constexpr llvm::StringLiteral symbol = "winnow_quantize_row_a8_b32";
  if (func::FuncOp existing = KernelBuilder::lookup(module, symbol))
    return existing;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  KernelBuilder kb(module, target, symbol, {ptr, ptr, i64, i64, i64});
  emitQuantizeRow(kb, kb.arg(0), kb.arg(1), kb.arg(2), kb.arg(3), kb.arg(4));
  return kb.finish();
}

} // namespace winnow::cpu
