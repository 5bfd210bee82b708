//===- Gguf.cpp - Parser of GGUF files ------------------------------------===//

#include "winnow/Import/Gguf.h"

#include "Json.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <limits>
#include <numeric>

using namespace winnow;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// The bytes of one element of a fixed-size value type; 0 for the others.
static uint64_t getFixedSize(GgufValueType type) {
  switch (type) {
  case GgufValueType::UInt8:
  case GgufValueType::Int8:
  case GgufValueType::Bool:
    return 1;
  case GgufValueType::UInt16:
  case GgufValueType::Int16:
    return 2;
  case GgufValueType::UInt32:
  case GgufValueType::Int32:
  case GgufValueType::Float32:
    return 4;
  case GgufValueType::UInt64:
  case GgufValueType::Int64:
  case GgufValueType::Float64:
    return 8;
  case GgufValueType::String:
  case GgufValueType::Array:
    return 0;
  }
  return 0;
}

/// The name of a tensor type that files may have but Winnow cannot decode.
static std::string describeType(uint32_t id) {
  constexpr std::pair<uint32_t, const char *> names[] = {
      {9, "q8_1"},     {15, "q8_k"},  {16, "iq2_xxs"}, {17, "iq2_xs"},
      {18, "iq3_xxs"}, {19, "iq1_s"}, {21, "iq3_s"},   {22, "iq2_s"},
      {24, "i8"},      {25, "i16"},   {26, "i32"},     {27, "i64"},
      {28, "f64"},     {29, "iq1_m"}};
  for (auto [known, name] : names)
    if (known == id)
      return name;
  return std::to_string(id);
}

static std::string listSupportedTypes() {
  llvm::SmallVector<StringRef> names;
  for (const NumberFormat &format : allFormats())
    if (format.ggufType)
      names.push_back(format.name);
  return llvm::join(names, ", ");
}

namespace winnow {

/// Walks over the file once, from the front to the back.
class GgufParser {
public:
  explicit GgufParser(llvm::MemoryBufferRef buffer) {
    file.buffer = buffer;
    data = llvm::arrayRefFromStringRef(buffer.getBuffer());
  }

  Expected<GgufFile> run() {
    if (Error error = parseHeader())
      return error;
    for (uint64_t i = 0; i < metadataCount; ++i)
      if (Error error = parseKeyValue())
        return error;
    if (Error error = readAlignment())
      return error;
    if (Error error = checkCount("tensor", tensorCount, smallestTensorInfo))
      return error;
    file.tensors.reserve(tensorCount);
    for (uint64_t i = 0; i < tensorCount; ++i)
      if (Error error = parseTensorInfo())
        return error;
    if (Error error = placeTensors())
      return error;
    return std::move(file);
  }

private:
  // Bytes that the shortest key with a value, and the shortest tensor
  // description, take: an upper bound on counts that a file can justify.
  static constexpr uint64_t smallestKeyValue = 8 + 1 + 4 + 1;
  static constexpr uint64_t smallestTensorInfo = 8 + 1 + 4 + 8 + 4 + 8;

  template <typename... Ts>
  Error fail(uint64_t offset, const char *format, Ts &&...values) {
    return llvm::createStringError(
        file.getName() + ": offset " + llvm::Twine(offset) + ": " +
        llvm::formatv(format, std::forward<Ts>(values)...).str());
  }

  uint64_t getRemaining() const { return data.size() - cursor; }

  Error need(uint64_t size, const char *what) {
    if (size <= getRemaining())
      return Error::success();
    return fail(cursor,
                "the file ends inside {0}: expects {1} bytes, found {2}", what,
                size, getRemaining());
  }

  template <typename T> Error read(T &value, const char *what) {
    if (Error error = need(sizeof(T), what))
      return error;
    value = llvm::support::endian::read<T, llvm::endianness::little>(
        data.data() + cursor);
    cursor += sizeof(T);
    return Error::success();
  }

  Error readString(StringRef &value, const char *what) {
    uint64_t length = 0;
    if (Error error = read(length, what))
      return error;
    if (Error error = need(length, what))
      return error;
    value = llvm::toStringRef(data.slice(cursor, length));
    cursor += length;
    return Error::success();
  }

  Error checkCount(const char *what, uint64_t count, uint64_t smallest) {
    if (count <= getRemaining() / smallest)
      return Error::success();
    return fail(cursor,
                "the {0} count {1} is too large: {2} bytes are left, and each "
                "takes at least {3}",
                what, count, getRemaining(), smallest);
  }

