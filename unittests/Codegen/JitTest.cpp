//===- JitTest.cpp - Runs kernels inside a unit test ----------------------===//

#include "JitTest.h"

#include "winnow/Emit/NativeCode.h"
#include "winnow/Pipelines/Pipelines.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>

using namespace mlir;

namespace winnow::test {

static bool failed(llvm::Error error, const char *what) {
  if (!error)
    return false;
  ADD_FAILURE() << what << ": " << llvm::toString(std::move(error));
  return true;
}

JitModule::JitModule(llvm::StringRef cpu) {
  llvm::Expected<cpu::Target> target = cpu::Target::get(cpu);
  if (target)
    cpuTarget = *target;
  else
    failed(target.takeError(), "target");
  context = std::make_unique<MLIRContext>();
  context->disableMultithreading();
  context->loadDialect<arith::ArithDialect, func::FuncDialect,
                       tensor::TensorDialect, linalg::LinalgDialect,
                       LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect,
                       vector::VectorDialect>();
  moduleOp = ModuleOp::create(UnknownLoc::get(context.get()));
}

JitModule::~JitModule() = default;

Type JitModule::ptrType() { return LLVM::LLVMPointerType::get(context.get()); }

bool JitModule::compile() {
  PassManager passes(context.get());
  buildLowerToLlvmPipeline(passes);
  if (mlir::failed(passes.run(*moduleOp))) {
    ADD_FAILURE() << "lowering failed";
    return false;
  }
  llvm::LLVMContext llvmContext;
  auto translated = translateToLlvm(*moduleOp, cpuTarget, llvmContext);
  if (!translated)
    return !failed(translated.takeError(), "translation");
  // An artifact shows its entries only; a test calls kernels.
  for (llvm::Function &function : **translated)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
  if (failed(optimizeLlvm(**translated, cpuTarget), "optimization"))
    return false;
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  // For reading the code of a kernel: WINNOW_TEST_ASSEMBLY names a file.
  if (const char *path = std::getenv("WINNOW_TEST_ASSEMBLY")) {
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    auto copy = llvm::CloneModule(**translated);
    if (!error && failed(writeNativeCode(*copy, cpuTarget,
                                         NativeCodeKind::Assembly, file),
                         "assembly"))
      return false;
  }
  if (failed(writeNativeCode(**translated, cpuTarget, NativeCodeKind::Object,
                             stream),
             "code generation"))
    return false;

  auto created = llvm::orc::LLJITBuilder().create();
  if (!created)
    return !failed(created.takeError(), "jit");
  jit = std::move(*created);
  return !failed(
      jit->addObjectFile(std::make_unique<llvm::SmallVectorMemoryBuffer>(
          std::move(object), /*RequiresNullTerminator=*/false)),
      "loading");
}

void *JitModule::address(llvm::StringRef name) {
  auto symbol = jit->lookup(name);
  if (!symbol) {
    failed(symbol.takeError(), "lookup");
    return nullptr;
  }
  return symbol->toPtr<void *>();
}

std::vector<std::string> JitModule::runnableTargets() {
  std::vector<std::string> targets = {"x86-64-v3"};
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (features.lookup("avx512bw") && features.lookup("avx512vl") &&
      features.lookup("avx512dq") && features.lookup("avx512cd"))
    targets.push_back("x86-64-v4");
  targets.push_back("host");
  return targets;
}

std::string targetName(llvm::StringRef cpu) {
  std::string name = cpu.str();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

} // namespace winnow::test
