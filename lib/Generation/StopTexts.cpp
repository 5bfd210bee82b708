//===- StopTexts.cpp - Ending before a given text -------------------------===//

#include "winnow/Generation/StopTexts.h"

#include <algorithm>

namespace winnow {

std::string StopTexts::add(const std::string &more) {
  if (found)
    return "";
  held += more;
  size_t end = std::string::npos;
  for (const std::string &text : texts)
    end = std::min(end, held.find(text));
  if (end != std::string::npos) {
    found = true;
    std::string shown = held.substr(0, end);
    held.clear();
    return shown;
  }
  // Keep the longest end that begins a stop text.
  size_t kept = 0;
  for (const std::string &text : texts)
    for (size_t size = std::min(text.size() - 1, held.size()); size > kept;
         --size)
      if (held.compare(held.size() - size, size, text, 0, size) == 0)
        kept = size;
  std::string shown = held.substr(0, held.size() - kept);
  held.erase(0, shown.size());
  return shown;
}

std::string StopTexts::finish() {
  std::string shown = std::move(held);
  held.clear();
  return shown;
}

} // namespace winnow