  Error parseHeader();
  Error parseKeyValue();
  Expected<GgufValueType> parseValueType();
  Expected<GgufValue> parseValue(GgufValueType type, uint64_t valueOffset);
  Error skipElements(GgufValueType type, uint64_t count);
  Error readAlignment();
  Error parseTensorInfo();
  Error placeTensors();

  GgufFile file;
  ArrayRef<uint8_t> data;
  uint64_t cursor = 0;
  uint64_t tensorCount = 0;
  uint64_t metadataCount = 0;
  uint64_t alignment = 32;
  llvm::StringSet<> tensorNames;
  /// Of each tensor: its size in bytes, and where it is described.
  std::vector<std::pair<uint64_t, uint64_t>> sizesAndOrigins;
};

Error GgufParser::parseHeader() {
  if (!llvm::toStringRef(data).starts_with("GGUF"))
    return fail(0, "not a GGUF file: it does not begin with 'GGUF'");
  cursor = 4;
  if (Error error = read(file.version, "the version"))
    return error;
  if (file.version != 2 && file.version != 3) {
    uint32_t swapped = llvm::byteswap(file.version);
    if (swapped == 2 || swapped == 3)
      return fail(4, "big-endian GGUF files are not supported");
    return fail(4, "GGUF version {0} is not supported; versions 2 and 3 are",
                file.version);
  }
  if (Error error = read(tensorCount, "the tensor count"))
    return error;
  if (Error error = read(metadataCount, "the metadata count"))
    return error;
  return checkCount("metadata", metadataCount, smallestKeyValue);
}

Expected<GgufValueType> GgufParser::parseValueType() {
  uint64_t offset = cursor;
  uint32_t type = 0;
  if (Error error = read(type, "a value type"))
    return error;
  if (type > static_cast<uint32_t>(GgufValueType::Float64))
    return fail(offset, "unknown value type {0}", type);
  return static_cast<GgufValueType>(type);
}

/// Steps over `count` elements and checks them.
Error GgufParser::skipElements(GgufValueType type, uint64_t count) {
  if (type == GgufValueType::String) {
    if (Error error = checkCount("string", count, 8))
      return error;
    StringRef ignored;
    for (uint64_t i = 0; i < count; ++i)
      if (Error error = readString(ignored, "a string"))
        return error;
    return Error::success();
  }
  uint64_t size = getFixedSize(type);
  if (Error error = checkCount("element", count, size))
    return error;
  if (type == GgufValueType::Bool)
    for (uint64_t i = 0; i < count; ++i)
      if (data[cursor + i] > 1)
        return fail(cursor + i, "a bool is 0 or 1, found {0}",
                    unsigned(data[cursor + i]));
  cursor += count * size;
  return Error::success();
}

Expected<GgufValue> GgufParser::parseValue(GgufValueType type,
                                           uint64_t valueOffset) {
  GgufValueType elementType = type;
  uint64_t count = 1;
  if (type == GgufValueType::Array) {
    uint64_t typeOffset = cursor;
    Expected<GgufValueType> parsedType = parseValueType();
    if (!parsedType)
      return parsedType.takeError();
    elementType = *parsedType;
    if (elementType == GgufValueType::Array)
      return fail(typeOffset, "arrays of arrays are not supported");
    if (Error error = read(count, "an array length"))
      return error;
  }
  uint64_t begin = cursor;
  if (Error error = skipElements(elementType, count))
    return error;
  return GgufValue(type, elementType, count, data.slice(begin, cursor - begin),
                   valueOffset);
}

Error GgufParser::parseKeyValue() {
  uint64_t keyOffset = cursor;
  StringRef key;
  if (Error error = readString(key, "a metadata key"))
    return error;
  if (!isPlainText(key))
    return fail(keyOffset, "the metadata key {0} is not plain text",
                quote(key));
  Expected<GgufValueType> type = parseValueType();
  if (!type)
    return type.takeError();
  Expected<GgufValue> value = parseValue(*type, cursor);
  if (!value)
    return value.takeError();
  if (!file.metadata.insert({key, *value}).second)
    return fail(keyOffset, "the metadata key {0} appears twice", quote(key));
  return Error::success();
}

Error GgufParser::readAlignment() {
  const GgufValue *value = file.find("general.alignment");
  if (!value)
    return Error::success();
  if (value->getType() != GgufValueType::UInt32)
    return fail(value->getOffset(),
                "general.alignment has type {0}, expects uint32",
                stringify(value->getType()));
  alignment = *value->getInteger();
  if (!llvm::isPowerOf2_64(alignment))
    return fail(value->getOffset(),
                "general.alignment is {0}, expects a power of two", alignment);
  return Error::success();
}

/// Reads one tensor's description. `offset` still counts from the data section.
Error GgufParser::parseTensorInfo() {
  uint64_t origin = cursor;
  CheckpointTensor tensor;
  if (Error error = readString(tensor.name, "a tensor name"))
    return error;
  std::string quoted = quote(tensor.name);
  if (!isPlainText(tensor.name))
    return fail(origin, "the tensor name {0} is not plain text", quoted);
  if (!tensorNames.insert(tensor.name).second)
    return fail(origin, "tensor {0} appears twice", quoted);

  uint32_t rank = 0;
  if (Error error = read(rank, "a tensor's dimension count"))
    return error;
  if (rank < 1 || rank > 4)
    return fail(origin, "tensor {0} has {1} dimensions, expects 1 to 4", quoted,
                rank);
  uint64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    uint64_t dim = 0;
    if (Error error = read(dim, "a tensor's dimensions"))
      return error;
    if (dim == 0)
      return fail(origin, "dimension {0} of tensor {1} is zero", i, quoted);
    bool overflow = false;
    elements = llvm::SaturatingMultiply(elements, dim, &overflow);
    if (overflow || elements > uint64_t(std::numeric_limits<int64_t>::max()))
      return fail(origin, "the dimensions of tensor {0} are too large", quoted);
    tensor.shape.push_back(dim);
  }
  // The file lists the contiguous dimension first.
  std::reverse(tensor.shape.begin(), tensor.shape.end());

