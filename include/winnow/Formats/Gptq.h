//===- Gptq.h - Codes that make up for one another --------------*- C++ -*-===//
//
// GPTQ (Frantar et al., arXiv 2210.17323): the codes of a row w are chosen one
// after another, and what each one is off is spread over the numbers that are
// still to come, so that the error of the product with the inputs x,
//
//   sum over x of (w x - w' x)^2 = (w - w') H (w - w')^T,   H = mean x x^T
//
// stays small. With H + damping = (U^T U)^-1, U upper triangular, the number k
// gets the code nearest to it, and for what is missing, e = (w_k - w'_k) /
// U_kk, w_j -= e U_kj for all j > k. Scales of a block are those of least
// squared error (Encode.h) for the numbers as they are when its turn comes.
//
// Rows do not depend on each other. The result is the same on every machine.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_GPTQ_H
#define WINNOW_FORMATS_GPTQ_H

#include "winnow/Formats/Encode.h"

namespace winnow {

/// U of a matrix H, and which inputs are always zero.
class GptqFactor {
public:
  /// Takes `gram`, H in rows, symmetric, of `width` times `width`. Inputs whose
  /// H_kk is 0 are dead: their weights become 0. To the diagonal 0.01 of its
  /// mean is added, and ten times as much as long as the matrix has no
  /// factor. Fails for matrices that are not finite or have negative entries on
  /// the diagonal.
  static llvm::Expected<GptqFactor> create(llvm::ArrayRef<float> gram,
                                           int64_t width);

  int64_t getWidth() const { return width; }
  bool isDead(int64_t k) const { return dead[k]; }
  /// Row k of U, from its diagonal on.
  llvm::ArrayRef<float> getRow(int64_t k) const {
    return llvm::ArrayRef(upper).slice(k * width + k, width - k);
  }

  /// 1 / U_kk^2: times w_k^2, what leaving out the number k costs.
  llvm::ArrayRef<float> getCosts() const { return costs; }

private:
  int64_t width = 0;
  std::vector<float> upper, costs;
  std::vector<bool> dead;
};

/// Encodes one row, `factor.getWidth()` numbers and a multiple of the format's
/// block, to exactly its bytes. Float formats round each number by itself.
llvm::Error encodeGptq(const BlockEncoder &encoder, const GptqFactor &factor,
                       llvm::ArrayRef<float> numbers,
                       llvm::MutableArrayRef<uint8_t> bytes);

/// d H d^T of each row d of a matrix and a symmetric H in rows: the squared
/// error of products whose weights are off by d. Products with H are summed in
/// f32.
std::vector<double> quadraticForms(llvm::ArrayRef<float> gram, int64_t width,
                                   llvm::ArrayRef<float> rows);

} // namespace winnow

#endif // WINNOW_FORMATS_GPTQ_H
