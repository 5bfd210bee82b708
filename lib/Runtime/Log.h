//===- Log.h - Telling the caller what happens ------------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_LOG_H
#define WINNOW_LIB_RUNTIME_LOG_H

#include "winnow/Artifact.h"

namespace winnow {
namespace runtime {

/// The caller's log, if there is one.
struct Logger {
  winnow_log function = nullptr;
  void *context = nullptr;

  /// Passes one line on.
  void write(winnow_log_level level, const char *format, ...) const
      __attribute__((format(printf, 3, 4)));
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_LOG_H
