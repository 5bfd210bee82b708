//===- Recipe.h - Passes in a file ------------------------------*- C++ -*-===//

#ifndef WINNOW_DRIVER_RECIPE_H
#define WINNOW_DRIVER_RECIPE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace winnow {

/// A line of a recipe.
struct RecipePass {
  std::string text;  ///< the pass with its options, in MLIR's textual syntax
  std::string place; ///< FILE:LINE:COLUMN, in front of errors
  size_t count = 1;  ///< passes: a name may stand for several
};

/// Reads a recipe: a pass of winnow-opt with its options on each line, in
/// MLIR's textual syntax, on modules. A '#' outside quotes begins a comment.
/// Returns the passes, in order, without comments and empty lines. Whatever is
/// not a pass, or is no option of it, is an error with file, line and column.
llvm::Expected<std::vector<RecipePass>> readRecipe(llvm::StringRef path);

/// The same of a recipe in memory, called `name` in errors.
llvm::Expected<std::vector<RecipePass>> parseRecipe(llvm::StringRef text,
                                                    llvm::StringRef name);

} // namespace winnow

#endif // WINNOW_DRIVER_RECIPE_H
