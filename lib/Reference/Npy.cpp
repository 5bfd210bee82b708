//===- Npy.cpp - NumPy array files ----------------------------------------===//

#include "winnow/Reference/Npy.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

static constexpr StringLiteral kMagic = "\x93NUMPY";

/// The element type's name in a header; kinds that NumPy lacks use the nearest.
static StringRef getDescription(ElementKind kind) {
  switch (kind) {
  case ElementKind::F32:
    return "<f4";
  case ElementKind::I1:
    return "|b1";
  case ElementKind::I32:
    return "<i4";
  case ElementKind::I64:
  case ElementKind::Index:
    return "<i8";
  }
  llvm_unreachable("all kinds are covered");
}

static unsigned getByteWidth(ElementKind kind) {
  return std::max(getIntegerWidth(kind) / 8, 1u);
}

/// The text after `'key':` in a header.
static StringRef findEntry(StringRef header, StringRef key) {
  size_t at = header.find(("'" + key + "':").str());
  return at == StringRef::npos ? StringRef()
                               : header.drop_front(at + key.size() + 3).ltrim();
}

/// Parses a shape, `(2, 3)`.
static std::optional<SmallVector<int64_t>> parseShape(StringRef text) {
  if (!text.consume_front("("))
    return std::nullopt;
  SmallVector<int64_t> shape;
  while (!text.ltrim().starts_with(")")) {
    int64_t size;
    text = text.ltrim();
    if (text.consumeInteger(10, size) || size < 0)
      return std::nullopt;
    shape.push_back(size);
    text = text.ltrim();
    if (!text.consume_front(",") && !text.starts_with(")"))
      return std::nullopt;
  }
  return shape;
}

Expected<Tensor> winnow::readNpy(StringRef path) {
  auto fail = [&](const Twine &what) {
    return createStringError(path + ": " + what);
  };
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail(buffer.getError().message());
  StringRef bytes = (*buffer)->getBuffer();
  if (!bytes.consume_front(kMagic) || bytes.size() < 4)
    return fail("expects a NumPy file");
  uint8_t version = bytes[0];
  size_t lengthBytes = version == 1 ? 2 : 4;
  if (version < 1 || version > 2 || bytes.size() < 2 + lengthBytes)
    return fail("expects version 1 or 2 of the NumPy format");
  bytes = bytes.drop_front(2);
  size_t length = version == 1 ? support::endian::read16le(bytes.data())
                               : support::endian::read32le(bytes.data());
  bytes = bytes.drop_front(lengthBytes);
  if (length > bytes.size())
    return fail("the file ends inside its header");
  StringRef header = bytes.take_front(length);
  bytes = bytes.drop_front(length);

  std::optional<ElementKind> kind;
  for (ElementKind candidate :
       {ElementKind::F32, ElementKind::I1, ElementKind::I32, ElementKind::I64})
    if (findEntry(header, "descr")
            .starts_with(("'" + getDescription(candidate) + "'").str()))
      kind = candidate;
  if (!kind)
    return fail("expects elements of <f4, <i4, <i8 or |b1");
  if (!findEntry(header, "fortran_order").starts_with("False"))
    return fail("expects row-major order");
  std::optional<SmallVector<int64_t>> shape =
      parseShape(findEntry(header, "shape"));
  std::optional<int64_t> count;
  if (shape)
    count = getElementCount(*shape);
  if (!count || uint64_t(*count) * getByteWidth(*kind) != bytes.size())
    return fail("expects as many elements as the shape says");

  Tensor tensor(*kind, *shape);
  const char *data = bytes.data();
  for (int64_t i = 0; i < *count; ++i) {
    switch (*kind) {
    case ElementKind::F32:
      tensor.mutableFloats()[i] =
          bit_cast<float>(support::endian::read32le(data + 4 * i));
      break;
    case ElementKind::I1:
      tensor.mutableIntegers()[i] = data[i] != 0;
      break;
    case ElementKind::I32:
      tensor.mutableIntegers()[i] =
          int32_t(support::endian::read32le(data + 4 * i));
      break;
    case ElementKind::I64:
    case ElementKind::Index:
      tensor.mutableIntegers()[i] = support::endian::read64le(data + 8 * i);
      break;
    }
  }
  return tensor;
}

Error winnow::writeNpy(StringRef path, const Tensor &tensor) {
  std::string header = "{'descr': '";
  header += getDescription(tensor.kind());
  header += "', 'fortran_order': False, 'shape': (";
  for (int64_t size : tensor.shape())
    header += Twine(size).str() + ",";
  header += ")}";
  // Data begin at a multiple of 64 bytes; a newline ends the header.
  size_t prefix = kMagic.size() + 4;
  header.append(63 - (prefix + header.size()) % 64, ' ');
  header += '\n';

  std::error_code errorCode;
  raw_fd_ostream stream(path, errorCode);
  if (errorCode)
    return createStringError(path + ": " + errorCode.message());
  char length[2];
  support::endian::write16le(length, header.size());
  stream << kMagic << '\x01' << '\x00';
  stream.write(length, 2);
  stream << header;
  unsigned width = getByteWidth(tensor.kind());
  for (int64_t i = 0; i < tensor.size(); ++i) {
    uint64_t bits = tensor.isFloat() ? bit_cast<uint32_t>(tensor.floats()[i])
                                     : uint64_t(tensor.integers()[i]);
    char bytes[8];
    support::endian::write64le(bytes, bits);
    stream.write(bytes, width);
  }
  stream.close();
  if (stream.has_error()) {
    errorCode = stream.error();
    stream.clear_error();
    return createStringError(path + ": " + errorCode.message());
  }
  return Error::success();
}
