//===- CostTest.cpp - Costs and token flow of the ops ---------------------===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace winnow;

namespace {

/// Every dynamic dimension of the tests.
constexpr int64_t kTokens = 5;

struct Cost {
  double flops, storedBytes;
  bool operator==(const Cost &other) const {
    return flops == other.flops && storedBytes == other.storedBytes;
  }
};

std::ostream &operator<<(std::ostream &stream, const Cost &cost) {
  return stream << cost.flops << " flops, " << cost.storedBytes << " bytes";
}

class CostTest : public testing::Test {
protected:
  CostTest() {
    context
        .loadDialect<WinnowDialect, arith::ArithDialect, func::FuncDialect>();
  }

  /// The last op with a cost in a function of these arguments and this body.
  CostOpInterface parse(llvm::StringRef arguments, llvm::StringRef body) {
    std::string text =
        ("winnow.param @w from {random = 1 : i64} : "
         "tensor<8x64xf32, #winnow.encoding<q5_0>>\nfunc.func @f(" +
         arguments + ") {\n" + body + "\nreturn\n}")
            .str();
    module = parseSourceString<ModuleOp>(text, &context);
    CostOpInterface last;
    if (module)
      module->walk([&](CostOpInterface op) { last = op; });
    return last;
  }

  Cost costOf(llvm::StringRef arguments, llvm::StringRef body) {
    CostOpInterface op = parse(arguments, body);
    EXPECT_TRUE(op) << body.str();
    if (!op)
      return {-1, -1};
    auto dims = [](Value, unsigned) { return kTokens; };
    return {op.getFlops(dims), op.getStoredBytes(dims)};
  }

  /// The type of a cache that stores keys and values so.
  static std::string cacheOf(const std::string &key, const std::string &value) {
    return "!winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 16, key = " +
           key + ", value = " + value + ", capacity = 32>";
  }

  Cost costOfCachedAttention(const std::string &key, const std::string &value) {
    std::string cache = cacheOf(key, value);
    return costOf(
        "%c: " + cache + ", %q: tensor<?x4x8xf32>, %qp: tensor<?xi32>", R"(
      %k, %v, %kp, %ks = winnow.kv_view %c : )" + cache + R"(
          -> tensor<?x2x8xf32>, tensor<?x2x16xf32>, tensor<?xi32>, tensor<?xi32>
      %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) {mask = #winnow.mask<full>, scale = 1.0 : f32}
          : tensor<?x4x8xf32>, tensor<?x2x8xf32>, tensor<?x2x16xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x4x16xf32>)");
  }

