//===- Calibrate.h - Statistics of a model on texts -------------*- C++ -*-===//

#ifndef WINNOW_DRIVER_CALIBRATE_H
#define WINNOW_DRIVER_CALIBRATE_H

#include "winnow/Driver/LoadedModel.h"

namespace winnow {

struct CalibrateOptions {
  /// Files of text. A decoder reads each as a whole, an encoder its lines, a
  /// text each.
  std::vector<std::string> texts;
  /// What is observed: channels, gram, similarity (see winnow-observe), and of
  /// which weights and layers.
  std::vector<std::string> kinds = {"channels", "similarity"};
  std::string only;
  /// Tokens that a decoder sees together: it starts afresh after as many.
  int64_t window = 512;
  /// Tokens of each text that are read, from its beginning; 0: all.
  int64_t limit = 0;
  unsigned threads = 0; ///< 0: one per processor
  ProgressFunction progress;
};

/// Names of kinds, separated by commas.
llvm::Expected<std::vector<std::string>>
parseStatisticKinds(llvm::StringRef text);

/// Compiles `model` with taps and activations in f32, runs it on the texts and
/// writes what it finds to `output` (docs/Statistics.md). The same texts give
/// the same bytes, whatever the number of threads. Memory follows from the
/// statistics, not from the length of the texts.
llvm::Error calibrate(const LoadedModel &model, llvm::StringRef output,
                      const CalibrateOptions &options);

} // namespace winnow

#endif // WINNOW_DRIVER_CALIBRATE_H
