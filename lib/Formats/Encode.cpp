//===- Encode.cpp - Numbers to block formats ------------------------------===//

#include "winnow/Formats/Encode.h"

#include "ScaleSearch.h"
#include "winnow/Formats/Activation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

using namespace llvm;
using namespace winnow;

bool winnow::canEncodeWeights(const NumberFormat &format) {
  if (format.isFloat())
    return true;
  if (format.packing != Packing::Bits || isActivationFormat(format))
    return false;
  unsigned unit = format.scales.empty() ? 0 : format.scales[0].granularity;
  if (unit == 0 || format.scales[0].role != ScaleRole::Mul)
    return false;
  unsigned floats[2] = {}, integers[2] = {};
  for (const ScaleLevel &level : format.scales) {
    unsigned isOffset = level.role != ScaleRole::Mul;
    if (level.role == ScaleRole::ZeroPoint)
      return false;
    // A float for all of the unit, then an integer for each group.
    bool fits = level.isInteger()
                    ? floats[isOffset] == 1 && integers[isOffset]++ == 0 &&
                          level.granularity == format.groupSize()
                    : floats[isOffset]++ == 0 && level.granularity == unit;
    if (!fits)
      return false;
  }
  return floats[0] == 1 && format.groupSize() % 8 == 0 &&
         (!format.isSparse() || unit % format.pattern.of == 0);
}

std::vector<StringRef> winnow::encodableFormats() {
  std::vector<StringRef> names;
  for (const NumberFormat &format : allFormats())
    if (canEncodeWeights(format))
      names.push_back(format.name);
  return names;
}

BlockEncoder::BlockEncoder(const NumberFormat &format) : format(format) {
  if (format.isFloat())
    return;
  search = std::make_unique<ScaleSearch>(format);
  unitSize = search->unitSize();
}

BlockEncoder::~BlockEncoder() = default;

Error BlockEncoder::encodeFloat(float number, uint8_t *bytes) const {
  StoredType type = format.codeMap.floatType;
  uint32_t bits = floatToStored(type, number);
  if (std::isfinite(number) && !std::isfinite(storedToFloat(type, bits)))
    return createStringError(
        formatv("{0:E} is too large for {1}", number, format.name));
  writeBits(format.code, bytes, 0, bits);
  return Error::success();
}

/// Keeps the `pattern.kept` elements of the largest scores, the first of equal
/// ones.
static void choose(const SparsePattern &pattern, ArrayRef<float> scores,
                   MutableArrayRef<bool> kept) {
  llvm::fill(kept, false);
  for (unsigned n = 0; n < pattern.kept; ++n) {
    unsigned best = pattern.of;
    for (unsigned k = 0; k < pattern.of; ++k)
      if (!kept[k] && (best == pattern.of || scores[k] > scores[best]))
        best = k;
    kept[best] = true;
  }
}

void BlockEncoder::keepLargest(const float *numbers, ArrayRef<float> weights,
                               MutableArrayRef<float> left,
                               MutableArrayRef<bool> kept) const {
  const SparsePattern &pattern = format.pattern;
  for (unsigned first = 0; first < unitSize; first += pattern.of) {
    for (unsigned k = 0; k < pattern.of; ++k)
      left[first + k] = std::fabs(numbers[first + k]) *
                        (weights.empty() ? 1 : weights[first + k]);
    MutableArrayRef<bool> keptHere = kept.slice(first, pattern.of);
    choose(pattern, left.slice(first, pattern.of), keptHere);
    for (unsigned k = 0; k < pattern.of; ++k)
      left[first + k] = keptHere[k] ? numbers[first + k] : 0;
  }
}

void BlockEncoder::write(unsigned unit, const ScaleSolution &solution,
                         ArrayRef<bool> kept, uint8_t *block) const {
  unsigned groups = unitSize / format.groupSize();
  for (const ScaleLevel &level : format.scales) {
    bool isScale = level.role == ScaleRole::Mul;
    if (!level.isInteger()) {
      writeBits(level.parts, block, unit,
                isScale ? solution.scaleBits : solution.offsetBits);
      continue;
    }
    const int *integers = isScale ? solution.scales : solution.offsets;
    for (unsigned g = 0; g < groups; ++g)
      writeBits(level.parts, block, unit * groups + g,
                uint32_t(integers[g] + level.zero));
  }
  unsigned next =
      unit * (format.storedElements() * unitSize / format.blockElements);
  for (unsigned k = 0; k < unitSize; ++k) {
    if (format.isSparse()) {
      writeBits(format.pattern.mask, block, unit * unitSize + k, kept[k]);
      if (!kept[k])
        continue;
    }
    writeBits(format.code, block, next++,
              search->codeValues().codeOf(solution.values[k]));
  }
}

