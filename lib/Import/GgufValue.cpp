//===- GgufValue.cpp - Metadata values of GGUF files ----------------------===//

#include "winnow/Import/Gguf.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

#include <limits>

using namespace winnow;
using llvm::support::endian::read32le;
using llvm::support::endian::read64le;

llvm::StringRef winnow::stringify(GgufValueType type) {
  switch (type) {
  case GgufValueType::UInt8:
    return "uint8";
  case GgufValueType::Int8:
    return "int8";
  case GgufValueType::UInt16:
    return "uint16";
  case GgufValueType::Int16:
    return "int16";
  case GgufValueType::UInt32:
    return "uint32";
  case GgufValueType::Int32:
    return "int32";
  case GgufValueType::Float32:
    return "float32";
  case GgufValueType::Bool:
    return "bool";
  case GgufValueType::String:
    return "string";
  case GgufValueType::Array:
    return "array";
  case GgufValueType::UInt64:
    return "uint64";
  case GgufValueType::Int64:
    return "int64";
  case GgufValueType::Float64:
    return "float64";
  }
  return "unknown";
}

/// Element `index` of an array of integers or bools, if it fits 64 signed bits.
static std::optional<int64_t>
readInteger(GgufValueType type, const uint8_t *bytes, uint64_t index) {
  using namespace llvm::support;
  switch (type) {
  case GgufValueType::UInt8:
  case GgufValueType::Bool:
    return bytes[index];
  case GgufValueType::Int8:
    return static_cast<int8_t>(bytes[index]);
  case GgufValueType::UInt16:
    return endian::read16le(bytes + 2 * index);
  case GgufValueType::Int16:
    return static_cast<int16_t>(endian::read16le(bytes + 2 * index));
  case GgufValueType::UInt32:
    return read32le(bytes + 4 * index);
  case GgufValueType::Int32:
    return static_cast<int32_t>(read32le(bytes + 4 * index));
  case GgufValueType::Int64:
    return static_cast<int64_t>(read64le(bytes + 8 * index));
  case GgufValueType::UInt64: {
    uint64_t value = read64le(bytes + 8 * index);
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return std::nullopt;
    return static_cast<int64_t>(value);
  }
  default:
    return std::nullopt;
  }
}

static float readFloat(const uint8_t *bytes, uint64_t index) {
  return llvm::bit_cast<float>(read32le(bytes + 4 * index));
}

std::optional<int64_t> GgufValue::getInteger() const {
  if (isArray())
    return std::nullopt;
  return readInteger(type, bytes.data(), 0);
}

std::optional<double> GgufValue::getFloat() const {
  if (type == GgufValueType::Float32)
    return readFloat(bytes.data(), 0);
  if (type == GgufValueType::Float64)
    return llvm::bit_cast<double>(read64le(bytes.data()));
  return std::nullopt;
}

std::optional<bool> GgufValue::getBool() const {
  if (type != GgufValueType::Bool)
    return std::nullopt;
  return bytes[0] != 0;
}

std::optional<llvm::StringRef> GgufValue::getString() const {
  if (type != GgufValueType::String)
    return std::nullopt;
  return llvm::toStringRef(bytes.drop_front(8));
}

std::optional<std::vector<int64_t>> GgufValue::getIntegers() const {
  if (!isArray())
    return std::nullopt;
  std::vector<int64_t> values(count);
  for (uint64_t i = 0; i < count; ++i) {
    std::optional<int64_t> value = readInteger(elementType, bytes.data(), i);
    if (!value)
      return std::nullopt;
    values[i] = *value;
  }
  return values;
}

std::optional<std::vector<float>> GgufValue::getFloats() const {
  if (!isArray() || elementType != GgufValueType::Float32)
    return std::nullopt;
  std::vector<float> values(count);
  for (uint64_t i = 0; i < count; ++i)
    values[i] = readFloat(bytes.data(), i);
  return values;
}

std::optional<std::vector<llvm::StringRef>> GgufValue::getStrings() const {
  if (!isArray() || elementType != GgufValueType::String)
    return std::nullopt;
  std::vector<llvm::StringRef> values(count);
  // The parser has walked over all lengths, so they stay inside.
  llvm::ArrayRef<uint8_t> rest = bytes;
  for (llvm::StringRef &value : values) {
    uint64_t length = read64le(rest.data());
    value = llvm::toStringRef(rest.slice(8, length));
    rest = rest.drop_front(8 + length);
  }
  return values;
}
