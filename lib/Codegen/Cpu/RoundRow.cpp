//===- RoundRow.cpp - Rounds rows of activations to bf16 ------------------===//
//
// The rule is Formats/Activation.h's roundToBf16, bit for bit, in integers on
// every processor: its own conversions take denormal numbers for zero.
//
//===----------------------------------------------------------------------===//

#include "LinearKernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace winnow::cpu {

/// The bits of f32 lanes rounded to bf16, in the upper halves of i32 lanes; the
/// lower halves hold anything.
static Value roundLanes(KernelBuilder &kb, Value bits) {
  Value odd = kb.andI(kb.shrU(bits, kb.splatI32(16)), kb.splatI32(1));
  Value rounded = kb.add(kb.add(bits, kb.splatI32(0x7fff)), odd);
  Value magnitude = kb.andI(bits, kb.splatI32(INT32_MAX));
  Value isNaN = kb.greaterThan(magnitude, kb.splatI32(0x7f800000));
  return kb.select(isNaN, kb.orI(bits, kb.splatI32(0x400000)), rounded);
}

void emitRoundRow(KernelBuilder &kb, Value x, Value buffer, Value row,
                  Value k) {
  int64_t bytes = kb.target().bf16Bytes();
  Value padded = kb.roundUp(k, 2);
  Value to = kb.offset(buffer, kb.mul(kb.mul(row, padded), bytes));
  kb.forLoop(
      kb.i64(0), padded, kb.i64(kLanes),
      [&](Value first) {
        Value bits =
            kb.loadFirst(kb.vectorType(kb.i32Type()),
                         kb.offset(x, kb.mul(first, 4)), kb.sub(k, first));
        Value rounded = roundLanes(kb, bits);
        Value at = kb.offset(to, kb.mul(first, bytes));
        Value lanes = kb.sub(padded, first);
        if (bytes == 2)
          kb.storeFirst(kb.trunc(kb.shrU(rounded, kb.splatI32(16)),
                                 kb.vectorType(kb.i16Type())),
                        at, lanes);
        else
          kb.storeFirst(kb.andI(rounded, kb.splatI32(0xffff0000)), at, lanes);
      },
      /*unroll=*/false);
}

} // namespace winnow::cpu
