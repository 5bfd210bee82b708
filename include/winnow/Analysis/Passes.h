//===- Passes.h - Analyses as passes ----------------------------*- C++ -*-===//

#ifndef WINNOW_ANALYSIS_PASSES_H
#define WINNOW_ANALYSIS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace winnow {

#define GEN_PASS_DECL
#include "winnow/Analysis/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "winnow/Analysis/Passes.h.inc"

} // namespace winnow

#endif // WINNOW_ANALYSIS_PASSES_H
