//===- RoundRow.cpp - Rounds rows of activations to bf16 ------------------===//

#include "LinearKernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace winnow::cpu {

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
        Value rounded = kb.roundBitsToBf16(bits);
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
