//===- MutateText.h - Random changes to text that has tokens ----*- C++ -*-===//
//
// Bytes changed at random rarely get through a lexer. These changes work on
// tokens and on what brackets enclose, so they suit JSON, programs and
// templates alike; words come from the text itself and from the other seeds.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_UNITTESTS_FUZZ_MUTATE_TEXT_H
#define WINNOW_UNITTESTS_FUZZ_MUTATE_TEXT_H

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

/// libFuzzer's own mutator.
extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace winnow {
namespace fuzz {

using Random = std::minstd_rand;

/// A few changes to a text.
std::string mutateText(std::string_view text, Random &random);

/// `text` with a part of it replaced by a part of `other`.
std::string crossText(std::string_view text, std::string_view other,
                      Random &random);

/// What libFuzzer's own mutator makes of the bytes, at most `grow` longer.
std::string mutateBytes(std::string_view bytes, size_t grow);

} // namespace fuzz
} // namespace winnow

#endif // WINNOW_UNITTESTS_FUZZ_MUTATE_TEXT_H
