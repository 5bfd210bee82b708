//===- NativeCode.h - LLVM dialect to machine code --------------*- C++ -*-===//

#ifndef WINNOW_EMIT_NATIVECODE_H
#define WINNOW_EMIT_NATIVECODE_H

#include "winnow/Codegen/Cpu/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
class raw_pwrite_stream;
} // namespace llvm

namespace winnow {

/// What writeNativeCode writes.
enum class NativeCodeKind { Object, Assembly };

/// Translates a module of the LLVM dialect and optimizes it for `target`.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateToLlvm(mlir::ModuleOp module, const cpu::Target &target,
                llvm::LLVMContext &context);

/// WINNOW_CPU_* bits (Runtime/Call.h) of what `module` needs; checked when an
/// artifact is opened.
uint32_t requiredFeatures(const llvm::Module &module,
                          const cpu::Target &target);

/// Sets triple, data layout and target attributes on all of `module`. LLVM may
/// use BF16 instructions only where the module calls for them.
void prepareModule(llvm::Module &module, llvm::TargetMachine &machine);

/// Runs LLVM's O3 pipeline for `target` on `module`.
llvm::Error optimizeLlvm(llvm::Module &module, const cpu::Target &target);

/// An object file.
using ObjectCode = llvm::SmallVector<char, 0>;

/// Machine code of `module`, which translateToLlvm made and which is of no use
/// afterwards, in several objects that are to be linked with each other.
/// Threads generate them; what is in them depends on the module alone.
llvm::Expected<std::vector<ObjectCode>>
generateObjects(llvm::Module &module, const cpu::Target &target);

/// Generates machine code for `module`, which translateToLlvm made, in one
/// piece.
llvm::Error writeNativeCode(llvm::Module &module, const cpu::Target &target,
                            NativeCodeKind kind,
                            llvm::raw_pwrite_stream &output);

} // namespace winnow

#endif // WINNOW_EMIT_NATIVECODE_H
