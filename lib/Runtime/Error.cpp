//===- Error.cpp - Saying why a call failed -------------------------------===//

#include "Error.h"

#include <stdarg.h>
#include <stdio.h>

namespace winnow {
namespace runtime {

winnow_status fail(winnow_error *error, winnow_status status,
                   const char *format, ...) {
  if (!error)
    return status;
  error->status = status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  // Paths and names are the user's; the message stays one line.
  for (char *c = error->message; *c; ++c)
    if (*c == '\n' || *c == '\r')
      *c = ' ';
  return status;
}

winnow_status succeed(winnow_error *error) {
  if (error) {
    error->status = WINNOW_OK;
    error->message[0] = '\0';
  }
  return WINNOW_OK;
}

} // namespace runtime
} // namespace winnow
