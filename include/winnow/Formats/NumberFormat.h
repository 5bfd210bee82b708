//===- NumberFormat.h - Block number formats as data -----------*- C++ -*-===//
//
// Every format here, except plain floats, decodes to
//
//   W[n,k] = a[n,g(k)] * v(c[n,k]) + b[n,g(k)]                    (canonical)
//
// with an integer code c, a code map v, and per group f32 numbers a and b that
// are products of a short chain of stored scales. Blocks run along K, the last
// dimension; a row is K / blockElements blocks, one after another. The bit
// layouts are those of ggml (ggml-org/ggml, ggml-common.h).
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_NUMBERFORMAT_H
#define WINNOW_FORMATS_NUMBERFORMAT_H

#include "winnow/Formats/BitStorage.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>

namespace winnow {

/// How the bits of a stored number become an f32, always exactly.
enum class StoredType {
  F32,
  F16,
  BF16,
  E8M0Half,    ///< 2^(e-128): a power-of-two scale for a doubled E2M1 table
  UE4M3Half,   ///< half of an unsigned E4M3 (sign ignored, 0x7F is 0)
  UnsignedInt, ///< of the width of its bits, minus `ScaleLevel::zero`
  SignedInt,   ///< the same in two's complement
};

/// The f32 of a stored floating-point number. Precondition: `type` is not an
/// integer.
float storedToFloat(StoredType type, uint32_t bits);

/// The stored bits of a number near `value`: of the nearest one, ties to even,
/// for types that have signs; of the largest one not above `value` (the
/// smallest one below all) for the others, which hold scales. Infinities stay,
/// and so do NaNs, with the upper bits of their payload. Precondition: `type`
/// is not an integer.
uint32_t floatToStored(StoredType type, float value);

/// The code map v.
struct CodeMap {
  enum class Kind {
    AffineInt, ///< v = step * c - zero
    SignedInt, ///< v = c in two's complement
    Table,     ///< v = table[c]
    Float,     ///< the code is a floating-point number; no scales
  };
  Kind kind = Kind::Float;
  /// Bits of a code: 1 to 8, or those of the float.
  unsigned bits = 0;
  int step = 1;
  int zero = 0;
  llvm::ArrayRef<int8_t> table;
  StoredType floatType = StoredType::F32;

  /// v(c) of an integer kind; it fits in 8 signed bits. `code` < 2^bits.
  int valueOf(unsigned code) const;
};

/// How codes are stored.
enum class Packing {
  Bits,  ///< declaratively, see BitStorage.h
  Base3, ///< five ternary digits per byte, as TQ1_0 has them
};

/// N:M sparsity: of each `of` consecutive elements only `kept` have a code, the
/// others are 0. Which ones is data, never read off their values.
struct SparsePattern {
  unsigned kept = 0;
  unsigned of = 0; ///< 0: every element has a code
  /// One bit an element: 1 where it has a code.
  BitParts mask;
};

/// What a level of the scale chain does.
enum class ScaleRole {
  Mul,       ///< a factor of a
  Add,       ///< a factor of b
  Sub,       ///< a factor of -b
  ZeroPoint, ///< b = -(a * z)
};

/// One level of the scale chain, stored inside the block.
struct ScaleLevel {
  ScaleRole role = ScaleRole::Mul;
  StoredType type = StoredType::F16;
  /// Consecutive elements that share one number.
  unsigned granularity = 0;
  BitParts parts;
  /// Subtracted from stored integers.
  int zero = 0;

  bool isInteger() const {
    return type == StoredType::UnsignedInt || type == StoredType::SignedInt;
  }
};

/// How a dot product with 8-bit activations can run (in terms of codes).
enum class DotClass {
  Float,            ///< only after decoding to floats
  IntegerOffset,    ///< v = step * c - zero: dot the codes, then correct
  IntegerTable,     ///< v = table[c], int8: look up, then dot
  IntegerSubScales, ///< as one of the two above (see the code map), with
                    ///< integer sub-scales inside a superblock
};

/// Largest block of any format, in elements, and most groups in a block.
constexpr unsigned kMaxBlockElements = 256;
constexpr unsigned kMaxBlockGroups = 16;

/// A number format: one row of the table in NumberFormat.cpp.
struct NumberFormat {
  /// Lower case, as in `#winnow.encoding<q4_k>`.
  llvm::StringRef name;
  /// Elements and bytes of a block, the smallest self-contained unit.
  unsigned blockElements = 1;
  unsigned blockBytes = 0;
  /// The type id in GGUF files, where the format has one.
  std::optional<uint32_t> ggufType;
  CodeMap codeMap;
  Packing packing = Packing::Bits;
  /// Where the code of an element is, for `Packing::Bits`; of sparse formats,
  /// of the elements that have one, in their order.
  BitParts code;
  SparsePattern pattern;
  /// Outermost first; products are taken in this order.
  FixedList<ScaleLevel, 4> scales;

  constexpr NumberFormat(llvm::StringRef name, unsigned blockElements,
                         unsigned blockBytes)
      : name(name), blockElements(blockElements), blockBytes(blockBytes) {}

