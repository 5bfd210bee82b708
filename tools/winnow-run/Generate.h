//===- Generate.h - A prompt in, text or ids out ----------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_GENERATE_H
#define WINNOW_TOOLS_WINNOW_RUN_GENERATE_H

#include "Artifact.h"
#include "Options.h"

#include <string>

namespace winnow {
namespace run {

/// Computes the prompt of `options`, writes its logits where they are asked
/// for, and prints what follows. False and one line in `error` on failure.
bool generate(const Artifact &artifact, const Options &options,
              std::string &error);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_GENERATE_H
