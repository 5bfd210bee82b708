//===- Report.h - What compression did to a model ---------------*- C++ -*-===//

#ifndef WINNOW_REPORT_REPORT_H
#define WINNOW_REPORT_REPORT_H

#include "llvm/Support/JSON.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace winnow {

/// A weight of the model as it was. Times are in seconds, sizes in bytes.
struct ReportedWeight {
  std::string name;
  std::string formatBefore, format; ///< the latter empty: it went
  uint64_t bytesBefore = 0, bytes = 0;
  /// Root mean squares over those of the numbers, or of products on inputs of
  /// the calibration, where they are known.
  std::optional<double> error, outputError;
};

/// A layer, or all that stands in none (without a name).
struct ReportedLayer {
  std::string name;
  bool isKept = true;
  std::vector<ReportedWeight> weights;
  /// What passes decided on it or its weights, and why.
  std::vector<std::string> decisions;
  /// Of the workload, where it was run.
  std::optional<double> secondsBefore, seconds;

  uint64_t getBytesBefore() const;
  uint64_t getBytes() const;
};

/// A phase of the workload, see RunTime.
struct ReportedPhase {
  std::string name;
  double secondsBefore = 0, seconds = 0;
  /// Where that could be told from runs of the plain model.
  std::optional<double> expectedSeconds;
};

/// A plan that a search ran.
struct ReportedPlan {
  std::vector<std::string> passes;
  uint64_t bytes = 0;
  double divergence = 0, expectedDivergence = 0;
  std::optional<double> seconds, expectedSeconds;
  bool isFound = false; ///< the one that the search chose
};

struct Report {
  std::string model, target;
  std::vector<std::string> recipe;
  uint64_t bytesBefore = 0, bytes = 0; ///< of NAME.weights
  /// As planned before anything was written.
  std::optional<uint64_t> expectedBytes;
  /// Against the model as it was, on texts; see Quality. Nothing where there
  /// was no text.
  std::optional<double> divergence, perplexityBefore, perplexity;
  std::string divergenceName;
  std::vector<ReportedPhase> phases;
  std::vector<ReportedLayer> layers;
  std::vector<ReportedPlan> plans;
};

/// docs/Reports.md lists the keys.
llvm::json::Value toJson(const Report &report);

/// One page that needs nothing else: no scripts, no other files.
std::string toHtml(const Report &report);

} // namespace winnow

#endif // WINNOW_REPORT_REPORT_H
