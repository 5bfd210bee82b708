//===- Registry.cpp - What the tools on MLIR text know --------------------===//

#include "Registry.h"

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Driver/LoadedModel.h"
#include "winnow/Reference/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#ifdef WINNOW_TEST_DIALECTS
#include "CheckDialect.h"
#endif

void winnow::registerTools(mlir::DialectRegistry &registry) {
  registry.insert<winnow::WinnowDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::LLVM::LLVMDialect,
                  mlir::linalg::LinalgDialect, mlir::math::MathDialect,
                  mlir::scf::SCFDialect, mlir::tensor::TensorDialect,
                  mlir::vector::VectorDialect>();
#ifdef WINNOW_TEST_DIALECTS
  registry.insert<winnow::check::CheckDialect>();
#endif
  registerModelPasses();
  registerWinnowReferencePasses();
}