  uint32_t typeId = 0;
  if (Error error = read(typeId, "a tensor's type"))
    return error;
  tensor.format = formatOfGgufType(typeId);
  if (!tensor.format)
    return fail(origin,
                "tensor {0} has the unsupported type {1}; supported are {2}",
                quoted, describeType(typeId), listSupportedTypes());
  int64_t columns = tensor.shape.back();
  Expected<uint64_t> size =
      tensor.format->bytesOf(int64_t(elements) / columns, columns);
  if (!size)
    return fail(origin, "tensor {0}: {1}", quoted,
                llvm::toString(size.takeError()));

  if (Error error = read(tensor.offset, "a tensor's offset"))
    return error;
  if (tensor.offset % alignment != 0)
    return fail(origin,
                "tensor {0} lies at {1}, expects a multiple of the alignment "
                "{2}",
                quoted, tensor.offset, alignment);
  sizesAndOrigins.push_back({*size, origin});
  file.tensors.push_back(std::move(tensor));
  return Error::success();
}

/// Makes offsets absolute and gives each tensor its bytes.
Error GgufParser::placeTensors() {
  if (file.tensors.empty())
    return Error::success();
  // The alignment is at most 2^31 and the cursor inside a mapped file, so this
  // cannot overflow.
  uint64_t begin = llvm::alignTo(cursor, alignment);
  if (begin > data.size())
    return fail(cursor, "the file ends before its tensor data at {0}", begin);
  uint64_t available = data.size() - begin;
  for (auto [tensor, sizeAndOrigin] :
       llvm::zip_equal(file.tensors, sizesAndOrigins)) {
    auto [size, origin] = sizeAndOrigin;
    if (tensor.offset > available || size > available - tensor.offset)
      return fail(origin,
                  "tensor {0} takes {1} bytes at {2} of the tensor data, but "
                  "the file holds only {3}",
                  quote(tensor.name), size, tensor.offset, available);
    tensor.offset += begin;
    tensor.bytes = data.slice(tensor.offset, size);
  }

  std::vector<size_t> order(file.tensors.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(file.tensors[a].offset, a) <
           std::pair(file.tensors[b].offset, b);
  });
  for (auto [first, second] :
       llvm::zip(order, llvm::ArrayRef(order).drop_front())) {
    const CheckpointTensor &before = file.tensors[first];
    const CheckpointTensor &after = file.tensors[second];
    if (before.offset + before.bytes.size() > after.offset)
      return fail(sizesAndOrigins[second].second, "tensors {0} and {1} overlap",
                  quote(before.name), quote(after.name));
  }
  return Error::success();
}

} // namespace winnow

Expected<GgufFile> GgufFile::parse(llvm::MemoryBufferRef buffer) {
  return GgufParser(buffer).run();
}

const GgufValue *GgufFile::find(StringRef key) const {
  const auto *it = metadata.find(key);
  return it == metadata.end() ? nullptr : &it->second;
}
