//===- Passes.h - Interpretation as a pass ----------------------*- C++ -*-===//

#ifndef WINNOW_REFERENCE_PASSES_H
#define WINNOW_REFERENCE_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace winnow {

#define GEN_PASS_DECL
#include "winnow/Reference/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "winnow/Reference/Passes.h.inc"

} // namespace winnow

#endif // WINNOW_REFERENCE_PASSES_H
