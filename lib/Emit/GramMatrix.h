//===- GramMatrix.h - What weights are judged by ----------------*- C++ -*-===//

#ifndef WINNOW_EMIT_GRAMMATRIX_H
#define WINNOW_EMIT_GRAMMATRIX_H

#include "winnow/Analysis/Statistics.h"
#include "winnow/Formats/Gptq.h"

#include <memory>
#include <mutex>

namespace winnow {

/// The mean of x xᵀ over the inputs x of some weights, and the factor of it
/// that GPTQ needs: made when the first row asks for it, gone with the last of
/// the weights, so that few of them are in memory at a time.
class GramMatrix {
public:
  /// `owner` keeps the numbers of `gram`.
  GramMatrix(Gram gram, std::shared_ptr<const Statistics> owner)
      : gram(gram), owner(std::move(owner)) {}

  /// The numbers live until the caller's weight leaves.
  llvm::ArrayRef<float> getNumbers();

  /// One more weight will ask for numbers or the factor, until it calls
  /// `leave`.
  void join() { ++users; }
  void leave();

  /// May be called from several threads; the factor lives until the caller's
  /// weight leaves.
  llvm::Expected<const GptqFactor *> getFactor(int64_t width);

private:
  llvm::ArrayRef<float> evaluate();

  Gram gram;
  std::vector<float> evaluated; ///< if it is not as the file has it
  std::shared_ptr<const Statistics> owner;
  std::mutex mutex;
  unsigned users = 0;
  std::unique_ptr<const GptqFactor> factor;
};

} // namespace winnow

#endif // WINNOW_EMIT_GRAMMATRIX_H
