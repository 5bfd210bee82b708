//===- SourceTexts.h - Texts that models run on -----------------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_SOURCETEXTS_H
#define WINNOW_LIB_DRIVER_SOURCETEXTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>
#include <vector>

namespace winnow {

/// The identifier of each says where it comes from. Files are mapped, so that
/// long ones need not be in memory.
using SourceTexts = std::vector<std::unique_ptr<llvm::MemoryBuffer>>;

llvm::Expected<SourceTexts> readTexts(llvm::ArrayRef<std::string> paths);

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_SOURCETEXTS_H
