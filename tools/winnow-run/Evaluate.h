//===- Evaluate.h - How good a model is on a text ---------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_EVALUATE_H
#define WINNOW_TOOLS_WINNOW_RUN_EVALUATE_H

#include "Artifact.h"

namespace winnow {
namespace run {

/// Runs a decoder over the text of --evaluate and prints its perplexity, or an
/// encoder over the lines; with --against, also how far the results are from
/// those of another artifact. docs/RunningModels.md defines each number. False
/// and one line in `error` on failure.
bool evaluate(const Artifact &artifact, const Options &options,
              std::string &error);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_EVALUATE_H
