//===- Error.cpp - Saying why a call failed, and what happens -------------===//

#include "Error.h"

#include "Log.h"

#include <stdarg.h>
#include <stdio.h>

namespace winnow {
namespace runtime {

/// Formats one line: paths and names are the user's and may hold anything.
static void formatLine(char *line, size_t size, const char *format,
                       va_list arguments) {
  vsnprintf(line, size, format, arguments);
  for (char *c = line; *c; ++c)
    if (*c == '\n' || *c == '\r')
      *c = ' ';
}

winnow_status fail(winnow_error *error, winnow_status status,
                   const char *format, ...) {
  if (!error)
    return status;
  error->status = status;
  va_list arguments;
  va_start(arguments, format);
  formatLine(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return status;
}

winnow_status succeed(winnow_error *error) {
  if (error) {
    error->status = WINNOW_OK;
    error->message[0] = '\0';
  }
  return WINNOW_OK;
}

const char *statusName(winnow_status status) {
  switch (status) {
#define WINNOW_NAME(STATUS)                                                    \
  case STATUS:                                                                 \
    return #STATUS
    WINNOW_NAME(WINNOW_OK);
    WINNOW_NAME(WINNOW_INVALID_ARGUMENT);
    WINNOW_NAME(WINNOW_IO_ERROR);
    WINNOW_NAME(WINNOW_BAD_FILE);
    WINNOW_NAME(WINNOW_MISMATCH);
    WINNOW_NAME(WINNOW_ABI_MISMATCH);
    WINNOW_NAME(WINNOW_UNSUPPORTED_CPU);
    WINNOW_NAME(WINNOW_OUT_OF_MEMORY);
    WINNOW_NAME(WINNOW_TOKEN_OUT_OF_RANGE);
    WINNOW_NAME(WINNOW_CONTEXT_OVERRUN);
    WINNOW_NAME(WINNOW_UNSUPPORTED);
    WINNOW_NAME(WINNOW_CANCELLED);
    WINNOW_NAME(WINNOW_INDEX_OUT_OF_RANGE);
#undef WINNOW_NAME
  }
  return "unknown status";
}

void Logger::write(winnow_log_level level, const char *format, ...) const {
  if (!function)
    return;
  char line[500];
  va_list arguments;
  va_start(arguments, format);
  formatLine(line, sizeof line, format, arguments);
  va_end(arguments);
  function(context, level, line);
}

} // namespace runtime
} // namespace winnow
