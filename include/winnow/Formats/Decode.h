//===- Decode.h - Block formats to numbers ---------------------*- C++ -*-===//
//
// The host decoder: what the numbers in a checkpoint mean, bit for bit. All
// arithmetic is f32. The scales of a chain are multiplied from left to right;
// then x = a * v, rounded, and where the format has an offset x + b, rounded:
// never fused. This is what the references of ggml compute.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_DECODE_H
#define WINNOW_FORMATS_DECODE_H

#include "winnow/Formats/NumberFormat.h"

#include <vector>

namespace winnow {

/// A block of an integer format in canonical form: element k of group
/// g = k / groupSize is a[g] * values[k] + b[g]. Entries past the block's
/// elements and groups are not written.
struct CanonicalBlock {
  /// Stored codes c, unsigned; of elements without one, the code of 0.
  uint8_t codes[kMaxBlockElements];
  /// v(c).
  int8_t values[kMaxBlockElements];
  /// Factor and offset per group; offsets are 0 where the format has none.
  float a[kMaxBlockGroups];
  float b[kMaxBlockGroups];
  /// For formats with integer sub-scales: a[g] = outerScale * subScales[g] and
  /// b[g] = -(outerOffset * subOffsets[g]) (0 without offsets). Zero points
  /// are already subtracted: Q3_K's are in [-32, 31].
  float outerScale;
  float outerOffset;
  int16_t subScales[kMaxBlockGroups];
  int16_t subOffsets[kMaxBlockGroups];
};

/// Decodes blocks of one format. Construction tabulates where the bits are;
/// use one object for many blocks. Const members may run in parallel.
class BlockDecoder {
public:
  /// `format` must be well formed (`verifyFormat`) and outlive the decoder.
  explicit BlockDecoder(const NumberFormat &format);

  const NumberFormat &getFormat() const { return format; }

  /// `blockBytes` bytes to `blockElements` numbers.
  void decode(const uint8_t *block, float *out) const;

  /// `blockBytes` bytes to the canonical form. Precondition: not a float
  /// format.
  void decodeCanonical(const uint8_t *block, CanonicalBlock &out) const;

private:
  /// Where one part of one code is.
  struct Slot {
    uint16_t byte;
    uint8_t shift;
  };

  void readCodes(const uint8_t *block, uint8_t *codes) const;
  /// Moves the codes of a sparse block to their elements.
  void spreadCodes(const uint8_t *block, uint8_t *codes) const;
  void readScales(const uint8_t *block, CanonicalBlock &out) const;

  const NumberFormat &format;
  unsigned groupSize;
  /// Slots of all elements, part by part.
  std::vector<Slot> slots;
  /// True where the codes are bytes in a row, starting at slots[0].
  bool consecutiveBytes = false;
  /// v(c) for all codes.
  int8_t valueOf[256];
  uint8_t zeroCode = 0;
};

/// Decodes whole blocks (so whole rows): `out` must be a multiple of the block
/// and `bytes` exactly its bytes; anything else is an error.
llvm::Error decode(const NumberFormat &format, llvm::ArrayRef<uint8_t> bytes,
                   llvm::MutableArrayRef<float> out);

} // namespace winnow

#endif // WINNOW_FORMATS_DECODE_H
