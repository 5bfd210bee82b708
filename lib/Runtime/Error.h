//===- Error.h - Saying why a call failed -----------------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_ERROR_H
#define WINNOW_LIB_RUNTIME_ERROR_H

#include "winnow/Artifact.h"

namespace winnow {
namespace runtime {

/// Fills `error`, unless it is null, with one line and returns `status`.
winnow_status fail(winnow_error *error, winnow_status status,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Sets `error`, unless it is null, to success.
winnow_status succeed(winnow_error *error);

/// winnow_api.status_name.
const char *statusName(winnow_status status);

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_ERROR_H
