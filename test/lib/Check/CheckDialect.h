//===- CheckDialect.h - Expectations inside test programs -------*- C++ -*-===//

#ifndef WINNOW_TEST_LIB_CHECK_CHECKDIALECT_H
#define WINNOW_TEST_LIB_CHECK_CHECKDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"

#include "CheckDialect.h.inc"

#define GET_OP_CLASSES
#include "CheckOps.h.inc"

#endif // WINNOW_TEST_LIB_CHECK_CHECKDIALECT_H
