//===- InterpreterTest.cpp - The interpreter's C++ entry ------------------===//
//
// What the ops mean is tested in test/Reference; this is about arguments,
// results and params.
//
//===----------------------------------------------------------------------===//

#include "winnow/Reference/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace winnow;

namespace {

class InterpreterTest : public testing::Test {
protected:
  InterpreterTest()
      : handler(&context, [this](Diagnostic &diagnostic) {
          message = diagnostic.str();
          return success();
        }) {
    context
        .loadDialect<WinnowDialect, arith::ArithDialect, func::FuncDialect>();
  }

  func::FuncOp parse(StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return *module->getOps<func::FuncOp>().begin();
  }
  /// Runs a function whose params are all `stored`.
  FailureOr<SmallVector<RuntimeValue>> run(func::FuncOp function,
                                           ArrayRef<RuntimeValue> arguments,
                                           ArrayRef<uint8_t> stored = {}) {
    return interpret(function, arguments, [&](ParamOp) {
      return FailureOr<ParamBytes>(ParamBytes{stored, nullptr});
    });
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::string message;
  ScopedDiagnosticHandler handler;
};

TEST_F(InterpreterTest, ArgumentsAndResults) {
  func::FuncOp function = parse(R"(
    func.func @f(%x: tensor<?xf32>, %n: i32) -> (tensor<?xf32>, i32) {
      %y = arith.addf %x, %x : tensor<?xf32>
      return %y, %n : tensor<?xf32>, i32
    })");
  Tensor x(ElementKind::F32, {2});
  x.mutableFloats()[1] = 1.5f;
  auto results = run(function, {x, Tensor::scalar(ElementKind::I32, 7)});
  ASSERT_TRUE(succeeded(results));
  EXPECT_EQ(std::get<Tensor>((*results)[0]).floats()[1], 3.0f);
  EXPECT_EQ(std::get<Tensor>((*results)[1]).integers()[0], 7);
  // The argument is as before.
  EXPECT_EQ(x.floats()[1], 1.5f);
}

TEST_F(InterpreterTest, WrongArguments) {
  func::FuncOp function = parse(R"(
    func.func @f(%x: tensor<?x3xf32>) {
      return
    })");
  EXPECT_TRUE(failed(run(function, {})));
  EXPECT_NE(message.find("expects 1 arguments, found 0"), std::string::npos);
  EXPECT_TRUE(failed(run(function, {Tensor(ElementKind::F32, {2, 4})})));
  EXPECT_NE(message.find("expects argument #0 to be 'tensor<?x3xf32>', found "
                         "tensor<2x4xf32>"),
            std::string::npos)
      << message;
  EXPECT_TRUE(failed(run(function, {Tensor(ElementKind::I32, {2, 3})})));
  EXPECT_NE(message.find("found tensor<2x3xi32>"), std::string::npos);
  EXPECT_TRUE(failed(run(function, {Cache()})));
  EXPECT_NE(message.find("found a cache"), std::string::npos);
}

TEST_F(InterpreterTest, ParamsOfFiles) {
  func::FuncOp function = parse(R"(
    winnow.param @w from {file = "w"} : tensor<1x32xf32, #winnow.encoding<q8_0>>
    func.func @f() -> tensor<1x32xf32> {
      %w = winnow.use @w : tensor<1x32xf32, #winnow.encoding<q8_0>>
      %y = winnow.recode %w : tensor<1x32xf32, #winnow.encoding<q8_0>> -> tensor<1x32xf32>
      return %y : tensor<1x32xf32>
    })");
  // The scale 2 in f16, then codes.
  std::vector<uint8_t> bytes(34, 0);
  bytes[1] = 0x40;
  bytes[2] = 3;
  bytes[33] = 0xFF;
  auto results = run(function, {}, bytes);
  ASSERT_TRUE(succeeded(results));
  EXPECT_EQ(std::get<Tensor>((*results)[0]).floats()[0], 6.0f);
  EXPECT_EQ(std::get<Tensor>((*results)[0]).floats()[31], -2.0f);

  bytes.pop_back();
  EXPECT_TRUE(failed(run(function, {}, bytes)));
  EXPECT_NE(message.find("expects 34 stored bytes, found 33"),
            std::string::npos);
}

} // namespace
