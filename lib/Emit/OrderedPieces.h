//===- OrderedPieces.h - Parallel production, ordered consumption -*- C++ -*-=//

#ifndef WINNOW_LIB_EMIT_ORDEREDPIECES_H
#define WINNOW_LIB_EMIT_ORDEREDPIECES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace winnow {

/// Runs `produce(i, buffer)` for each i on `threads` threads (the caller's is
/// one of them), with a buffer of `sizes[i]` bytes, and `consume(i, buffer)`
/// with what it left there: one at a time, in the order of i. What is ready
/// before its turn waits, so that a piece that takes long does not hold up the
/// others, until that is `kWaitingBytes`. Stops at the first failures and
/// returns the one with the smallest i.
llvm::Error runOrderedPieces(
    llvm::ArrayRef<uint64_t> sizes, unsigned threads,
    llvm::function_ref<llvm::Error(uint64_t, llvm::MutableArrayRef<uint8_t>)>
        produce,
    llvm::function_ref<llvm::Error(uint64_t, llvm::ArrayRef<uint8_t>)> consume);

constexpr uint64_t kWaitingBytes = 64 << 20;

} // namespace winnow

#endif // WINNOW_LIB_EMIT_ORDEREDPIECES_H
