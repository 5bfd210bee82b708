//===- ParamSource.cpp - The bytes of params without a file ---------------===//

#include "winnow/Analysis/ParamSource.h"

#include "winnow/Formats/NumberFormat.h"

#include "mlir/IR/Diagnostics.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

/// The format of a param's stored numbers, or null if it is not known.
static const NumberFormat *findFormat(ParamOp param) {
  EncodingAttr encoding = getEncoding(param.getType());
  return lookupFormat(encoding ? encoding.getFormat() : "f32");
}

FailureOr<StoredRows> winnow::getStoredRows(ParamOp param) {
  auto type = dyn_cast<RankedTensorType>(param.getType());
  if (!type || !type.hasStaticShape() || type.getRank() == 0)
    return param.emitOpError("expects a tensor of static shape and rank of at "
                             "least 1, found ")
           << param.getType();
  const NumberFormat *format = findFormat(param);
  if (!format)
    return param.emitOpError("expects a known number format, found ") << type;
  EncodingAttr encoding = getEncoding(type);
  if (encoding && encoding.getLayout() != "rows")
    return param.emitOpError("expects the layout 'rows', found '")
           << encoding.getLayout() << "'";
  StoredRows stored = {1, 0};
  for (int64_t size : type.getShape().drop_back())
    if (llvm::MulOverflow(stored.rows, size, stored.rows))
      return param.emitOpError("expects fewer than 2^63 rows");
  llvm::Expected<uint64_t> bytes =
      format->bytesOf(stored.rows, type.getShape().back());
  if (!bytes)
    return param.emitOpError(llvm::toString(bytes.takeError()));
  stored.bytesPerRow = stored.rows ? *bytes / stored.rows : 0;
  return stored;
}

//===----------------------------------------------------------------------===//
// Rows of files
//===----------------------------------------------------------------------===//

std::optional<FileRows> FileRows::get(DictionaryAttr source) {
  auto numbers = source.getAs<DenseI64ArrayAttr>(kRowsSource);
  if (!numbers || numbers.size() != 3)
    return std::nullopt;
  return FileRows{numbers[0], numbers[1], numbers[2]};
}

Attribute FileRows::toAttribute(MLIRContext *context) const {
  return DenseI64ArrayAttr::get(context, {first, group, stride});
}

