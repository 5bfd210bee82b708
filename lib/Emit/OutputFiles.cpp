//===- OutputFiles.cpp - Files that appear together -----------------------===//

#include "OutputFiles.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace winnow {

static Error cannotWrite(const Twine &path, std::error_code code) {
  return createStringError(code, "cannot write '" + path.str() +
                                     "': " + code.message());
}

static Error write(StringRef path, ArrayRef<char> bytes) {
  std::error_code code;
  raw_fd_ostream stream(path, code);
  if (code)
    return cannotWrite(path, code);
  stream.write(bytes.data(), bytes.size());
  stream.close();
  code = stream.error();
  stream.clear_error();
  return code ? cannotWrite(path, code) : Error::success();
}

OutputFiles::~OutputFiles() { removeAll(); }

void OutputFiles::removeAll() {
  for (const auto &[temporary, final] : files) {
    (void)sys::fs::remove(temporary);
    sys::DontRemoveFileOnSignal(temporary);
  }
  files.clear();
}

Expected<std::string> OutputFiles::add(const Twine &final) {
  SmallString<256> temporary;
  if (std::error_code code =
          sys::fs::createUniqueFile(final + ".tmp-%%%%%%%%", temporary))
    return cannotWrite(final, code);
  sys::RemoveFileOnSignal(temporary);
  files.emplace_back(temporary.str().str(), final.str());
  return files.back().first;
}

Error OutputFiles::addText(const Twine &final, StringRef text) {
  Expected<std::string> temporary = add(final);
  if (!temporary)
    return temporary.takeError();
  return write(*temporary, ArrayRef(text.data(), text.size()));
}

Expected<std::string> OutputFiles::addTemporary(ArrayRef<char> bytes) {
  SmallString<128> path;
  if (std::error_code code =
          sys::fs::createTemporaryFile("winnow", "tmp", path))
    return cannotWrite("a temporary file", code);
  sys::RemoveFileOnSignal(path);
  files.emplace_back(path.str().str(), "");
  if (Error error = write(path, bytes))
    return std::move(error);
  return files.back().first;
}

Error OutputFiles::commit() {
  while (!files.empty()) {
    auto &[temporary, final] = files.back();
    std::error_code code = final.empty() ? sys::fs::remove(temporary)
                                         : sys::fs::rename(temporary, final);
    if (code)
      return cannotWrite(final.empty() ? temporary : final, code);
    sys::DontRemoveFileOnSignal(temporary);
    files.pop_back();
  }
  return Error::success();
}

} // namespace winnow
