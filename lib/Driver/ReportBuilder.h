//===- ReportBuilder.h - What a compilation did, collected ------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_REPORTBUILDER_H
#define WINNOW_LIB_DRIVER_REPORTBUILDER_H

#include "winnow/Analysis/Evaluator.h"
#include "winnow/Driver/LoadedModel.h"
#include "winnow/Report/Report.h"

namespace winnow {

/// Collects a report on the artifact at `output`, which `options` made of
/// `model`. With an evaluator both are run.
llvm::Expected<Report> buildReport(const LoadedModel &model,
                                   const CompileOptions &options,
                                   llvm::StringRef output,
                                   Evaluator *evaluator);

/// Writes files whose names end with .html or .json.
llvm::Error writeReport(const Report &report,
                        llvm::ArrayRef<std::string> paths);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_REPORTBUILDER_H
