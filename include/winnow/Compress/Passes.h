//===- Passes.h - Passes that take something out of a model -----*- C++ -*-===//

#ifndef WINNOW_COMPRESS_PASSES_H
#define WINNOW_COMPRESS_PASSES_H

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace winnow {

#define GEN_PASS_DECL
#include "winnow/Compress/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "winnow/Compress/Passes.h.inc"

} // namespace winnow

#endif // WINNOW_COMPRESS_PASSES_H
