//===- FuzzTokenizerJson.cpp - Any bytes as tokenizer.json ----------------===//
//
// Reads the input as the tokenizer.json of a model of 300 ids and encodes a
// text with what is accepted.
//
//===----------------------------------------------------------------------===//

#include "winnow/Import/HuggingFaceTokenizer.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace winnow;

/// A folder that goes with the process.
static const std::string &getFolder() {
  struct Folder {
    Folder() {
      llvm::SmallString<128> unique;
      if (llvm::sys::fs::createUniqueDirectory("fuzz-tokenizer-json", unique))
        abort();
      path = std::string(unique);
    }
    ~Folder() { llvm::sys::fs::remove_directories(path); }
    std::string path;
  };
  static const Folder folder;
  return folder.path;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  {
    std::error_code code;
    llvm::raw_fd_ostream file(getFolder() + "/tokenizer.json", code);
    file.write(reinterpret_cast<const char *>(data), size);
  }
  auto read = readHuggingFaceTokenizer(getFolder(), 300);
  if (!read) {
    llvm::consumeError(read.takeError());
    return 0;
  }
  std::string error;
  auto tokenizer = Tokenizer::create(**read, error);
  if (!tokenizer)
    abort();
  tokenizer->encode("ab1 <s>  \xe2\x96\x81 a\xcc\x81 \xff", {});
  return 0;
}
