//===- ConfigReader.cpp - Checked numbers of a model's description --------===//

#include "winnow/Import/ConfigReader.h"

#include "Json.h"

#include <cmath>
#include <limits>

using namespace winnow;
using llvm::StringRef;
using llvm::Twine;
using llvm::json::Value;

static constexpr int64_t largestCount = std::numeric_limits<int32_t>::max();

ConfigReader::~ConfigReader() = default;

static std::optional<int64_t> toCount(const Value &value, int64_t least) {
  std::optional<int64_t> integer = getInteger(&value);
  if (integer && *integer >= least && *integer <= largestCount)
    return integer;
  return std::nullopt;
}

static std::optional<double> toNumber(const Value &value) {
  std::optional<double> number = value.getAsNumber();
  if (number && std::isfinite(static_cast<float>(*number)))
    return number;
  return std::nullopt;
}

std::optional<Value> ConfigReader::require(StringRef key, bool isOptional) {
  std::optional<Value> value = lookUp(key);
  if (!value && !isOptional)
    fail("the key '" + describe(key) + "' is missing");
  return value;
}

int64_t ConfigReader::getCount(StringRef key, int64_t least,
                               std::optional<int64_t> fallback) {
  std::optional<Value> value = require(key, fallback.has_value());
  if (!value)
    return fallback.value_or(least);
  if (std::optional<int64_t> count = toCount(*value, least))
    return *count;
  failAt(key, "an integer from " + Twine(least) + " to " + Twine(largestCount));
  return least;
}

std::vector<int64_t> ConfigReader::getCounts(StringRef key, size_t count) {
  std::optional<Value> value = require(key, /*isOptional=*/false);
  const llvm::json::Array *array = value ? value->getAsArray() : nullptr;
  if (!array)
    return std::vector<int64_t>(count, value ? getCount(key, 1) : 1);
  std::vector<int64_t> counts;
  for (const Value &element : *array)
    if (std::optional<int64_t> integer = toCount(element, 1))
      counts.push_back(*integer);
  if (counts.size() == count && array->size() == count)
    return counts;
  failAt(key, Twine(count) + " positive integers, one per layer");
  return std::vector<int64_t>(count, 1);
}

double ConfigReader::getNumber(StringRef key, std::optional<double> fallback) {
  std::optional<Value> value = require(key, fallback.has_value());
  if (!value)
    return fallback.value_or(1);
  if (std::optional<double> number = toNumber(*value))
    return *number;
  failAt(key, "a finite number");
  return fallback.value_or(1);
}

double ConfigReader::getPositive(StringRef key,
                                 std::optional<double> fallback) {
  double number = getNumber(key, fallback);
  if (number > 0)
    return number;
  failAt(key, "a number greater than zero");
  return 1;
}

std::vector<double> ConfigReader::getNumbers(StringRef key) {
  std::optional<Value> value = lookUp(key);
  if (!value)
    return {};
  std::vector<double> numbers;
  const llvm::json::Array *array = value->getAsArray();
  for (const Value &element : array ? *array : llvm::json::Array())
    if (std::optional<double> number = toNumber(element))
      numbers.push_back(*number);
  if (array && numbers.size() == array->size())
    return numbers;
  failAt(key, "an array of finite numbers");
  return {};
}

bool ConfigReader::getFlag(StringRef key, bool fallback) {
  std::optional<Value> value = lookUp(key);
  if (!value)
    return fallback;
  if (std::optional<bool> flag = value->getAsBoolean())
    return *flag;
  failAt(key, "true or false");
  return fallback;
}

std::string ConfigReader::getString(StringRef key, StringRef fallback) {
  std::optional<Value> value = lookUp(key);
  if (!value)
    return fallback.str();
  if (std::optional<StringRef> text = value->getAsString())
    return text->str();
  failAt(key, "a string");
  return fallback.str();
}

std::vector<std::string> ConfigReader::getStrings(StringRef key) {
  std::optional<Value> value = lookUp(key);
  if (!value)
    return {};
  std::vector<std::string> strings;
  const llvm::json::Array *array = value->getAsArray();
  for (const Value &element : array ? *array : llvm::json::Array())
    if (std::optional<StringRef> text = element.getAsString())
      strings.push_back(text->str());
  if (array && strings.size() == array->size())
    return strings;
  failAt(key, "an array of strings");
  return {};
}

void ConfigReader::failAt(StringRef key, const Twine &expected) {
  fail(locate(key) + describe(key) + " expects " + expected);
}

void ConfigReader::fail(const Twine &message) {
  if (firstError.empty())
    firstError = (fileName + ": " + message).str();
}
