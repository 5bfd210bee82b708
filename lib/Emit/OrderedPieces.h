//===- OrderedPieces.h - Parallel production, ordered consumption -*- C++ -*-=//

#ifndef WINNOW_LIB_EMIT_ORDEREDPIECES_H
#define WINNOW_LIB_EMIT_ORDEREDPIECES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace winnow {

/// Runs `produce(i, buffer)` for i in [0, count) on `threads` threads (the
/// caller's is one of them), and `consume(i, buffer)` with what it left in the
/// buffer: one at a time, in the order of i. Each thread has one buffer of
/// `bufferBytes` bytes. Stops at the first failures and returns the one with
/// the smallest i.
llvm::Error runOrderedPieces(
    uint64_t count, unsigned threads, uint64_t bufferBytes,
    llvm::function_ref<llvm::Error(uint64_t, llvm::MutableArrayRef<uint8_t>)>
        produce,
    llvm::function_ref<llvm::Error(uint64_t, llvm::ArrayRef<uint8_t>)> consume);

} // namespace winnow

#endif // WINNOW_LIB_EMIT_ORDEREDPIECES_H