bool FileRows::gather(ArrayRef<uint8_t> stored, uint64_t rowBytes,
                      int64_t begin, int64_t count,
                      std::vector<uint8_t> &target) const {
  uint64_t available = rowBytes ? stored.size() / rowBytes : 0;
  for (int64_t row = begin; row < begin + count; ++row) {
    uint64_t from = at(row);
    if (from >= available)
      return false;
    ArrayRef<uint8_t> bytes = stored.slice(from * rowBytes, rowBytes);
    target.insert(target.end(), bytes.begin(), bytes.end());
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Random blocks
//===----------------------------------------------------------------------===//

/// Words of the random sequence that belong to one block, and where in them
/// those of its scales begin.
static constexpr uint64_t kWordsPerBlock = 4096;
static constexpr uint64_t kScaleWords = 2048;

/// What the floating-point scales of a role are at most, so that a * v and b
/// stay below 0.05 in magnitude, whatever the codes and sub-scales are.
static float findScaleLimit(const NumberFormat &format, ScaleRole role) {
  float largest = 1;
  if (role == ScaleRole::Mul)
    for (unsigned code = 0; code < 1u << format.codeMap.bits; ++code)
      largest =
          std::max(largest, float(std::abs(format.codeMap.valueOf(code))));
  for (const ScaleLevel &level : format.scales) {
    if (level.role != role || !level.isInteger())
      continue;
    unsigned bits = 0;
    for (const BitPart &part : level.parts)
      bits = std::max(bits, part.destination + part.width);
    largest *= float(1u << bits);
  }
  return 0.05f / largest;
}

/// Writes one random block of a format with scales.
static void writeRandomBlock(const NumberFormat &format,
                             const ParamRandom &random, uint64_t block,
                             uint8_t *bytes) {
  uint64_t base = block * kWordsPerBlock;
  for (unsigned i = 0; i < format.blockBytes; ++i)
    bytes[i] = random.word(base + i / 8) >> (8 * (i % 8));
  uint64_t scale = base + kScaleWords;
  for (const ScaleLevel &level : format.scales) {
    if (level.isInteger())
      continue;
    float limit = findScaleLimit(format, level.role);
    for (unsigned i = 0; i < format.blockElements / level.granularity; ++i) {
      // In [1/2, 1), exactly.
      float factor =
          float((random.word(scale++) >> 41) + (1u << 23)) * 0x1p-24f;
      // Offsets that are added balance codes that are never negative.
      float value = (level.role == ScaleRole::Add ? -limit : limit) * factor;
      writeBits(level.parts, bytes, i, floatToStored(level.type, value));
    }
  }
}

/// Writes a number of a float format in little-endian order.
static void writeFloat(const NumberFormat &format, float value,
                       uint8_t *bytes) {
  uint32_t bits = floatToStored(format.codeMap.floatType, value);
  for (unsigned i = 0; i < format.blockBytes; ++i)
    bytes[i] = bits >> (8 * i);
}

LogicalResult winnow::generateParamRows(ParamOp param, int64_t first,
                                        MutableArrayRef<uint8_t> bytes) {
  FailureOr<StoredRows> stored = getStoredRows(param);
  if (failed(stored))
    return failure();
  if (stored->bytesPerRow == 0)
    return success();
  uint64_t rows = bytes.size() / stored->bytesPerRow;
  if (bytes.size() % stored->bytesPerRow != 0 || first < 0 ||
      first > stored->rows || rows > uint64_t(stored->rows - first))
    return param.emitOpError("expects whole rows in [0, ")
           << stored->rows << "), found " << bytes.size() << " bytes from row "
           << first << " on";
  const NumberFormat &format = *findFormat(param);
  uint64_t firstBlock =
      uint64_t(first) * (stored->bytesPerRow / format.blockBytes);
  uint64_t blocks = bytes.size() / format.blockBytes;

  DictionaryAttr source = param.getSource();
  if (auto splat = dyn_cast_or_null<FloatAttr>(source.get(kSplatSource))) {
    if (!format.isFloat())
      return param.emitOpError("expects f32, f16 or bf16 for a splat, found '")
             << format.name << "'";
    for (uint64_t i = 0; i < blocks; ++i)
      writeFloat(format, splat.getValueAsDouble(),
                 bytes.data() + i * format.blockBytes);
    return success();
  }
  if (auto seed = dyn_cast_or_null<IntegerAttr>(source.get(kRandomSource))) {
    ParamRandom random(seed.getValue().getZExtValue());
    for (uint64_t i = 0; i < blocks; ++i) {
      uint8_t *block = bytes.data() + i * format.blockBytes;
      if (format.isFloat())
        writeFloat(format, random.normal(firstBlock + i), block);
      else
        writeRandomBlock(format, random, firstBlock + i, block);
    }
    return success();
  }
  if (auto values =
          dyn_cast_or_null<DenseElementsAttr>(source.get(kValuesSource))) {
    auto all = values.getValues<float>();
    uint64_t begin =
        static_cast<uint64_t>(first) * stored->bytesPerRow / format.blockBytes;
    for (uint64_t i = 0; i < blocks; ++i)
      writeFloat(format, all[begin + i], bytes.data() + i * format.blockBytes);
    return success();
  }
  return param.emitOpError("expects the source splat, random or values, found ")
         << source;
}

FailureOr<std::vector<uint8_t>> winnow::materializeParam(ParamOp param) {
  FailureOr<StoredRows> stored = getStoredRows(param);
  if (failed(stored))
    return failure();
  std::vector<uint8_t> bytes(stored->rows * stored->bytesPerRow);
  if (failed(generateParamRows(param, 0, bytes)))
    return failure();
  return bytes;
}
