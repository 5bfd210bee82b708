//===- Inspect.h - What is in an artifact -----------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_INSPECT_H
#define WINNOW_TOOLS_WINNOW_RUN_INSPECT_H

#include "Json.h"

#include <string>

namespace winnow {
namespace run {

/// A manifest as text to read: single values as "name  value", objects as
/// headed groups of these, arrays of objects as tables with a column for each
/// member. Long values go on lines of their own.
std::string renderManifest(const Json &manifest);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_INSPECT_H
