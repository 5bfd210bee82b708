//===- GramMatrix.h - What weights are judged by ----------------*- C++ -*-===//

#ifndef WINNOW_EMIT_GRAMMATRIX_H
#define WINNOW_EMIT_GRAMMATRIX_H

#include "winnow/Analysis/Statistics.h"
#include "winnow/Formats/CodeMethod.h"

#include <map>
#include <memory>
#include <mutex>

namespace winnow {

/// The mean of x xᵀ over the inputs x of some weights, and what chooses codes
/// by it: made when the first row asks for it, gone with the last of the
/// weights, so that few of them are in memory at a time.
class GramMatrix {
public:
  /// `owner` keeps the numbers of `gram`.
  GramMatrix(Gram gram, std::shared_ptr<const Statistics> owner)
      : gram(gram), owner(std::move(owner)) {}

  /// The numbers live until the caller's weight leaves.
  llvm::ArrayRef<float> getNumbers();

  /// One more weight will ask for numbers or a fitter, until it calls `leave`.
  void join() { ++users; }
  void leave();

  /// May be called from several threads; the fitter lives until the caller's
  /// weight leaves.
  llvm::Expected<const CodeFitter *> getFitter(const CodeMethod &method,
                                               int64_t width);

private:
  llvm::ArrayRef<float> evaluate();

  Gram gram;
  std::vector<float> evaluated; ///< if it is not as the file has it
  std::shared_ptr<const Statistics> owner;
  std::mutex mutex;
  unsigned users = 0;
  std::map<const CodeMethod *, std::unique_ptr<const CodeFitter>> fitters;
};

} // namespace winnow

#endif // WINNOW_EMIT_GRAMMATRIX_H
