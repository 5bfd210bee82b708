//===- WideVectors.h - Loops for the vectors at hand ------------*- C++ -*-===//

#ifndef WINNOW_FORMATS_WIDEVECTORS_H
#define WINNOW_FORMATS_WIDEVECTORS_H

/// On a function: it is compiled for each of these processors, and the one at
/// hand is chosen at start. Only for arithmetic that gives the same bits with
/// and without fused multiply-adds.
#if defined(__x86_64__)
#define WINNOW_WIDE_VECTORS                                                    \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WINNOW_WIDE_VECTORS
#endif

/// On what such a function calls, so that it is compiled for its vectors, too.
#define WINNOW_INLINE __attribute__((always_inline))

#endif // WINNOW_FORMATS_WIDEVECTORS_H
