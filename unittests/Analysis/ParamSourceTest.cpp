//===- ParamSourceTest.cpp - The bytes of params without a file -----------===//

#include "winnow/Analysis/ParamSource.h"

#include "winnow/Formats/Decode.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include "gtest/gtest.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace winnow;

namespace {

class ParamSourceTest : public testing::Test {
protected:
  ParamSourceTest()
      : handler(&context, [this](Diagnostic &diagnostic) {
          message = diagnostic.str();
          return success();
        }) {
    context.loadDialect<WinnowDialect>();
  }

  /// A param of this source and type.
  ParamOp parse(StringRef source, StringRef type) {
    module = parseSourceString<ModuleOp>(
        ("winnow.param @w from {" + source + "} : " + type).str(), &context);
    EXPECT_TRUE(module) << message;
    return *module->getOps<ParamOp>().begin();
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::string message;
  ScopedDiagnosticHandler handler;
};

// The first outputs of splitmix64 for the seed 1234567, from the reference
// implementation of its authors.
TEST(ParamRandom, Words) {
  ParamRandom random(1234567);
  EXPECT_EQ(random.word(0), 6457827717110365317u);
  EXPECT_EQ(random.word(1), 3203168211198807973u);
  EXPECT_EQ(random.word(2), 9817491932198370423u);
}

TEST(ParamRandom, Normal) {
  ParamRandom random(3);
  double sum = 0, squares = 0;
  constexpr int count = 100000;
  for (int i = 0; i < count; ++i) {
    double number = random.normal(i);
    EXPECT_LT(std::abs(number), 0.0693);
    sum += number;
    squares += number * number;
  }
  EXPECT_NEAR(sum / count, 0, 3e-4);
  EXPECT_NEAR(std::sqrt(squares / count), 0.02, 2e-4);
}

TEST_F(ParamSourceTest, RowsByThemselves) {
  for (const NumberFormat &format : allFormats()) {
    ParamOp param =
        parse("random = 7 : i64",
              "tensor<5x512xf32, #winnow.encoding<" + format.name.str() + ">>");
    FailureOr<StoredRows> stored = getStoredRows(param);
    ASSERT_TRUE(succeeded(stored));
    EXPECT_EQ(stored->rows, 5);
    EXPECT_EQ(stored->bytesPerRow,
              512 / format.blockElements * format.blockBytes);
    FailureOr<std::vector<uint8_t>> all = materializeParam(param);
    ASSERT_TRUE(succeeded(all));
    for (int64_t row = 0; row < 5; ++row) {
      std::vector<uint8_t> bytes(stored->bytesPerRow);
      ASSERT_TRUE(succeeded(generateParamRows(param, row, bytes)));
      EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(),
                             all->begin() + row * stored->bytesPerRow))
          << format.name.str() << " row " << row;
    }
  }
}

TEST_F(ParamSourceTest, RandomBlocksAreSane) {
  for (const NumberFormat &format : allFormats()) {
    ParamOp param =
        parse("random = 1 : i64",
              "tensor<8x512xf32, #winnow.encoding<" + format.name.str() + ">>");
    std::vector<float> numbers(8 * 512);
    FailureOr<std::vector<uint8_t>> bytes = materializeParam(param);
    ASSERT_TRUE(succeeded(bytes));
    llvm::cantFail(decode(format, *bytes, numbers));
    double squares = 0;
    for (float number : numbers) {
      EXPECT_LE(std::abs(number), 0.1) << format.name.str();
      squares += number * number;
    }
    EXPECT_GT(std::sqrt(squares / numbers.size()), 0.001) << format.name.str();
  }
}

TEST_F(ParamSourceTest, Splat) {
  FailureOr<std::vector<uint8_t>> f32 =
      materializeParam(parse("splat = 1.0 : f32", "tensor<2xf32>"));
  ASSERT_TRUE(succeeded(f32));
  EXPECT_EQ(*f32, std::vector<uint8_t>({0, 0, 0x80, 0x3F, 0, 0, 0x80, 0x3F}));
  FailureOr<std::vector<uint8_t>> f16 = materializeParam(
      parse("splat = 1.0 : f32", "tensor<1xf32, #winnow.encoding<f16>>"));
  ASSERT_TRUE(succeeded(f16));
  EXPECT_EQ(*f16, std::vector<uint8_t>({0, 0x3C}));
}

TEST_F(ParamSourceTest, Values) {
  ParamOp param =
      parse("values = dense<[[1.0, 2.0], [-1.0, 0.5]]> : tensor<2x2xf32>",
            "tensor<2x2xf32>");
  std::vector<uint8_t> second(8);
  ASSERT_TRUE(succeeded(generateParamRows(param, 1, second)));
  EXPECT_EQ(second, std::vector<uint8_t>({0, 0, 0x80, 0xBF, 0, 0, 0, 0x3F}));
  FailureOr<std::vector<uint8_t>> all = materializeParam(param);
  ASSERT_TRUE(succeeded(all));
  EXPECT_EQ(std::vector<uint8_t>(all->begin() + 8, all->end()), second);
  ParamOp splat =
      parse("values = dense<1.0> : tensor<2x1xf32>", "tensor<2x1xf32>");
  ASSERT_TRUE(succeeded(all = materializeParam(splat)));
  EXPECT_EQ(*all, std::vector<uint8_t>({0, 0, 0x80, 0x3F, 0, 0, 0x80, 0x3F}));
}

TEST_F(ParamSourceTest, RowsOfAFile) {
  ParamOp whole = parse("file = \"x\"", "tensor<4x1xf32>");
  EXPECT_FALSE(FileRows::get(whole.getSource()));
  // The second of three rows of each of two heads.
  ParamOp some =
      parse("file = \"x\", rows = array<i64: 2, 2, 6>", "tensor<4x1xf32>");
  std::optional<FileRows> rows = FileRows::get(some.getSource());
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->toAttribute(&context), some.getSource().get(kRowsSource));
  EXPECT_EQ(rows->at(1), 3);
  EXPECT_EQ(rows->at(2), 8);
  std::vector<uint8_t> stored(2 * 12), gathered;
  std::iota(stored.begin(), stored.end(), 0);
  EXPECT_TRUE(rows->gather(stored, 2, 1, 2, gathered));
  EXPECT_EQ(gathered, std::vector<uint8_t>({6, 7, 16, 17}));
  EXPECT_FALSE(rows->gather(stored, 2, 4, 1, gathered));
}

TEST_F(ParamSourceTest, Errors) {
  std::vector<uint8_t> bytes(8);
  ParamOp param = parse("random = 1 : i64", "tensor<3x2xf32>");
  EXPECT_TRUE(failed(generateParamRows(param, 3, bytes)));
  EXPECT_NE(message.find("expects whole rows in [0, 3)"), std::string::npos);
  EXPECT_TRUE(failed(generateParamRows(param, -1, bytes)));
  bytes.resize(7);
  EXPECT_TRUE(failed(generateParamRows(param, 0, bytes)));
  EXPECT_NE(message.find("found 7 bytes"), std::string::npos);

  EXPECT_TRUE(failed(materializeParam(parse("file = \"x\"", "tensor<2xf32>"))));
  EXPECT_NE(message.find("expects the source splat, random or values"),
            std::string::npos);
}

} // namespace
