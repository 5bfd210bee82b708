//===- Gguf.h - Reader of GGUF files ----------------------------*- C++ -*-===//
//
// GGUF, versions 2 and 3, little-endian, in one file or split over several.
// The layout is described in the ggml repository (docs/gguf.md). Every count,
// size and offset is checked before it is used; parsing never reads outside of
// the buffer, and reserves no memory that the buffer cannot justify.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_IMPORT_GGUF_H
#define WINNOW_IMPORT_GGUF_H

#include "winnow/Import/Checkpoint.h"
#include "winnow/Tokenizer/TokenizerData.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MemoryBuffer.h"

#include <optional>

namespace winnow {

/// The type of a metadata value, numbered as in the file.
enum class GgufValueType : uint32_t {
  UInt8 = 0,
  Int8 = 1,
  UInt16 = 2,
  Int16 = 3,
  UInt32 = 4,
  Int32 = 5,
  Float32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  UInt64 = 10,
  Int64 = 11,
  Float64 = 12
};

/// The name of a value type as the GGUF documentation writes it: "uint32".
llvm::StringRef stringify(GgufValueType type);

/// A metadata value: a view of validated bytes in the file.
class GgufValue {
public:
  GgufValue() = default;
  GgufValue(GgufValueType type, GgufValueType elementType, uint64_t count,
            llvm::ArrayRef<uint8_t> bytes, uint64_t offset)
      : type(type), elementType(elementType), count(count), bytes(bytes),
        offset(offset) {}

  GgufValueType getType() const { return type; }
  bool isArray() const { return type == GgufValueType::Array; }
  /// The type of an array's elements; of a scalar, its own.
  GgufValueType getElementType() const { return elementType; }
  /// The number of elements of an array; 1 for a scalar.
  uint64_t size() const { return count; }
  /// Where the value lies in its file, for messages.
  uint64_t getOffset() const { return offset; }

  /// Scalars; nothing if the value has another type or does not fit. Integers
  /// of all widths and bools count as integers, both float widths as floats.
  std::optional<int64_t> getInteger() const;
  std::optional<double> getFloat() const;
  std::optional<bool> getBool() const;
  std::optional<llvm::StringRef> getString() const;

  /// Arrays; nothing if the value is no array of that kind. The elements are
  /// read from the file when this is called. Strings point into the file and
  /// may hold any bytes.
  std::optional<std::vector<int64_t>> getIntegers() const;
  std::optional<std::vector<float>> getFloats() const;
  std::optional<std::vector<llvm::StringRef>> getStrings() const;

private:
  GgufValueType type = GgufValueType::UInt8;
  GgufValueType elementType = GgufValueType::UInt8;
  uint64_t count = 0;
  /// The elements one after another; strings with their length in front.
  llvm::ArrayRef<uint8_t> bytes;
  uint64_t offset = 0;
};

/// One parsed GGUF file. It views the buffer and owns nothing of it.
class GgufFile {
public:
  /// Parses a buffer that outlives the result. The buffer's identifier names
  /// the file in errors, which read "FILE: offset N: message".
  static llvm::Expected<GgufFile> parse(llvm::MemoryBufferRef buffer);

  llvm::StringRef getName() const { return buffer.getBufferIdentifier(); }
  llvm::MemoryBufferRef getBuffer() const { return buffer; }
  uint32_t getVersion() const { return version; }

  /// The metadata in the order of the file.
  const llvm::MapVector<llvm::StringRef, GgufValue> &getMetadata() const {
    return metadata;
  }
  /// The value of a key, or null.
  const GgufValue *find(llvm::StringRef key) const;

  /// The tensors in the order of the file.
  llvm::ArrayRef<CheckpointTensor> getTensors() const { return tensors; }

private:
  friend class GgufParser;
  llvm::MemoryBufferRef buffer;
  uint32_t version = 0;
  llvm::MapVector<llvm::StringRef, GgufValue> metadata;
  std::vector<CheckpointTensor> tensors;
};

/// A checkpoint in GGUF form: one file, or all files of a split set.
class GgufCheckpoint : public Checkpoint {
public:
  /// Maps and checks the file at `path`. If it is the first of a split set
  /// ("NAME-00001-of-0000N.gguf"), the others are opened beside it.
  static llvm::Expected<std::unique_ptr<GgufCheckpoint>>
  open(llvm::StringRef path);

  /// The first file, which holds the model's metadata.
  const GgufFile &getMainFile() const { return parsed.front(); }

private:
  llvm::Error addFile(llvm::StringRef path);
  llvm::Error addOtherFiles(llvm::StringRef firstPath);

  std::vector<GgufFile> parsed;
};

/// The vocabulary that a file holds (its `tokenizer.*` metadata), complete and
/// consistent; nothing if it holds none. Errors name the file. Strings are
/// copied: a vocabulary of 262,144 pieces takes some 0.1 s.
llvm::Expected<std::optional<TokenizerData>>
readTokenizer(const GgufFile &file);

} // namespace winnow

#endif // WINNOW_IMPORT_GGUF_H
