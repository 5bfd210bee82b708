//===- Plan.cpp - What a search decides -----------------------------------===//

#include "Plan.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

#include <map>

using namespace llvm;

namespace winnow {

std::string makeNamePattern(ArrayRef<StringRef> names) {
  // What stands in front of the first number and behind it.
  MapVector<std::pair<StringRef, StringRef>, SmallVector<StringRef>> numbers;
  for (StringRef name : names) {
    StringRef front = name.take_until([](char c) { return isDigit(c); });
    StringRef back = name.drop_front(front.size());
    StringRef number = back.take_while([](char c) { return isDigit(c); });
    numbers[{front, back.drop_front(number.size())}].push_back(number);
  }
  // Those with the same numbers and the same front share them.
  using Front = std::pair<StringRef, SmallVector<StringRef>>;
  MapVector<Front, SmallVector<StringRef>, std::map<Front, unsigned>> backs;
  for (auto &[around, found] : numbers)
    backs[{around.first, found}].push_back(around.second);
  auto oneOf = [](ArrayRef<StringRef> words) {
    auto escaped = map_to_vector(
        words, [](StringRef word) { return Regex::escape(word); });
    return words.size() == 1 ? escaped.front() : "(" + join(escaped, "|") + ")";
  };
  SmallVector<std::string> patterns;
  for (auto &[front, found] : backs)
    patterns.push_back("^" + Regex::escape(front.first) + oneOf(front.second) +
                       oneOf(found) + "$");
  return join(patterns, "|");
}

static std::string dropLine(StringRef granularity, ArrayRef<int64_t> layers) {
  SmallVector<int64_t> sorted(layers);
  sort(sorted);
  auto numbers = map_to_vector(
      sorted, [](int64_t number) { return std::to_string(number); });
  return formatv("winnow-drop-layers{{granularity={0} layers={1}}", granularity,
                 join(numbers, ","))
      .str();
}

std::vector<std::string> Plan::writePasses() const {
  std::vector<std::string> passes;
  if (!attention.empty())
    passes.push_back(dropLine("attention", attention));
  if (!mlp.empty())
    passes.push_back(dropLine("mlp", mlp));
  passes.insert(passes.end(), changes.begin(), changes.end());
  using Format = std::pair<StringRef, bool>;
  MapVector<Format, SmallVector<StringRef>, std::map<Format, unsigned>> formats;
  for (const EncodedMatrix &matrix : matrices)
    formats[{matrix.format, matrix.isFitted}].push_back(matrix.name);
  for (auto &[how, names] : formats)
    passes.push_back(
        formatv("winnow-quantize-weights{{format={0}{1} only=\"{2}\"}",
                how.first, how.second ? " method=gptq" : "",
                makeNamePattern(names))
            .str());
  return passes;
}

} // namespace winnow
