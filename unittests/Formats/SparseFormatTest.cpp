//===- SparseFormatTest.cpp - Formats that keep N of M elements -----------===//

#include "../Errors.h"
#include "../RandomNumbers.h"
#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Encode.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace llvm;
using namespace winnow;

namespace {

constexpr IndexFunction i = IndexFunction::index();

std::vector<const NumberFormat *> sparseFormats() {
  std::vector<const NumberFormat *> formats;
  for (const NumberFormat &format : allFormats())
    if (format.isSparse())
      formats.push_back(&format);
  return formats;
}

std::vector<float> normalNumbers(size_t count) {
  return test::normalNumbers(count, 17, 0, 0.02f);
}

std::vector<uint8_t> encoded(const NumberFormat &format, ArrayRef<float> x) {
  std::vector<uint8_t> bytes(cantFail(format.bytesPerRow(int64_t(x.size()))));
  EXPECT_EQ(messageOf(encode(format, x, bytes)), "") << format.name.str();
  return bytes;
}

std::vector<float> decoded(const NumberFormat &format,
                           ArrayRef<uint8_t> bytes) {
  std::vector<float> numbers(bytes.size() / format.blockBytes *
                             format.blockElements);
  EXPECT_EQ(messageOf(decode(format, bytes, numbers)), "");
  return numbers;
}

/// Zeros for all but the largest magnitudes of each few numbers, by sorting.
std::vector<float> masked(const SparsePattern &pattern, std::vector<float> x) {
  for (size_t first = 0; first < x.size(); first += pattern.of) {
    std::vector<size_t> order(pattern.of);
    for (unsigned k = 0; k < pattern.of; ++k)
      order[k] = first + k;
    llvm::sort(order, [&](size_t a, size_t b) {
      return std::pair(-std::fabs(x[a]), a) < std::pair(-std::fabs(x[b]), b);
    });
    for (unsigned k = pattern.kept; k < pattern.of; ++k)
      x[order[k]] = 0;
  }
  return x;
}

/// The same codes and scales with every element stored.
const NumberFormat &denseFormat(const NumberFormat &format) {
  return *lookupFormat(format.codeMap.bits == 8 ? "q8_0" : "int4_g32");
}

} // namespace

TEST(SparseFormat, Rows) {
  ASSERT_EQ(sparseFormats().size(), 4u);
  for (const NumberFormat *format : sparseFormats()) {
    EXPECT_EQ(format->storedElements(), 16u);
    EXPECT_TRUE(canEncodeWeights(*format));
    EXPECT_DOUBLE_EQ(format->bitsPerWeight(), 1.5 + format->codeMap.bits / 2.0);
  }
}

/// Leaving numbers out is rounding the same matrix with zeros in their place.
TEST(SparseFormat, EqualsDenseWithZeros) {
  std::vector<float> x = normalNumbers(64 * 32);
  // Equal magnitudes: the first ones stay.
  for (size_t k = 0; k < 64; ++k)
    x[k] = k % 3 ? 0.01f : -0.01f;
  for (const NumberFormat *format : sparseFormats()) {
    SCOPED_TRACE(format->name.str());
    const NumberFormat &dense = denseFormat(*format);
    std::vector<float> zeroed = masked(format->pattern, x);
    std::vector<float> found = decoded(*format, encoded(*format, x));
    EXPECT_EQ(found, decoded(dense, encoded(dense, zeroed)));
    // What has the pattern already keeps it.
    EXPECT_EQ(encoded(*format, zeroed), encoded(*format, x));
  }
}

/// The mask is stored: of numbers that are all 0, too.
TEST(SparseFormat, MasksHaveAllTheirBits) {
  std::vector<float> x = normalNumbers(8 * 32), zeros(x.size(), 0.0f);
  for (const NumberFormat *format : sparseFormats())
    for (ArrayRef<float> numbers : {ArrayRef(x), ArrayRef(zeros)}) {
      std::vector<uint8_t> bytes = encoded(*format, numbers);
      const SparsePattern &pattern = format->pattern;
      for (size_t block = 0; block < bytes.size(); block += format->blockBytes)
        for (unsigned k = 0; k < format->blockElements; k += pattern.of) {
          unsigned bits = 0;
          for (unsigned j = k; j < k + pattern.of; ++j)
            bits += readBits(pattern.mask, &bytes[block], j);
          EXPECT_EQ(bits, pattern.kept) << format->name.str();
        }
      if (numbers.data() == zeros.data())
        EXPECT_EQ(decoded(*format, bytes), zeros);
    }
}

