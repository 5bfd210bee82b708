//===- GgufTypes.h - Tensor types of GGUF files ------------------*- C++
//-*-===//

#ifndef WINNOW_LIB_IMPORT_GGUFTYPES_H
#define WINNOW_LIB_IMPORT_GGUFTYPES_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace winnow {

/// How a tensor type of a GGUF file is stored: blocks of `blockElements`
/// elements of one row in `blockBytes` bytes.
struct GgufTensorType {
  uint32_t id;
  llvm::StringLiteral name;
  uint32_t blockElements;
  uint32_t blockBytes;
  /// Whether Winnow decodes it. The others are known so that the error can
  /// name them.
  bool supported;
};

/// The type with that number in the file, or null.
const GgufTensorType *findGgufTensorType(uint32_t id);

/// The names of the supported types, separated by commas.
std::string listSupportedGgufTensorTypes();

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_GGUFTYPES_H
