//===- ExpectedTime.h - What a changed model should take --------*- C++ -*-===//

#ifndef WINNOW_COMPRESS_EXPECTEDTIME_H
#define WINNOW_COMPRESS_EXPECTEDTIME_H

#include "winnow/Analysis/Evaluator.h"

namespace winnow {

/// The seconds that each phase of `timeBefore`, what `before` took, should take
/// once passes have made `after` of it: matrices what they take when all of
/// them are in their format, for as many elements as are left of them, and
/// layers that went nothing; what there was not, as long as the rest by its
/// bytes. `after` is not run; `before` is, once for each format that matrices
/// changed to.
///
/// Nothing where passes have prompts lose tokens or layers be skipped: how many
/// is known when the model runs.
llvm::Expected<std::optional<std::vector<double>>>
expectSeconds(mlir::ModuleOp before, const RunTime &timeBefore,
              mlir::ModuleOp after, Evaluator &evaluator);

} // namespace winnow

#endif // WINNOW_COMPRESS_EXPECTEDTIME_H
