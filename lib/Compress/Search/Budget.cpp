//===- Budget.cpp - What a compressed model may cost ----------------------===//

#include "winnow/Compress/Budget.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace llvm;
using namespace winnow;

std::optional<SizeLimit> SizeLimit::parse(StringRef text) {
  SizeLimit size;
  StringRef number =
      text.take_while([](char c) { return isDigit(c) || c == '.'; });
  StringRef unit = text.drop_front(number.size());
  double factor = StringSwitch<double>(unit)
                      .Cases({"%", "", "B"}, 1)
                      .Case("KB", 1e3)
                      .Case("MB", 1e6)
                      .Case("GB", 1e9)
                      .Default(0);
  if (factor == 0 || number.getAsDouble(size.number) || size.number <= 0)
    return std::nullopt;
  size.isShare = unit == "%";
  size.number *= factor;
  if (size.number > (size.isShare ? 100 : 1e18))
    return std::nullopt;
  return size;
}

uint64_t SizeLimit::of(uint64_t whole) const {
  return static_cast<uint64_t>(
      std::floor(isShare ? number / 100 * static_cast<double>(whole) : number));
}

/// A number above 0 and up to `most`, with `unit` behind it.
static std::optional<double> parseNumber(StringRef text, StringRef unit,
                                         double most) {
  double number = 0;
  if (!text.consume_back(unit) || text.empty() || !isDigit(text.front()) ||
      text.getAsDouble(number) || !(number > 0) || number > most)
    return std::nullopt;
  return number;
}

Expected<Budget> Budget::parse(StringRef text) {
  Budget budget;
  auto fail = [](const Twine &expected, StringRef found) {
    return createStringError(std::make_error_code(std::errc::invalid_argument),
                             "expects " + expected + "; found '" + found + "'");
  };
  for (StringRef part : split(text, ',')) {
    auto [name, value] = part.trim().split('=');
    bool isThere = StringSwitch<bool>(name)
                       .Case("size", budget.size.has_value())
                       .Case("time", budget.time.has_value())
                       .Case("kl", budget.divergence.has_value())
                       .Default(false);
    if (isThere)
      return fail("each limit once", text);
    if (name == "size") {
      if (!(budget.size = SizeLimit::parse(value)))
        return fail("'size' to be a share of at most 100%, or bytes, KB, MB or "
                    "GB",
                    value);
    } else if (name == "time") {
      if (!(budget.time = parseNumber(value, "x", 1)))
        return fail("'time' to be a factor of at most 1, such as 0.7x", value);
    } else if (name == "kl") {
      if (!(budget.divergence = parseNumber(value, "", 1e6)))
        return fail("'kl' to be a number above 0", value);
    } else {
      return fail("size=..., time=... or kl=..., separated by commas", part);
    }
  }
  return budget;
}