TEST(SparseFormat, KeepingAllIsTheDenseFormat) {
  constexpr NumberFormat all =
      NumberFormat("int4_g32_4of4", 32, 22)
          .affine(4, 8, {{4, 6 + i / 2, 4 * (i % 2)}})
          .sparse(4, 4, {{1, 2 + i / 8, i % 8}})
          .scale(ScaleRole::Mul, StoredType::F16, 32, {{16, 0, 0}});
  ASSERT_EQ(messageOf(verifyFormat(all)), "");
  const NumberFormat &dense = *lookupFormat("int4_g32");
  std::vector<float> x = normalNumbers(16 * 32);
  std::vector<uint8_t> sparse = encoded(all, x), plain = encoded(dense, x);
  EXPECT_EQ(decoded(all, sparse), decoded(dense, plain));
  for (size_t block = 0; block < 16; ++block) {
    EXPECT_EQ(ArrayRef(sparse).slice(22 * block, 2),
              ArrayRef(plain).slice(18 * block, 2));
    EXPECT_EQ(ArrayRef(sparse).slice(22 * block + 6, 16),
              ArrayRef(plain).slice(18 * block + 2, 16));
  }
}

/// Bytes are data: a mask of another number of bits reads no code of a
/// neighbour.
TEST(SparseFormat, OtherMasks) {
  const NumberFormat &format = *lookupFormat("int8_g32_2of4");
  std::vector<uint8_t> block(format.blockBytes);
  writeBits(format.scales[0].parts, block.data(), 0, 0x3C00); // 1
  for (unsigned k = 0; k < 16; ++k)
    block[6 + k] = uint8_t(k + 1);
  block[2] = 0x8F; // all of the first four, the last of the next
  std::vector<float> numbers = decoded(format, block);
  EXPECT_EQ(ArrayRef(numbers).take_front(8),
            ArrayRef<float>({1, 2, 0, 0, 0, 0, 0, 3}));
  for (float number : ArrayRef(numbers).drop_front(8))
    EXPECT_EQ(number, 0);
}

TEST(SparseFormat, VerifierNamesWhatIsWrong) {
  constexpr BitPart nibbles = {4, 4 + i / 2, 4 * (i % 2)};
  constexpr BitPart bits = {1, 2 + i / 8, i % 8};
  constexpr NumberFormat base =
      NumberFormat("bad", 16, 8)
          .affine(4, 8, {nibbles})
          .scale(ScaleRole::Mul, StoredType::F16, 16, {{16, 0, 0}});
  auto expectFailure = [](const NumberFormat &format, const char *what) {
    EXPECT_EQ(messageOf(verifyFormat(format)),
              "number format 'bad': " + std::string(what));
  };
  EXPECT_EQ(messageOf(verifyFormat(base.sparse(2, 4, {bits}))), "");
  expectFailure(base.sparse(0, 4, {bits}), "0 of 4 elements of a block of 16");
  expectFailure(base.sparse(5, 4, {bits}), "5 of 4 elements of a block of 16");
  expectFailure(base.sparse(2, 5, {bits}), "2 of 5 elements of a block of 16");
  expectFailure(base.sparse(3, 4, {bits}), "code 8 lies outside the block");
  expectFailure(base.sparse(2, 4, {{1, i / 8, i % 8}}),
                "scale 0 shares bit 0 with another number");
  const char *zero = "elements without codes are 0, so it needs a code of "
                     "value 0, and neither offsets nor other packings";
  expectFailure(base.affine(4, -1, {nibbles}).sparse(2, 4, {bits}), zero);
  expectFailure(base.sparse(2, 4, {bits})
                    .scale(ScaleRole::Add, StoredType::F16, 16, {{16, 2, 0}}),
                zero);
  expectFailure(
      NumberFormat("bad", 1, 4).floats(StoredType::F32).sparse(1, 1, {bits}),
      "floats have blocks of one element, and neither scales nor masks");
}