Error BlockEncoder::checkFinite(const float *numbers) const {
  for (unsigned k = 0; k < format.blockElements; ++k)
    if (!std::isfinite(numbers[k]))
      return createStringError(
          formatv("{0:E} has no code in {1}", numbers[k], format.name));
  return Error::success();
}

Error BlockEncoder::solve(const float *numbers, ScaleSolution &solution) const {
  if (search->solve(numbers, solution))
    return Error::success();
  float largest = 0;
  for (unsigned k = 0; k < unitSize; ++k)
    largest = std::max(largest, std::fabs(numbers[k]));
  return createStringError(
      formatv("numbers up to {0:E} need a larger scale than {1} can store",
              largest, format.name));
}

Error BlockEncoder::encode(const float *numbers, uint8_t *block,
                           ArrayRef<float> weights) const {
  if (!search)
    return encodeFloat(*numbers, block);
  if (Error error = checkFinite(numbers))
    return error;
  std::memset(block, 0, format.blockBytes);
  for (unsigned unit = 0; unit < format.blockElements / unitSize; ++unit) {
    const float *first = numbers + unit * unitSize;
    float left[kMaxBlockElements];
    bool kept[kMaxBlockElements];
    if (format.isSparse()) {
      keepLargest(first,
                  weights.empty() ? weights
                                  : weights.slice(unit * unitSize, unitSize),
                  left, kept);
      first = left;
    }
    ScaleSolution solution;
    if (Error error = solve(first, solution))
      return error;
    write(unit, solution, kept, block);
  }
  return Error::success();
}

Error BlockEncoder::encodeInOrder(
    const float *numbers, ArrayRef<float> weights, uint8_t *block,
    function_ref<void(unsigned k, float number)> rounded) const {
  if (!search)
    return encodeFloat(*numbers, block);
  const SparsePattern &pattern = format.pattern;
  std::memset(block, 0, format.blockBytes);
  for (unsigned unit = 0; unit < format.blockElements / unitSize; ++unit) {
    const float *first = numbers + unit * unitSize;
    if (Error error = checkFinite(numbers))
      return error;
    float left[kMaxBlockElements];
    bool kept[kMaxBlockElements];
    if (pattern.of)
      keepLargest(first, {}, left, kept);
    ScaleSolution solution;
    if (Error error = solve(pattern.of ? left : first, solution))
      return error;
    for (unsigned k = 0; k < unitSize; ++k) {
      if (pattern.of && k % pattern.of == 0) {
        float scores[kMaxBlockElements];
        for (unsigned j = 0; j < pattern.of; ++j)
          scores[j] =
              first[k + j] * first[k + j] * weights[unit * unitSize + k + j];
        choose(pattern, ArrayRef(scores, pattern.of),
               MutableArrayRef(kept + k, pattern.of));
      }
      if (pattern.of && !kept[k]) {
        solution.values[k] = 0;
        rounded(unit * unitSize + k, 0);
        continue;
      }
      auto [a, b] = search->termsOf(solution, k / format.groupSize());
      // As when all codes of a block are chosen at once.
      float inverse = std::isnormal(a) ? 1 / a : 0;
      float &value = solution.values[k];
      search->codeValues().round(first + k, 1, inverse, b, &value);
      rounded(unit * unitSize + k, a * value + b);
    }
    write(unit, solution, kept, block);
  }
  return Error::success();
}

Error winnow::encodeBlocks(
    const NumberFormat &format, int64_t width, MutableArrayRef<uint8_t> bytes,
    function_ref<Error(int64_t k, uint8_t *block)> encodeBlock) {
  uint8_t *block = bytes.data();
  for (int64_t k = 0; k < width;
       k += format.blockElements, block += format.blockBytes)
    if (Error error = encodeBlock(k, block))
      return createStringError("element " + Twine(k) +
                               " and on: " + toString(std::move(error)));
  return Error::success();
}

Error winnow::encode(const NumberFormat &format, ArrayRef<float> numbers,
                     MutableArrayRef<uint8_t> bytes) {
  if (!canEncodeWeights(format))
    return createStringError("nothing can be encoded in '" + format.name + "'");
  Expected<uint64_t> expected = format.bytesPerRow(int64_t(numbers.size()));
  if (!expected)
    return expected.takeError();
  if (*expected != bytes.size())
    return createStringError(format.name + ": " + Twine(numbers.size()) +
                             " elements are " + Twine(*expected) +
                             " bytes, found " + Twine(bytes.size()));
  BlockEncoder encoder(format);
  return encodeBlocks(format, int64_t(numbers.size()), bytes,
                      [&](int64_t k, uint8_t *block) {
                        return encoder.encode(numbers.data() + k, block);
                      });
}
