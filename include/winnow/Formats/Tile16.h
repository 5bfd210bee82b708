//===- Tile16.h - The weight layout of the CPU kernels ----------*- C++ -*-===//
//
// `tile16` is where the bits of a weight matrix [N, K] are when the CPU kernels
// read it (mlir: `#winnow.encoding<q5_0, tile16>`). What the bits mean stays
// the number format of the file; a re-layout never rounds.
//
// Rows go in groups of 16, groups one after another; N is padded to 16. Inside
// a group, chunks of 64, 128 or 256 inputs k follow each other, K padded to
// whole chunks; padding has scale 0. A *line* is 64 bytes, byte 4r+j of it
// belongs to row r and k = 4 * quad + j, so that a dword lane is an output row
// and holds four consecutive inputs: the operand of vpdpbusd. Block = 32
// inputs, 8 quads.
//
//   codes  lines of one block
//   U8     8 lines, a code a byte
//   U4     4 lines, line t: quad 2t in the low nibble, 2t+1 in the high one
//   U4U1   1 line with bit 4 of quad q in bit q, then as U4
//   U4U2   2 x { 2 lines as U4, 1 line: bits 4-5 of quad q in bits 2q, 2q+1 }
//   U2     2 lines, line t: quad 4t+q in bits 2q, 2q+1
//   U2U1   1 line with bit 2 of quad q in bit q, then as U2
//   Half8  1 line: bit k of a row's dword tells whether its input k has a code;
//          4 lines: the codes of inputs 8t to 8t+7, of which four have one,
//          exclusive-or the zero point, so that bytes of 0 are weights of 0
//   Half4  the same in 1 + 2 lines, line t: inputs 16t to 16t+7 in the low
//          nibbles, the next eight in the high ones
//
// Of two codes for four inputs, those of inputs 8t to 8t+3 are bytes 0 and 1.
//
//   scales (one per `group` inputs and row)      place in the chunk
//   F16    f16 d[chunk/group][16]                 after the codes
//   BF16   bf16 d[chunk/group][16]                after the codes
//   F16Min f16 d[chunk/group][16], m[..][16]      after the codes
//   U6     u8 (sc & 15 | (mn & 15) << 4)[8][16],  before the codes
//          u8 [4][16]: bits 0-1, 2-3 = sc >> 4, mn >> 4 of block i, bits 4-5,
//          6-7 those of block i+4; f16 d[16], dmin[16]
//   S8     s8 sc[chunk/group][16], f16 d[16], 32 bytes of zero   before
//   U4Min  u8 (sc | mn << 4)[16][16], f16 d[16], dmin[16]        before
//
// The weight of a code c is a * v + b, each operation rounded to f32, with
// v = c - zeroPoint (after the table, if there is one), a = d or d * sc, and
// b = m or -(dmin * mn) or nothing.
//
// Floats of f32 and f16 are [N/16][K][16] without padding of K. Those of bf16
// are [N/16][K/2][16][2], K padded to even with zeros: a dword lane holds two
// consecutive inputs, the operand of vdpbf16ps.
//
// Sizes equal those of the file but for Q6_K (6.625 bits a weight for 6.5625),
// Q3_K (3.625 for 3.4375), IQ4_XS (4.375 for 4.25), MXFP4 (4.5 for 4.25) and
// the rarer NVFP4 (5 for 4.5) and TQ1_0, TQ2_0, Q1_0, Q2_0 (2.5), which are
// stored in a wider class.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_TILE16_H
#define WINNOW_FORMATS_TILE16_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace winnow {

/// How one number format is stored in `tile16`.
struct Tile16Layout {
  /// Rows of a group.
  static constexpr int64_t kRows = 16;
  /// Inputs of a block: what shares one scale of the activations.
  static constexpr int64_t kBlock = 32;

  enum class Codes {
    F32,
    BF16,
    F16,
    U8,
    U4,
    U4U1,
    U4U2,
    U2,
    U2U1,
    Half8,
    Half4
  };
  enum class Scales { None, F16, BF16, F16Min, U6, S8, U4Min };

  /// The format's name as in `#winnow.encoding<...>`, e.g. "q4_k".
  llvm::StringRef format;
  Codes codes;
  Scales scales;
  /// Inputs per chunk: 1 (f32, f16), 2 (bf16), 64, 128 or 256.
  int64_t chunk;
  /// Inputs per scale: 16, or 32 to 128 and then at most a chunk.
  int64_t group;
  int32_t zeroPoint;
  /// The 16 entries that replace a 4-bit code before zeroPoint is taken off,
  /// or null.
  const uint8_t *table;
  /// Of Half8 and Half4: half of so many inputs in a row have a code, 4 or 8.
  int64_t halfOf = 0;

  /// The layout of `format`; fails for a name that has none.
  static llvm::Expected<const Tile16Layout *> get(llvm::StringRef format);
  /// Every layout, in the order of the table.
  static llvm::ArrayRef<Tile16Layout> all();

  bool isFloat() const { return scales == Scales::None; }
  bool hasMin() const {
    return scales == Scales::F16Min || scales == Scales::U6 ||
           scales == Scales::U4Min;
  }
  /// The largest code, after the table.
  int32_t largestCode() const;
  /// Bytes of the codes of a block (16 rows x 32 inputs).
  int64_t blockCodeBytes() const;
  int64_t blocksPerChunk() const { return chunk / kBlock; }
  /// Scales that a block has, if only its part of one.
  int64_t scalesPerBlock() const { return group < kBlock ? kBlock / group : 1; }
  /// Blocks that share one scale.
  int64_t blocksPerScale() const { return group > kBlock ? group / kBlock : 1; }
  /// Bytes of a chunk (16 rows).
  int64_t chunkBytes() const;
  /// Where the codes of a chunk's block 0 start.
  int64_t codesOffset() const;
  /// Where the first array of scales starts.
  int64_t scalesOffset() const;
  /// Where d (and after it dmin) of U6, S8 and U4Min start.
  int64_t superScaleOffset() const;
  /// Bytes of a group of 16 rows. `k` > 0.
  int64_t groupBytes(int64_t k) const;
};

/// Bytes of an [n, k] matrix of `format` in tile16. Fails for a format without
/// a layout, for k that is no multiple of the format's block, for n or k below
/// one, and when the size does not fit.
llvm::Expected<int64_t> tile16Bytes(llvm::StringRef format, int64_t n,
                                    int64_t k);

/// Rewrites the row groups [firstGroup, firstGroup + groupCount) of an [n, k]
/// matrix from the layout of GGUF files to tile16. `fileBytes` are the bytes of
/// the file's rows [16 * firstGroup, min(n, 16 * (firstGroup + groupCount)))
/// and `out` takes groupCount * groupBytes(k) bytes. Needs no memory beyond a
/// few KB; different ranges may run on different threads. Fails when a size
/// does not agree.
llvm::Error relayoutToTile16(llvm::StringRef format, int64_t n, int64_t k,
                             llvm::ArrayRef<uint8_t> fileBytes,
                             int64_t firstGroup, int64_t groupCount,
                             llvm::MutableArrayRef<uint8_t> out);

/// Decodes row `row` of a tile16 matrix [n, k] to k floats: bit-equal to the
/// decoding of the file's row (Formats/Decode.h). `tile16` holds the whole
/// matrix.
llvm::Error decodeTile16Row(llvm::StringRef format, int64_t n, int64_t k,
                            llvm::ArrayRef<uint8_t> tile16, int64_t row,
                            llvm::MutableArrayRef<float> out);

} // namespace winnow

#endif // WINNOW_FORMATS_TILE16_H
