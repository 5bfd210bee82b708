//===- SourceTexts.cpp - Texts that models run on -------------------------===//

#include "SourceTexts.h"

using namespace llvm;

namespace winnow {

Expected<SourceTexts> readTexts(ArrayRef<std::string> paths) {
  SourceTexts texts;
  texts.reserve(paths.size());
  for (const std::string &path : paths) {
    ErrorOr<std::unique_ptr<MemoryBuffer>> file =
        MemoryBuffer::getFile(path, /*IsText=*/true);
    if (std::error_code code = file.getError())
      return createStringError(code, "'" + path + "': " + code.message());
    texts.push_back(std::move(*file));
  }
  return texts;
}

} // namespace winnow
