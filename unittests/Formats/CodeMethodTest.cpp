//===- CodeMethodTest.cpp - The table of code methods, and Wanda ----------===//

#include "winnow/Formats/CodeMethod.h"
#include "../Errors.h"
#include "../RandomNumbers.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace llvm;
using namespace winnow;
using winnow::test::normalNumbers;

namespace {

constexpr int64_t kWidth = 128;

/// A row encoded by a method, decoded.
std::vector<float> fitted(const CodeMethod &method, ArrayRef<float> statistic,
                          const NumberFormat &format, ArrayRef<float> row) {
  std::unique_ptr<CodeFitter> fitter =
      cantFail(method.create(statistic, int64_t(row.size())));
  std::vector<uint8_t> bytes(cantFail(format.bytesPerRow(int64_t(row.size()))));
  std::vector<float> numbers(row.size());
  EXPECT_EQ(messageOf(fitter->encode(BlockEncoder(format), BlockDecoder(format),
                                     row, bytes)),
            "");
  EXPECT_EQ(messageOf(decode(format, bytes, numbers)), "");
  return numbers;
}

std::vector<float> nearest(const NumberFormat &format, ArrayRef<float> row) {
  std::vector<uint8_t> bytes(cantFail(format.bytesPerRow(int64_t(row.size()))));
  std::vector<float> numbers(row.size());
  EXPECT_EQ(messageOf(encode(format, row, bytes)), "");
  EXPECT_EQ(messageOf(decode(format, bytes, numbers)), "");
  return numbers;
}

} // namespace

TEST(CodeMethod, Table) {
  EXPECT_TRUE(is_sorted(codeMethods(), [](const auto &a, const auto &b) {
    return a.name < b.name;
  }));
  for (const CodeMethod &method : codeMethods())
    EXPECT_EQ(lookupCodeMethod(method.name), &method);
  EXPECT_EQ(lookupCodeMethod("hqq"), nullptr);
}

/// What is no statistic of the inputs is refused by each.
TEST(CodeMethod, OtherStatistics) {
  for (const CodeMethod &method : codeMethods()) {
    SCOPED_TRACE(method.name.str());
    std::vector<float> numbers(kWidth * kWidth + 1, 1);
    EXPECT_NE(messageOf(method.create(numbers, kWidth).takeError()), "");
  }
  const CodeMethod &wanda = *lookupCodeMethod("wanda");
  std::vector<float> rms(kWidth, 1);
  for (float number : {-1.0f, NAN, INFINITY}) {
    rms[3] = number;
    EXPECT_EQ(messageOf(wanda.create(rms, kWidth).takeError()),
              "a norm of an input is negative or not finite");
  }
}

/// What stays has the largest |w| ||x|| of its few, of equal ones the first,
/// and is rounded as if the others were zeros.
TEST(CodeMethod, WandaKeepsTheLargestScores) {
  const CodeMethod &wanda = *lookupCodeMethod("wanda");
  std::vector<float> row = normalNumbers(kWidth, 1);
  std::vector<float> rms = normalNumbers(kWidth, 2);
  for (float &number : rms)
    number = std::fabs(number);
  // Equal scores of numbers that are not equal, and inputs that are all zero.
  for (int64_t k = 0; k < 8; ++k) {
    row[k] = std::ldexp(k % 2 ? 0.5f : -0.5f, int(k % 3));
    rms[k] = std::ldexp(1.0f, -int(k % 3));
  }
  for (int64_t k = 8; k < 16; ++k)
    rms[k] = 0;
  for (const NumberFormat &format : allFormats()) {
    if (!format.isSparse())
      continue;
    SCOPED_TRACE(format.name.str());
    std::vector<float> zeroed = row;
    for (int64_t first = 0; first < kWidth; first += format.pattern.of) {
      std::vector<int64_t> order;
      for (int64_t k = first; k < first + format.pattern.of; ++k)
        order.push_back(k);
      sort(order, [&](int64_t a, int64_t b) {
        return std::pair(-std::fabs(row[a]) * rms[a], a) <
               std::pair(-std::fabs(row[b]) * rms[b], b);
      });
      for (int64_t k : ArrayRef(order).drop_front(format.pattern.kept))
        zeroed[k] = 0;
    }
    std::vector<float> found = fitted(wanda, rms, format, row);
    EXPECT_EQ(found, nearest(format, zeroed));
    EXPECT_NE(found, nearest(format, row));
    // Inputs that are alike leave the magnitudes.
    EXPECT_EQ(fitted(wanda, std::vector<float>(kWidth, 3), format, row),
              nearest(format, row));
  }
}

/// Whatever chooses the codes says where it fails.
TEST(CodeMethod, ErrorsNameTheElement) {
  std::vector<float> row(64), gram(64 * 64), rms(64, 1);
  for (int64_t k = 0; k < 64; ++k)
    gram[k * 65] = 1;
  row[40] = INFINITY;
  for (const CodeMethod &method : codeMethods()) {
    const NumberFormat &format = *lookupFormat("int8_g32_2of4");
    ArrayRef<float> statistic = method.needsGram() ? gram : rms;
    std::unique_ptr<CodeFitter> fitter = cantFail(method.create(statistic, 64));
    std::vector<uint8_t> bytes(cantFail(format.bytesPerRow(64)));
    EXPECT_EQ(messageOf(fitter->encode(BlockEncoder(format),
                                       BlockDecoder(format), row, bytes)),
              "element 32 and on: INF has no code in int8_g32_2of4")
        << method.name.str();
  }
}
