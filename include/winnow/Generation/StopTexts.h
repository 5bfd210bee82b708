//===- StopTexts.h - Ending before a given text -----------------*- C++ -*-===//

#ifndef WINNOW_GENERATION_STOPTEXTS_H
#define WINNOW_GENERATION_STOPTEXTS_H

#include <string>
#include <utility>
#include <vector>

namespace winnow {

/// Passes text through until one of the stop texts appears in it. Text that
/// may be the beginning of a stop text is held back until that is decided.
class StopTexts {
public:
  /// The texts must not be empty.
  explicit StopTexts(std::vector<std::string> texts)
      : texts(std::move(texts)) {}

  /// Takes more text and returns what can be shown now. Nothing after a stop
  /// text is returned, nor the stop text itself.
  std::string add(const std::string &more);
  /// The text that is still held back, at the end of the generation.
  std::string finish();
  bool stopped() const { return found; }

private:
  std::vector<std::string> texts;
  std::string held;
  bool found = false;
};

} // namespace winnow

#endif // WINNOW_GENERATION_STOPTEXTS_H
