//===- Plan.h - What a search decides ---------------------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_SEARCH_PLAN_H
#define WINNOW_LIB_COMPRESS_SEARCH_PLAN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace winnow {

/// A matrix and the format it gets.
struct EncodedMatrix {
  llvm::StringRef name, format;
  bool isFitted = false; ///< by GPTQ
};

/// Layers that go, by their numbers, passes on the whole model, and formats of
/// matrices that stay.
struct Plan {
  llvm::SmallVector<int64_t> attention, mlp;
  std::vector<std::string> changes;
  std::vector<EncodedMatrix> matrices;

  /// The lines of a recipe, in this order, with one for each format.
  std::vector<std::string> writePasses() const;
};

/// A regular expression for these names and no others, which writes numbers of
/// otherwise equal names as alternatives: ^blk\.(3|4)\.attn_q\.weight$.
std::string makeNamePattern(llvm::ArrayRef<llvm::StringRef> names);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SEARCH_PLAN_H
