//===- Exponentials.h - Sums of exponentials of logits ----------*- C++ -*-===//

#ifndef WINNOW_LIB_CLIENT_EXPONENTIALS_H
#define WINNOW_LIB_CLIENT_EXPONENTIALS_H

#include <cstddef>

namespace winnow {
namespace client {

/// The place of the largest logit, the first of equal ones; 0 where none is a
/// number.
size_t findLargest(const float *logits, size_t count);

/// Σ exp(logits_i - shift), where no logit is above `shift`. What is below
/// e^-700 counts as that, which adds nothing; NaN gives NaN.
double sumExponentials(const float *logits, size_t count, double shift);

/// KL(reference || logits) of two rows, whose log(Σ exp) are given: the sum
/// over i of p_i (log p_i - log q_i). An i without p_i counts nothing, whatever
/// q_i is.
double divergenceOf(const float *reference, double referenceLogSum,
                    const float *logits, double logSum, size_t count);

} // namespace client
} // namespace winnow

#endif // WINNOW_LIB_CLIENT_EXPONENTIALS_H
