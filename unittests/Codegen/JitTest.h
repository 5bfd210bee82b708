//===- JitTest.h - Runs kernels inside a unit test --------------*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_CODEGEN_JITTEST_H
#define WINNOW_UNITTESTS_CODEGEN_JITTEST_H

#include "winnow/Codegen/Cpu/KernelBuilder.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace winnow::test {

/// A module under construction and, after compile(), its machine code.
class JitModule {
public:
  /// `cpu` as for winnow::cpu::Target::get.
  explicit JitModule(llvm::StringRef cpu);
  ~JitModule();

  mlir::ModuleOp module() { return *moduleOp; }
  const cpu::Target &target() const { return cpuTarget; }
  /// The type of every pointer argument.
  mlir::Type ptrType();

  /// Lowers, optimizes and loads all functions of the module. Fails the test
  /// and returns false if that cannot be done.
  bool compile();

  /// The address of a compiled function; null with a test failure if there is
  /// none of this name.
  void *address(llvm::StringRef name);
  template <typename Function> Function *get(llvm::StringRef name) {
    return reinterpret_cast<Function *>(address(name));
  }

  /// The processors that this machine can run, of x86-64-v3, x86-64-v4 and
  /// host.
  static std::vector<std::string> runnableTargets();

private:
  cpu::Target cpuTarget;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> moduleOp;
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

/// A name for a value-parameterized test: the processor with '_' for '-'.
std::string targetName(llvm::StringRef cpu);

} // namespace winnow::test

#endif // WINNOW_UNITTESTS_CODEGEN_JITTEST_H
