//===- ImportProgramTest.cpp - Programs as text ---------------------------===//

#include "winnow/Import/Import.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include "gtest/gtest.h"

using namespace winnow;

/// What importing says, with the place; "" where the program is good.
static std::string import(const std::string &text) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &said) {
    llvm::raw_string_ostream(message) << said.getLocation() << ' ' << said;
    return mlir::success();
  });
  bool good = bool(importProgram(&context, text, "a.mlir"));
  EXPECT_EQ(good, message.empty());
  return message;
}

static std::string repeat(const std::string &text, size_t count) {
  std::string result;
  while (count--)
    result += text;
  return result;
}

/// A module with an attribute in which arrays nest.
static std::string nest(size_t depth, const std::string &inner) {
  return "module attributes {func.a = " + repeat("[", depth) + inner +
         repeat("]", depth) + "} {}";
}

TEST(ImportProgram, ReadsWhatVerifies) {
  EXPECT_EQ(import("func.func private @f(i32) -> i32"), "");
  EXPECT_NE(import("func.func @f() -> i32 {}").find("a.mlir"),
            std::string::npos);
}

/// Found by fuzz-ir: brackets without an end overran the stack.
TEST(ImportProgram, NestedTooDeep) {
  EXPECT_EQ(import(nest(255, "1")), "");
  const char *message = "brackets nest deeper than 256 levels";
  std::string found = import("\n" + nest(256, "1"));
  EXPECT_NE(found.find(message), std::string::npos) << found;
  EXPECT_NE(found.find("a.mlir\":2:284"), std::string::npos) << found;
  for (const char *bracket : {"(", "[", "{", "<"})
    EXPECT_NE(import(repeat(bracket, 1000000)).find(message),
              std::string::npos);
  // Arrows and comparisons close nothing.
  EXPECT_NE(import(nest(300, "affine_set<() : (0 >= 0)>")).find(message),
            std::string::npos);
  EXPECT_NE(import(repeat("[() -> ", 1000)).find(message), std::string::npos);
}

/// The verifiers of MLIR 22 fail on it.
TEST(ImportProgram, EmptyGroupsOfDimensions) {
  for (const char *op :
       {"tensor.expand_shape %x [[]] output_shape [4, 1] : tensor<4xf32> into "
        "tensor<4x1xf32>",
        "tensor.collapse_shape %x [[0], []] : tensor<4xf32> into "
        "tensor<4x1xf32>"}) {
    std::string said =
        import(std::string("func.func @f(%x: tensor<4xf32>) {\n  %0 = ") + op +
               "\n  return\n}");
    EXPECT_NE(said.find("a.mlir\":2:8"), std::string::npos) << said;
    EXPECT_NE(said.find("expects no empty group of dimensions"),
              std::string::npos)
        << said;
  }
}

TEST(ImportProgram, WhatOnlyLooksNested) {
  std::string text = "\"" + repeat("[", 1000) + "\\\"" + repeat("{", 9) + "\"";
  EXPECT_EQ(import(nest(1, text)), "");
  EXPECT_EQ(import("// " + repeat("(", 1000) + "\nmodule {}"), "");
  EXPECT_EQ(import(nest(1, repeat("affine_set<(d) : (0 <= d)>, ", 300) + "1")),
            "");
  EXPECT_EQ(import(nest(1, repeat("() -> (), ", 300) + "1")), "");
}
