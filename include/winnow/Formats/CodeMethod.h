//===- CodeMethod.h - Codes chosen by what inputs are like ------*- C++ -*-===//
//
// Rounding to the nearest code looks at one number at a time. What counts is
// the product with the inputs of a layer, and ways to choose codes by that are
// rows of a table: a name (of winnow.recode's `codes` and in recipes), the
// statistic that they need, and what makes a fitter of its numbers. A new one
// is a file beside Gptq.cpp and a line in CodeMethod.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_CODEMETHOD_H
#define WINNOW_FORMATS_CODEMETHOD_H

#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Encode.h"

namespace winnow {

/// Chooses codes for weights that read the same inputs, in any format. Const
/// members may run in parallel.
class CodeFitter {
public:
  virtual ~CodeFitter();

  /// Encodes a row, as many numbers as there are inputs and a multiple of the
  /// format's block, to exactly its bytes. `decoder` is of the encoder's
  /// format.
  virtual llvm::Error encode(const BlockEncoder &encoder,
                             const BlockDecoder &decoder,
                             llvm::ArrayRef<float> numbers,
                             llvm::MutableArrayRef<uint8_t> bytes) const = 0;
};

struct CodeMethod {
  llvm::StringLiteral name;
  /// The kind of statistic that it needs of the inputs (docs/Statistics.md).
  llvm::StringLiteral statistic;
  /// Whether it chooses which numbers have a code, and nothing else: for sparse
  /// formats alone.
  bool isForSparse;
  /// Takes the numbers of the statistic for `width` inputs; a Gram matrix has
  /// to outlive the result. Fails where they are no such statistic.
  llvm::Expected<std::unique_ptr<CodeFitter>> (*create)(
      llvm::ArrayRef<float> statistic, int64_t width);

  bool needsGram() const { return statistic == "gram.mean"; }
};

/// All of them, in the order of their names.
llvm::ArrayRef<CodeMethod> codeMethods();

/// The method called `name`, or null.
const CodeMethod *lookupCodeMethod(llvm::StringRef name);

} // namespace winnow

#endif // WINNOW_FORMATS_CODEMETHOD_H
