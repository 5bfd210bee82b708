//===- PassSetup.h - The passes of a compilation ----------------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_PASSSETUP_H
#define WINNOW_LIB_DRIVER_PASSSETUP_H

#include "winnow/Driver/CompileOptions.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"

namespace winnow {

/// Adds the passes that `options` ask for: those of the recipe first. With
/// `options.debug` the text of the kernels goes to `kernels` on the way, and
/// locations refer to it as `output`.kernels.mlir.
llvm::Error addCompilePasses(mlir::OpPassManager &passes,
                             const CompileOptions &options,
                             llvm::StringRef output, std::string &kernels);

/// Sets `place` to that of the line of the recipe whose pass failed, if one
/// does. `passes` are those of addCompilePasses.
void watchRecipe(mlir::PassManager &passes, const CompileOptions &options,
                 std::string &place);

/// The passes that a textual pipeline names.
llvm::StringSet<> passNames(llvm::StringRef pipeline);

/// Makes `passes` print or write the program after the passes that
/// `options.dumpAfter` names. The context must run one thread.
llvm::Error enableDumps(mlir::PassManager &passes,
                        const CompileOptions &options);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_PASSSETUP_H
