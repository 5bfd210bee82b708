//===- Tile16.cpp - The weight layout of the CPU kernels ------------------===//

#include "winnow/Formats/Tile16.h"

#include "winnow/Formats/NumberFormat.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace llvm;

namespace winnow {

using Codes = Tile16Layout::Codes;
using Scales = Tile16Layout::Scales;

/// The IQ4_NL values + 128.
static constexpr uint8_t kNonlinear4[16] = {
    1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};
/// Doubled E2M1 values + 12.
static constexpr uint8_t kE2M1[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                      12, 11, 10, 9,  8,  6,  4,  0};

static const Tile16Layout kLayouts[] = {
    {"f32", Codes::F32, Scales::None, 1, 1, 0, nullptr},
    {"f16", Codes::F16, Scales::None, 1, 1, 0, nullptr},
    {"bf16", Codes::BF16, Scales::None, 2, 1, 0, nullptr},
    {"q8_0", Codes::U8, Scales::F16, 64, 32, 128, nullptr},
    {"q4_0", Codes::U4, Scales::F16, 64, 32, 8, nullptr},
    {"q4_1", Codes::U4, Scales::F16Min, 64, 32, 0, nullptr},
    {"q5_0", Codes::U4U1, Scales::F16, 64, 32, 16, nullptr},
    {"q5_1", Codes::U4U1, Scales::F16Min, 64, 32, 0, nullptr},
    {"q2_k", Codes::U2, Scales::U4Min, 256, 16, 0, nullptr},
    {"q3_k", Codes::U2U1, Scales::S8, 256, 16, 4, nullptr},
    {"q4_k", Codes::U4, Scales::U6, 256, 32, 0, nullptr},
    {"q5_k", Codes::U4U1, Scales::U6, 256, 32, 0, nullptr},
    {"q6_k", Codes::U4U2, Scales::S8, 256, 16, 32, nullptr},
    {"iq4_nl", Codes::U4, Scales::F16, 64, 32, 128, kNonlinear4},
    {"iq4_xs", Codes::U4, Scales::S8, 256, 32, 128, kNonlinear4},
    {"mxfp4", Codes::U4, Scales::BF16, 64, 32, 12, kE2M1},
    {"nvfp4", Codes::U4, Scales::F16, 64, 16, 12, kE2M1},
    {"tq1_0", Codes::U2, Scales::F16, 64, 32, 1, nullptr},
    {"tq2_0", Codes::U2, Scales::F16, 64, 32, 1, nullptr},
    {"q1_0", Codes::U2, Scales::F16, 64, 32, 1, nullptr},
    {"int4_g32", Codes::U4, Scales::F16, 64, 32, 8, nullptr},
    {"int4_g64", Codes::U4, Scales::F16, 64, 64, 8, nullptr},
    {"int4_g128", Codes::U4, Scales::F16, 128, 128, 8, nullptr},
    {"int8_g128", Codes::U8, Scales::F16, 128, 128, 128, nullptr},
    {"q2_0", Codes::U2, Scales::F16, 64, 32, 1, nullptr},
    {"int4_g32_2of4", Codes::Half4, Scales::F16, 64, 32, 8, nullptr, 4},
    {"int4_g32_4of8", Codes::Half4, Scales::F16, 64, 32, 8, nullptr, 8},
    {"int8_g32_2of4", Codes::Half8, Scales::F16, 64, 32, 128, nullptr, 4},
    {"int8_g32_4of8", Codes::Half8, Scales::F16, 64, 32, 128, nullptr, 8},
};

ArrayRef<Tile16Layout> Tile16Layout::all() { return kLayouts; }

Expected<const Tile16Layout *> Tile16Layout::get(StringRef format) {
  for (const Tile16Layout &layout : kLayouts)
    if (layout.format == format)
      return &layout;
  return createStringError("number format '" + format +
                           "' has no tile16 layout");
}

int32_t Tile16Layout::largestCode() const {
  if (table)
    return *std::max_element(table, table + 16);
  switch (codes) {
  case Codes::U8:
  case Codes::Half8:
    return 255;
  case Codes::U4:
  case Codes::Half4:
    return 15;
  case Codes::U4U1:
    return 31;
  case Codes::U4U2:
    return 63;
  case Codes::U2:
    return 3;
  case Codes::U2U1:
    return 7;
  case Codes::F32:
  case Codes::F16:
  case Codes::BF16:
    return 0;
  }
  llvm_unreachable("every class of codes has a largest one");
}

int64_t Tile16Layout::blockCodeBytes() const {
  switch (codes) {
  case Codes::F32:
    return kBlock * kRows * 4;
  case Codes::F16:
  case Codes::BF16:
    return kBlock * kRows * 2;
  case Codes::U8:
    return 512;
  case Codes::U4:
    return 256;
  case Codes::U4U1:
  case Codes::Half8:
    return 320;
  case Codes::U4U2:
    return 384;
  case Codes::U2:
    return 128;
  case Codes::U2U1:
  case Codes::Half4:
    return 192;
  }
  llvm_unreachable("every class of codes has a size");
}

int64_t Tile16Layout::codesOffset() const {
  switch (scales) {
  case Scales::None:
  case Scales::F16:
  case Scales::BF16:
  case Scales::F16Min:
    return 0;
  case Scales::U6:
    return 128 + 64 + 64;
  case Scales::S8:
    return chunk / group * kRows + 64;
  case Scales::U4Min:
    return chunk / group * kRows + 64;
  }
  llvm_unreachable("every class of scales has a place");
}

int64_t Tile16Layout::scalesOffset() const {
  return codesOffset() == 0 ? blocksPerChunk() * blockCodeBytes() : 0;
}

int64_t Tile16Layout::superScaleOffset() const { return codesOffset() - 64; }

int64_t Tile16Layout::chunkBytes() const {
  if (isFloat())
    return chunk * blockCodeBytes() / kBlock;
  int64_t bytes = codesOffset() + blocksPerChunk() * blockCodeBytes();
  if (scales == Scales::F16 || scales == Scales::BF16)
    bytes += chunk / group * kRows * 2;
  if (scales == Scales::F16Min)
    bytes += chunk / group * kRows * 4;
  return bytes;
}

int64_t Tile16Layout::groupBytes(int64_t k) const {
  return divideCeil(k, chunk) * chunkBytes();
}

Expected<int64_t> tile16Bytes(StringRef format, int64_t n, int64_t k) {
  Expected<const Tile16Layout *> layout = Tile16Layout::get(format);
  if (!layout)
    return layout.takeError();
  const NumberFormat *number = lookupFormat(format);
  if (!number)
    return createStringError("unknown number format '" + format + "'");
  if (n < 1 || k < 1 || k % number->blockElements != 0)
    return createStringError(
        "a " + format + " matrix of " + Twine(n) + " x " + Twine(k) +
        ": the second size must be a positive "
        "multiple of " +
        Twine(number->blockElements) + " and the first positive");
  // Sizes far beyond any memory, but whose product still fits.
  constexpr int64_t kLargest = int64_t(1) << 46;
  int64_t groups = divideCeil(n, Tile16Layout::kRows);
  if (k > kLargest / 64 || n > kLargest ||
      (*layout)->groupBytes(k) > kLargest / groups)
    return createStringError("a " + format + " matrix of " + Twine(n) + " x " +
                             Twine(k) + " is too large");
  return groups * (*layout)->groupBytes(k);
}

} // namespace winnow