  // How a table row is written; each returns the changed format.

  constexpr NumberFormat gguf(uint32_t type) const;
  /// v = step * c - zero with codes of `bits` bits at `parts`.
  constexpr NumberFormat affine(unsigned bits, int zero, BitParts parts,
                                int step = 1) const;
  constexpr NumberFormat signedInt(unsigned bits, BitParts parts) const;
  constexpr NumberFormat tabulated(unsigned bits, llvm::ArrayRef<int8_t> table,
                                   BitParts parts) const;
  constexpr NumberFormat base3() const;
  /// Only `kept` of `of` elements have codes; bit i of `mask` is element i's.
  constexpr NumberFormat sparse(unsigned kept, unsigned of,
                                BitParts mask) const;
  constexpr NumberFormat floats(StoredType type) const;
  constexpr NumberFormat scale(ScaleRole role, StoredType type,
                               unsigned granularity, BitParts parts,
                               int zero = 0) const;

  // What follows from a row.

  bool isFloat() const { return codeMap.kind == CodeMap::Kind::Float; }
  bool isSparse() const { return pattern.of != 0; }
  /// Elements of a block that have codes.
  unsigned storedElements() const {
    return isSparse() ? blockElements / pattern.of * pattern.kept
                      : blockElements;
  }
  /// The smallest code of value 0, if there is one.
  std::optional<unsigned> codeOfZero() const;
  /// Elements that share a and b: the finest granularity of the scale chain.
  unsigned groupSize() const;
  unsigned groupsPerBlock() const { return blockElements / groupSize(); }
  /// False where b is absent: then nothing is added, not even zero.
  bool hasOffset() const;
  /// True where an integer level multiplies a or b.
  bool hasIntegerSubScales() const;
  DotClass dotClass() const;
  double bitsPerWeight() const { return 8.0 * blockBytes / blockElements; }
  /// Bytes of a row of `elements` elements; an error where that is negative
  /// or no multiple of the block.
  llvm::Expected<uint64_t> bytesPerRow(int64_t elements) const;
  /// Bytes of `rows` such rows; also an error where that exceeds 63 bits.
  llvm::Expected<uint64_t> bytesOf(int64_t rows, int64_t elements) const;
};

/// The format of this (lower case) name, or null.
const NumberFormat *lookupFormat(llvm::StringRef name);

/// The format of a tensor type in a GGUF file, or null where it is not known.
const NumberFormat *formatOfGgufType(uint32_t type);

/// The whole table.
llvm::ArrayRef<NumberFormat> allFormats();

/// Checks that a format is well formed: every code and every scale lies inside
/// the block, no bit is used twice, code values fit in 8 bits. The rows of the
/// table are checked by a test; a format from elsewhere is checked here.
llvm::Error verifyFormat(const NumberFormat &format);

//===----------------------------------------------------------------------===//
// How a table row is written
//===----------------------------------------------------------------------===//

constexpr NumberFormat NumberFormat::gguf(uint32_t type) const {
  NumberFormat result = *this;
  result.ggufType = type;
  return result;
}

constexpr NumberFormat NumberFormat::affine(unsigned bits, int zero,
                                            BitParts parts, int step) const {
  NumberFormat result = *this;
  result.codeMap.kind = CodeMap::Kind::AffineInt;
  result.codeMap.bits = bits;
  result.codeMap.zero = zero;
  result.codeMap.step = step;
  result.code = parts;
  return result;
}

constexpr NumberFormat NumberFormat::signedInt(unsigned bits,
                                               BitParts parts) const {
  NumberFormat result = *this;
  result.codeMap.kind = CodeMap::Kind::SignedInt;
  result.codeMap.bits = bits;
  result.code = parts;
  return result;
}

constexpr NumberFormat NumberFormat::tabulated(unsigned bits,
                                               llvm::ArrayRef<int8_t> table,
                                               BitParts parts) const {
  NumberFormat result = *this;
  result.codeMap.kind = CodeMap::Kind::Table;
  result.codeMap.bits = bits;
  result.codeMap.table = table;
  result.code = parts;
  return result;
}

constexpr NumberFormat NumberFormat::base3() const {
  NumberFormat result = affine(2, 1, {});
  result.packing = Packing::Base3;
  return result;
}

constexpr NumberFormat NumberFormat::sparse(unsigned kept, unsigned of,
                                            BitParts mask) const {
  NumberFormat result = *this;
  result.pattern = {kept, of, mask};
  return result;
}

constexpr NumberFormat NumberFormat::floats(StoredType type) const {
  NumberFormat result = *this;
  result.codeMap.kind = CodeMap::Kind::Float;
  result.codeMap.bits = 8 * blockBytes;
  result.codeMap.floatType = type;
  result.code = {{8 * blockBytes, 0, 0}};
  return result;
}

constexpr NumberFormat NumberFormat::scale(ScaleRole role, StoredType type,
                                           unsigned granularity, BitParts parts,
                                           int zero) const {
  NumberFormat result = *this;
  result.scales.push({role, type, granularity, parts, zero});
  return result;
}

} // namespace winnow

#endif // WINNOW_FORMATS_NUMBERFORMAT_H
