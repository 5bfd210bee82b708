//===- MutateFile.h - Random changes that keep a file's form ----*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_FUZZ_MUTATE_FILE_H
#define WINNOW_UNITTESTS_FUZZ_MUTATE_FILE_H

#include "MutateText.h"

namespace winnow {
namespace fuzz {

/// A change to a GGUF file: to a key, a value or a tensor, with counts, lengths
/// and the place of the data as they have to be, mostly. With `other` one key
/// or tensor comes from there. Where the file is too damaged to be taken apart,
/// bytes change.
std::string mutateGguf(std::string_view file, std::string_view other,
                       Random &random);

/// A few changes to a file of any kind: GGUF, safetensors (to the header), or
/// else text. `other` may be empty, or a file to take parts from.
std::string mutateFile(std::string_view file, std::string_view other,
                       Random &random);

} // namespace fuzz
} // namespace winnow

#endif // WINNOW_UNITTESTS_FUZZ_MUTATE_FILE_H
