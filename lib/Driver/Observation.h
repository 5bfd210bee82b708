//===- Observation.h - A model with taps, run on texts ----------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_OBSERVATION_H
#define WINNOW_LIB_DRIVER_OBSERVATION_H

#include "SourceTexts.h"
#include "StatisticsCollector.h"

#include "winnow/Driver/Calibrate.h"
#include "winnow/Tokenizer/Tokenizer.h"

namespace winnow {

/// What the taps of a model saw.
struct Observation {
  std::vector<StatisticArray> arrays;
  /// Weights whose statistics are those of another tap.
  std::map<std::string, std::string> readers;
  int64_t tokens = 0;
};

/// Compiles `model` with taps and activations in f32 and runs it on texts,
/// which are not those of `options`.
llvm::Expected<Observation> observe(const LoadedModel &model,
                                    const Tokenizer &tokenizer,
                                    const SourceTexts &texts,
                                    const CalibrateOptions &options);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_OBSERVATION_H
