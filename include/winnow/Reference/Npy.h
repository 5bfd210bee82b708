//===- Npy.h - NumPy array files --------------------------------*- C++ -*-===//
//
// Reads and writes `.npy` files (NumPy's format, versions 1 and 2) of the
// element types that the interpreter computes on: f4, i4, i8 and b1, in
// little-endian order and row-major.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_REFERENCE_NPY_H
#define WINNOW_REFERENCE_NPY_H

#include "winnow/Reference/Tensor.h"

#include "llvm/Support/Error.h"

namespace winnow {

/// Reads a file; errors name it.
llvm::Expected<Tensor> readNpy(llvm::StringRef path);

/// Writes a file; `index` becomes i8. Errors name it.
llvm::Error writeNpy(llvm::StringRef path, const Tensor &tensor);

} // namespace winnow

#endif // WINNOW_REFERENCE_NPY_H