  Cost costOfAppend(const std::string &key, const std::string &value) {
    std::string cache = cacheOf(key, value);
    return costOf("%c: " + cache +
                      ", %k: tensor<?x2x8xf32>, %v: tensor<?x2x16xf32>, "
                      "%p: tensor<?xi32>",
                  R"(
      %n = winnow.kv_append %c, %k, %v at %p, %p : )" +
                      cache + R"(,
          tensor<?x2x8xf32>, tensor<?x2x16xf32>, tensor<?xi32>, tensor<?xi32>)");
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(CostTest, Linear) {
  // 2 M N K, and weights in blocks of 32 numbers in 22 bytes.
  EXPECT_EQ(costOf("%x: tensor<?x64xf32>", R"(
      %w = winnow.use @w : tensor<8x64xf32, #winnow.encoding<q5_0>>
      %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<8x64xf32, #winnow.encoding<q5_0>> -> tensor<?x8xf32>)"),
            (Cost{2 * 5 * 8 * 64, 8 * 2 * 22}));
  // A bias is added once per output.
  EXPECT_EQ(
      costOf("%x: tensor<?x64xf32>, %w: tensor<8x64xf32>, %b: tensor<8xf32>",
             R"(
      %y = winnow.linear %x, %w bias(%b : tensor<8xf32>) : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>)"),
      (Cost{5 * 8 * (2 * 64 + 1), 4 * (8 * 64 + 8)}));
}

TEST_F(CostTest, RecodeAndEmbed) {
  // a8_b32 to numbers: one product each; nothing is stored.
  EXPECT_EQ(costOf("%x: tensor<?x64xf32, #winnow.encoding<a8_b32>>", R"(
      %y = winnow.recode %x : tensor<?x64xf32, #winnow.encoding<a8_b32>> -> tensor<?x64xf32>)"),
            (Cost{5 * 64, 0}));
  EXPECT_EQ(costOf("", R"(
      %w = winnow.use @w : tensor<8x64xf32, #winnow.encoding<q5_0>>
      %y = winnow.recode %w : tensor<8x64xf32, #winnow.encoding<q5_0>> -> tensor<8x64xf32>)"),
            (Cost{8 * 64, 8 * 2 * 22}));
  // q4_1 has an offset; scaling takes one product more. Only chosen rows count.
  EXPECT_EQ(
      costOf(
          "%t: tensor<100x32xf32, #winnow.encoding<q4_1>>, %i: tensor<?xi32>",
          R"(
      %y = winnow.embed %t[%i] {scale = 2.0 : f32} : tensor<100x32xf32, #winnow.encoding<q4_1>>, tensor<?xi32> -> tensor<?x32xf32>)"),
      (Cost{5 * 32 * 3, 5 * 20}));
}

TEST_F(CostTest, Attention) {
  constexpr llvm::StringLiteral kArguments =
      "%q: tensor<?x4x8xf32>, %k: tensor<100x2x8xf32>, "
      "%v: tensor<100x2x16xf32>, %qp: tensor<?xi32>, %kp: tensor<100xi32>";
  auto attention = [&](llvm::StringRef mask) {
    return costOf(
        kArguments,
        ("%o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) "
         "{mask = #winnow.mask<" +
         mask +
         ">, scale = 1.0 : f32} : tensor<?x4x8xf32>, "
         "tensor<100x2x8xf32>, tensor<100x2x16xf32>, tensor<?xi32>, "
         "tensor<100xi32> -> tensor<?x4x16xf32>")
            .str());
  };
  EXPECT_EQ(attention("causal"), (Cost{2. * 5 * 100 * 4 * (8 + 16), 0}));
  EXPECT_EQ(attention("sliding_window, window = 30, sinks = 4"),
            (Cost{2. * 5 * 34 * 4 * (8 + 16), 0}));
  EXPECT_EQ(attention("sliding_window, window = 300"),
            (Cost{2. * 5 * 100 * 4 * (8 + 16), 0}));
  EXPECT_EQ(attention("grid, window = 1, width = 10"),
            (Cost{2. * 5 * 9 * 4 * (8 + 16), 0}));
  EXPECT_EQ(attention("grid, window = 1, sinks = 2, width = 10"),
            (Cost{2. * 5 * 11 * 4 * (8 + 16), 0}));
}

TEST_F(CostTest, AttentionOnACache) {
  EXPECT_EQ(costOfCachedAttention("f32", "f32"),
            (Cost{2. * 5 * 5 * 4 * (8 + 16), 4 * 5 * 2 * (8 + 16)}));
}

TEST_F(CostTest, KvAppend) {
  // Keys, values, and 8 bytes of position and segment.
  EXPECT_EQ(costOfAppend("f32", "f32"), (Cost{0, 5 * (4 * 2 * (8 + 16) + 8)}));
}

TEST_F(CostTest, CachesOfSmallerNumbers) {
  // 8 + 4 bytes of a key and head, 16 * 2 of a value.
  EXPECT_EQ(costOfCachedAttention("i8", "bf16"),
            (Cost{2. * 5 * 5 * 4 * (8 + 16), 5 * 2 * (8 + 4 + 2 * 16)}));
  EXPECT_EQ(costOfAppend("i8", "bf16"),
            (Cost{0, 5 * (2 * (8 + 4 + 2 * 16) + 8)}));
}

TEST_F(CostTest, RowOps) {
  EXPECT_EQ(
      costOf("%x: tensor<?x2x8xf32>, %p: tensor<?xi32>, %f: tensor<3xf32>", R"(
      %y = winnow.rope %x at %p factors(%f : tensor<3xf32>) {base = 10000.0 : f64, dims = 6 : i64} : tensor<?x2x8xf32>, tensor<?xi32>)"),
      (Cost{5 * 2 * 3 * 6, 12}));
  EXPECT_EQ(costOf("%x: tensor<?x8xf32>", R"(
      %y = winnow.norm rms %x {epsilon = 0.0 : f32} : tensor<?x8xf32>)"),
            (Cost{5 * 8 * 3, 0}));
  EXPECT_EQ(costOf("%x: tensor<?x8xf32>, %w: tensor<8xf32>", R"(
      %y = winnow.norm layer %x weight(%w : tensor<8xf32>) bias(%w : tensor<8xf32>) {epsilon = 0.0 : f32, weight_offset = 1.0 : f32} : tensor<?x8xf32>)"),
            (Cost{5 * 8 * 8, 2 * 4 * 8}));
  EXPECT_EQ(costOf("%x: tensor<?x8xf32>, %i: tensor<?xi32>", R"(
      %y = winnow.token_gather %x[%i] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>)"),
            (Cost{0, 0}));
  EXPECT_EQ(
      costOf("%x: tensor<?x8xf32>, %s: tensor<?xi32>, %w: tensor<?xf32>", R"(
      %y = winnow.token_pool mean %x of %s for %s weights(%w : tensor<?xf32>) : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>)"),
      (Cost{2 * 5 * 8, 0}));
  EXPECT_EQ(costOf("%q: tensor<?x4x8xf32>, %l: tensor<?x4xf32>", R"(
      %y = winnow.token_score %q, %q, %l {scale = 1.0 : f32} : tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4xf32> -> tensor<?xf32>)"),
            (Cost{2 * 5 * 4 * 8, 0}));
  // A softmax of its own.
  EXPECT_EQ(costOf("%q: tensor<?x4x8xf32>", R"(
      %y = winnow.token_score %q, %q {scale = 1.0 : f32} : tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?xf32>)"),
            (Cost{4 * 5 * 4 * 8, 0}));
  EXPECT_EQ(costOf("%x: tensor<?xf32>", R"(
      %y = winnow.token_select %x {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<?xf32> -> tensor<?xi32>)"),
            (Cost{0, 0}));
  EXPECT_EQ(costOf("%k: tensor<?x4x8xf32>", R"(
      %i, %s = winnow.token_match %k : tensor<?x4x8xf32> -> tensor<?xi32>, tensor<?xf32>)"),
            (Cost{5 * 5 / 2.0 * 8, 0}));
  EXPECT_EQ(costOf("%x: tensor<?x8xf32>, %i: tensor<?xi32>", R"(
      %y, %n, %r = winnow.token_merge %x into %i keep %i : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>, tensor<?xf32>, tensor<?xi32>)"),
            (Cost{2 * 5 * 8, 0}));
  EXPECT_EQ(costOf("%x: tensor<?x8xf32>, %i: tensor<?xi32>", R"(
      %y = winnow.token_restore %x[%i] over %x : tensor<?x8xf32>, tensor<?xi32>, tensor<?x8xf32>)"),
            (Cost{0, 0}));
  EXPECT_EQ(costOf("%x: tensor<3x4x6xf32>", R"(
      %y = winnow.image_patches %x {size = 2 : i64} : tensor<3x4x6xf32> -> tensor<6x12xf32>)"),
            (Cost{0, 0}));
}

TEST_F(CostTest, TokenFlow) {
  auto flow = [&](llvm::StringRef arguments, llvm::StringRef body) {
    CostOpInterface op = parse(arguments, body);
    EXPECT_TRUE(op) << body.str();
    return cast<TokenFlowOpInterface>(op.getOperation()).getTokenFlow();
  };
  EXPECT_EQ(flow("%x: tensor<?x8xf32>", R"(
      %y = winnow.norm rms %x {epsilon = 0.0 : f32} : tensor<?x8xf32>)"),
            TokenFlow::PerToken);
  EXPECT_EQ(flow("%x: tensor<?x8xf32>, %i: tensor<?xi32>", R"(
      %y = winnow.token_gather %x[%i] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>)"),
            TokenFlow::ChangesTokenSet);
  EXPECT_EQ(flow("%q: tensor<?x4x8xf32>, %l: tensor<?x4xf32>", R"(
      %y = winnow.token_score %q, %q, %l {scale = 1.0 : f32} : tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<?x4xf32> -> tensor<?xf32>)"),
            TokenFlow::MixesTokens);
  EXPECT_EQ(flow("%x: tensor<?xf32>", R"(
      %y = winnow.token_select %x {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<?xf32> -> tensor<?xi32>)"),
            TokenFlow::ChangesTokenSet);
  EXPECT_EQ(flow("%k: tensor<?x4x8xf32>", R"(
      %i, %s = winnow.token_match %k : tensor<?x4x8xf32> -> tensor<?xi32>, tensor<?xf32>)"),
            TokenFlow::MixesTokens);
  EXPECT_EQ(flow("%x: tensor<?x8xf32>, %i: tensor<?xi32>", R"(
      %y, %n, %r = winnow.token_merge %x into %i keep %i : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>, tensor<?xf32>, tensor<?xi32>)"),
            TokenFlow::ChangesTokenSet);
  EXPECT_EQ(flow("%x: tensor<?x8xf32>, %i: tensor<?xi32>", R"(
      %y = winnow.token_restore %x[%i] over %x : tensor<?x8xf32>, tensor<?xi32>, tensor<?x8xf32>)"),
            TokenFlow::ChangesTokenSet);
  EXPECT_EQ(flow("%x: tensor<?x1x8xf32>, %p: tensor<?xi32>", R"(
      %y = winnow.attention query(%x, %p) key(%x, %p) value(%x) {mask = #winnow.mask<full>, scale = 1.0 : f32}
          : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x8xf32>)"),
            TokenFlow::MixesTokens);
}

} // namespace
