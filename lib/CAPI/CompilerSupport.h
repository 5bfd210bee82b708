//===- CompilerSupport.h - What the C API's functions share -----*- C++ -*-===//

#ifndef WINNOW_LIB_CAPI_COMPILERSUPPORT_H
#define WINNOW_LIB_CAPI_COMPILERSUPPORT_H

#include "winnow/Compiler.h"
#include "winnow/Driver/LoadedModel.h"

#include <cstring>

/// The opaque type of Compiler.h.
struct winnow_compiler_model {
  std::unique_ptr<winnow::LoadedModel> loaded;
};

namespace winnow::capi {

/// Each fills in `error`, unless it is null, and returns the status.
winnow_compiler_status fail(winnow_compiler_error *error,
                            winnow_compiler_status status,
                            llvm::StringRef message);
winnow_compiler_status succeed(winnow_compiler_error *error);
winnow_compiler_status refuse(winnow_compiler_error *error,
                              llvm::StringRef message);
/// The code of a failure (see LoadedModel) as a status; `otherwise` for what is
/// wrong with the model itself.
winnow_compiler_status report(winnow_compiler_error *error, llvm::Error failure,
                              winnow_compiler_status otherwise);

/// Copies the fields that the caller's version of a struct has, and leaves the
/// others zero. False where struct_size is not set.
template <typename T> bool readOptions(const T *given, T &options) {
  options = {};
  if (!given)
    return true;
  if (given->struct_size < sizeof given->struct_size)
    return false;
  std::memcpy(&options, given, std::min<size_t>(given->struct_size, sizeof(T)));
  return true;
}

/// An error that becomes WINNOW_COMPILER_INVALID_ARGUMENT.
llvm::Error invalid(const llvm::Twine &message);

/// Reads the words and numbers of `given`.
llvm::Expected<CompileOptions>
readCompileOptions(const winnow_compiler_options &given);

/// A number of threads as options have it.
llvm::Expected<unsigned> readThreads(int32_t threads);

/// A list of file names.
llvm::Expected<std::vector<std::string>> readTexts(const char *const *texts,
                                                   int32_t count);

ProgressFunction readProgress(winnow_compiler_progress progress,
                              void *progressContext);

} // namespace winnow::capi

#endif // WINNOW_LIB_CAPI_COMPILERSUPPORT_H
