//===- Clip.h - Codes of numbers that are cut off ---------------*- C++ -*-===//
//
// What AWQ does behind its scaling (Lin et al., arXiv 2306.00978): each block b
// of a row w gets the codes of min(max(b, -m), m), for the level
//
//   m = (1 - i / 20) max |b|,   i = 0, 1, ..., 9
//
// whose codes, as numbers b', give the least (b - b') H_b (b - b')^T. H_b is
// the part of the Gram matrix H = mean x x^T that belongs to the block.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_CLIP_H
#define WINNOW_FORMATS_CLIP_H

#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Encode.h"

namespace winnow {

/// Encodes one row, a multiple of the format's block, to exactly its bytes.
/// `gram` has as many rows and columns as the row has numbers; `decoder` is of
/// the encoder's format. The first of equal levels is taken.
llvm::Error encodeClipped(const BlockEncoder &encoder,
                          const BlockDecoder &decoder,
                          llvm::ArrayRef<float> gram,
                          llvm::ArrayRef<float> numbers,
                          llvm::MutableArrayRef<uint8_t> bytes);

} // namespace winnow

#endif // WINNOW_FORMATS_CLIP_H
