//===- Link.h - Objects to libraries ----------------------------*- C++ -*-===//

#ifndef WINNOW_EMIT_LINK_H
#define WINNOW_EMIT_LINK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace winnow {

/// Links `objects` and the runtime into the shared library `output`. It
/// exports `exportedSymbol` alone and needs libc, libm and the loader.
llvm::Error linkSharedLibrary(llvm::ArrayRef<std::string> objects,
                              llvm::StringRef soname,
                              llvm::StringRef exportedSymbol,
                              llvm::StringRef output);

/// Puts `objects` and the runtime into the static library `output`, as one
/// object that exports `exportedSymbol` alone, so that several models link
/// into one program.
llvm::Error linkStaticLibrary(llvm::ArrayRef<std::string> objects,
                              llvm::StringRef exportedSymbol,
                              llvm::StringRef output);

} // namespace winnow

#endif // WINNOW_EMIT_LINK_H
