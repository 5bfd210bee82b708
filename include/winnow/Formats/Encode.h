//===- Encode.h - Numbers to block formats ---------------------*- C++ -*-===//
//
// The host encoder: numbers to a row of the format table, by rounding to the
// nearest codes under scales that a small search chooses for the least squared
// error (ScaleSearch.h in lib/Formats). The row is all that it knows of a
// format, so a new row needs no code here. Float formats round half to even.
//
// The result depends on the numbers alone: the same numbers give the same
// bytes on every machine.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_ENCODE_H
#define WINNOW_FORMATS_ENCODE_H

#include "winnow/Formats/NumberFormat.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>
#include <vector>

namespace winnow {

class ScaleSearch;

/// True for the formats that weights can be encoded in: all that store codes
/// bit by bit and whose scale chain is a float, then perhaps an integer, and
/// the same for the offset.
bool canEncodeWeights(const NumberFormat &format);

/// The names of these formats, in the order of the table.
std::vector<llvm::StringRef> encodableFormats();

/// Encodes blocks of one format; use one object for many blocks. Const members
/// may run in parallel.
class BlockEncoder {
public:
  /// Precondition: `canEncodeWeights(format)`; it must outlive the encoder.
  explicit BlockEncoder(const NumberFormat &format);
  ~BlockEncoder();

  /// `blockElements` numbers to `blockBytes` bytes. Groups of numbers all below
  /// 2^-100 in magnitude become zeros. A sparse format keeps the largest
  /// magnitudes, of equal ones the first; with `weights`, one for each number,
  /// the largest |w_k| `weights[k]`. Fails for NaN and infinities in formats
  /// that have none, and where a number or its scale is too large to be stored.
  llvm::Error encode(const float *numbers, uint8_t *block,
                     llvm::ArrayRef<float> weights = {}) const;

  /// The same one number after another: `rounded` hears of each element which
  /// number its code stands for, and may then change `numbers` from there on.
  /// Scales are those of the numbers when the first of them gets its code. A
  /// sparse format keeps the largest w_k^2 `weights[k]` of each few numbers as
  /// they are when the first of those has its turn.
  llvm::Error encodeInOrder(
      const float *numbers, llvm::ArrayRef<float> weights, uint8_t *block,
      llvm::function_ref<void(unsigned k, float number)> rounded) const;

  const NumberFormat &getFormat() const { return format; }

private:
  llvm::Error encodeFloat(float number, uint8_t *bytes) const;
  llvm::Error checkFinite(const float *numbers) const;
  /// The search's solution for a unit.
  llvm::Error solve(const float *numbers, struct ScaleSolution &solution) const;
  /// Of a unit of numbers: which have a code, and the others replaced by 0.
  void keepLargest(const float *numbers, llvm::ArrayRef<float> weights,
                   llvm::MutableArrayRef<float> left,
                   llvm::MutableArrayRef<bool> kept) const;
  /// Writes scales and codes of a unit, the elements of one outer scale; `kept`
  /// says which of them have a code.
  void write(unsigned unit, const struct ScaleSolution &solution,
             llvm::ArrayRef<bool> kept, uint8_t *block) const;

  const NumberFormat &format;
  std::unique_ptr<ScaleSearch> search;
  /// Elements of a unit.
  unsigned unitSize = 1;
};

/// Encodes `width` numbers, a multiple of the format's block, block by block:
/// `encodeBlock(k, block)` writes the one that begins with the number k, which
/// errors name.
llvm::Error encodeBlocks(
    const NumberFormat &format, int64_t width,
    llvm::MutableArrayRef<uint8_t> bytes,
    llvm::function_ref<llvm::Error(int64_t k, uint8_t *block)> encodeBlock);

/// Encodes whole blocks (so whole rows): `numbers` must be a multiple of the
/// block and `bytes` exactly their size; anything else is an error, and so is
/// what `BlockEncoder::encode` refuses.
llvm::Error encode(const NumberFormat &format, llvm::ArrayRef<float> numbers,
                   llvm::MutableArrayRef<uint8_t> bytes);

} // namespace winnow

#endif // WINNOW_FORMATS_ENCODE_H
