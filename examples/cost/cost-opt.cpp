//===- cost-opt.cpp - A pass outside of Winnow's tree ---------------------===//
//
// Prints what each function of a program costs for a number of tokens. The pass
// asks the cost interface, so it knows no op by its name.
//
//===----------------------------------------------------------------------===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/Format.h"

using namespace mlir;

namespace {

struct ReportCost : PassWrapper<ReportCost, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ReportCost)

  ReportCost() = default;
  ReportCost(const ReportCost &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "report-cost"; }
  StringRef getDescription() const final {
    return "Prints operations and stored bytes of each function";
  }

  void runOnOperation() final {
    double flops = 0, bytes = 0;
    auto dims = [&](Value, unsigned) -> int64_t { return tokens; };
    getOperation().walk([&](winnow::CostOpInterface op) {
      flops += op.getFlops(dims);
      bytes += op.getStoredBytes(dims);
    });
    llvm::outs() << getOperation().getName() << ": "
                 << llvm::format("%.0f", flops) << " operations, "
                 << llvm::format("%.0f", bytes) << " bytes\n";
  }

  Option<int64_t> tokens{
      *this, "tokens", llvm::cl::init(1),
      llvm::cl::desc("The value of every dynamic dimension")};
};

} // namespace

int main(int argc, char **argv) {
  DialectRegistry registry;
  registry.insert<winnow::WinnowDialect, arith::ArithDialect, func::FuncDialect,
                  tensor::TensorDialect>();
  PassRegistration<ReportCost>();
  return asMainReturnCode(MlirOptMain(
      argc, argv, "Winnow's dialect with one more pass\n", registry));
}
