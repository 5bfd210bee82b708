//===- Safetensors.cpp - Reader of safetensors files ----------------------===//

#include "winnow/Import/Safetensors.h"

#include "Json.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <limits>
#include <map>

using namespace winnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

/// The bits of an element of a type that the format knows, or nothing.
static std::optional<unsigned> getElementBits(StringRef type) {
  constexpr std::pair<StringRef, unsigned> types[] = {
      {"F64", 64},    {"F32", 32},    {"F16", 16},    {"BF16", 16},
      {"I64", 64},    {"I32", 32},    {"I16", 16},    {"I8", 8},
      {"U64", 64},    {"U32", 32},    {"U16", 16},    {"U8", 8},
      {"BOOL", 8},    {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8},
      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},      {"C64", 64}};
  for (auto [name, bits] : types)
    if (name == type)
      return bits;
  return std::nullopt;
}

/// The number format of a type that weights may have, or null.
static const NumberFormat *getFormat(StringRef type) {
  if (type == "F32" || type == "F16" || type == "BF16")
    return lookupFormat(type.lower());
  return nullptr;
}

namespace {

class SafetensorsParser {
public:
  SafetensorsParser(llvm::MemoryBufferRef buffer, llvm::StringSaver &names)
      : buffer(buffer), names(names),
        data(llvm::arrayRefFromStringRef(buffer.getBuffer())) {}

  Expected<SafetensorsFile> run() {
    if (Error error = parseHeader())
      return error;
    for (const llvm::json::Object::value_type &entry : header)
      if (StringRef(entry.first) == "__metadata__")
        readMetadata(entry.second);
      else if (Error error = parseTensor(entry.first, entry.second))
        return error;
    if (Error error = checkCoverage())
      return error;
    return std::move(file);
  }

private:
  /// Where a tensor of any type lies.
  struct Extent {
    uint64_t begin, end;
    StringRef name;
  };

  Error fail(const Twine &message) {
    return llvm::createStringError(buffer.getBufferIdentifier() + ": " +
                                   message);
  }

  Error parseHeader();
  void readMetadata(const llvm::json::Value &value);
  Error parseTensor(StringRef key, const llvm::json::Value &value);
  Error checkCoverage();

  llvm::MemoryBufferRef buffer;
  llvm::StringSaver &names;
  llvm::ArrayRef<uint8_t> data;
  /// Offset of the tensors' bytes.
  uint64_t begin = 0;
  llvm::json::Object header;
  SafetensorsFile file;
  std::vector<Extent> extents;
};

} // namespace

Error SafetensorsParser::parseHeader() {
  if (data.size() < 8)
    return fail("not a safetensors file: " + Twine(data.size()) +
                " bytes, the length of the header alone has 8");
  // The limit of the reference implementation.
  constexpr uint64_t longest = 100'000'000;
  uint64_t length = llvm::support::endian::read64le(data.data());
  if (length > longest || length > data.size() - 8)
    return fail("offset 0: the header has " + Twine(length) +
                " bytes, expects at most " +
                Twine(std::min<uint64_t>(longest, data.size() - 8)) +
                ": no safetensors file, or one that was cut off");
  begin = 8 + length;
  StringRef text = buffer.getBuffer().substr(8, length);
  Expected<llvm::json::Object> parsed =
      parseJsonObject(text, (buffer.getBufferIdentifier() + ": header").str());
  if (!parsed)
    return parsed.takeError();
  header = std::move(*parsed);
  return Error::success();
}

void SafetensorsParser::readMetadata(const llvm::json::Value &value) {
  if (const llvm::json::Object *object = value.getAsObject())
    for (const llvm::json::Object::value_type &entry : *object)
      if (std::optional<StringRef> text = entry.second.getAsString())
        file.metadata[StringRef(entry.first)] = text->str();
}

Error SafetensorsParser::parseTensor(StringRef key,
                                     const llvm::json::Value &value) {
  if (!isPlainText(key))
    return fail("the tensor name " + quote(key) + " is not plain text");
  CheckpointTensor tensor;
  tensor.name = names.save(key);
  std::string quoted = quote(key);

  const llvm::json::Object *object = value.getAsObject();
  std::optional<StringRef> type =
      object ? object->getString("dtype") : std::nullopt;
  const llvm::json::Array *shape = object ? object->getArray("shape") : nullptr;
  const llvm::json::Array *offsets =
      object ? object->getArray("data_offsets") : nullptr;
  if (!type || !shape || !offsets || offsets->size() != 2)
    return fail("tensor " + quoted +
                " expects a string 'dtype' and arrays 'shape' and "
                "'data_offsets', the latter of two numbers");
  std::optional<unsigned> bits = getElementBits(*type);
  if (!bits)
    return fail("tensor " + quoted + " has the unknown type " + quote(*type));

  uint64_t size = *bits;
  for (const llvm::json::Value &dim : *shape) {
    std::optional<uint64_t> extent = dim.getAsUINT64();
    bool overflow = false;
    if (extent)
      size = llvm::SaturatingMultiply(size, *extent, &overflow);
    if (!extent || overflow ||
        *extent > uint64_t(std::numeric_limits<int64_t>::max()))
      return fail("tensor " + quoted +
                  " expects dimensions whose product fits 63 bits");
    tensor.shape.push_back(*extent);
  }
  size = llvm::divideCeil(size, 8);

  std::optional<uint64_t> from = (*offsets)[0].getAsUINT64();
  std::optional<uint64_t> to = (*offsets)[1].getAsUINT64();
  uint64_t available = data.size() - begin;
  if (!from || !to || *from > *to || *to > available)
    return fail("tensor " + quoted +
                " expects data_offsets in rising order within the " +
                Twine(available) + " bytes behind the header");
  if (*to - *from != size)
    return fail("tensor " + quoted + " takes " + Twine(size) +
                " bytes, but its data_offsets span " + Twine(*to - *from));
  extents.push_back({*from, *to, tensor.name});

  tensor.format = getFormat(*type);
  if (!tensor.format) {
    file.unusable[tensor.name] =
        "has the type " + type->str() + "; supported are F32, F16 and BF16";
  } else if (tensor.shape.empty() || tensor.shape.size() > 4 || size == 0) {
    file.unusable[tensor.name] =
        "expects one to four dimensions, none of them zero";
  } else {
    tensor.offset = begin + *from;
    tensor.bytes = data.slice(tensor.offset, size);
    file.tensors.push_back(std::move(tensor));
  }
  return Error::success();
}

/// Whether tensors lie one after another and fill the file.
Error SafetensorsParser::checkCoverage() {
  llvm::sort(extents, [](const Extent &a, const Extent &b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t covered = 0;
  for (const Extent &extent : extents) {
    if (extent.begin < covered)
      return fail("tensor " + quote(extent.name) +
                  " overlaps the one in front of it");
    if (extent.begin > covered)
      return fail("there are bytes of no tensor in front of tensor " +
                  quote(extent.name));
    covered = extent.end;
  }
  if (covered != data.size() - begin)
    return fail("there are bytes of no tensor from offset " +
                Twine(begin + covered) + " on");
  llvm::sort(file.tensors,
             [](const CheckpointTensor &a, const CheckpointTensor &b) {
               return a.offset < b.offset;
             });
  return Error::success();
}

Expected<SafetensorsFile> SafetensorsFile::parse(llvm::MemoryBufferRef buffer,
                                                 llvm::StringSaver &names) {
  return SafetensorsParser(buffer, names).run();
}

//===----------------------------------------------------------------------===//
// Checkpoints
//===----------------------------------------------------------------------===//

Error SafetensorsCheckpoint::addFile(StringRef path) {
  Expected<llvm::MemoryBufferRef> buffer = map(path);
  if (!buffer)
    return buffer.takeError();
  Expected<SafetensorsFile> file = SafetensorsFile::parse(*buffer, names);
  if (!file)
    return file.takeError();
  for (const CheckpointTensor &tensor : file->tensors)
    if (!add(tensor))
      return llvm::createStringError(path + ": tensor " + quote(tensor.name) +
                                     " is also in another file of the index");
  for (const auto &entry : file->unusable)
    unusable[entry.first()] = entry.second;
  return Error::success();
}

/// Adds the files of an index, which says of each tensor where it is.
Error SafetensorsCheckpoint::addIndexed(StringRef directory,
                                        StringRef indexPath) {
  auto fail = [&](const Twine &message) {
    return llvm::createStringError(indexPath + ": " + message);
  };
  Expected<llvm::json::Object> index = readJsonObject(indexPath);
  if (!index)
    return index.takeError();
  const llvm::json::Object *map = index->getObject("weight_map");
  if (!map || map->empty())
    return fail("'weight_map' expects an object from tensors to files");
  std::map<std::string, unsigned> files;
  for (const llvm::json::Object::value_type &entry : *map) {
    std::optional<StringRef> name = entry.second.getAsString();
    if (!name)
      return fail("'weight_map' expects a file name for tensor " +
                  quote(entry.first));
    // An index may not lead out of its directory.
    if (!isPlainText(*name) || name->find_first_of("/\\") != StringRef::npos ||
        !name->ends_with(".safetensors"))
      return fail("'weight_map' expects the name of a .safetensors file beside "
                  "it, found " +
                  quote(*name));
    files[name->str()] = 0;
  }
  for (auto &[name, number] : files) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name);
    number = getFiles().size();
    if (Error error = addFile(path))
      return error;
  }
  for (const llvm::json::Object::value_type &entry : *map) {
    const CheckpointTensor *tensor = find(entry.first);
    std::string name = entry.second.getAsString()->str();
    if (tensor ? tensor->file != files[name]
               : !unusable.contains(StringRef(entry.first)))
      return fail("tensor " + quote(entry.first) + " is not in " + name);
  }
  return Error::success();
}

Expected<std::unique_ptr<SafetensorsCheckpoint>>
SafetensorsCheckpoint::open(StringRef directory) {
  auto checkpoint = std::make_unique<SafetensorsCheckpoint>();
  llvm::SmallString<256> single(directory), index(directory);
  llvm::sys::path::append(single, "model.safetensors");
  llvm::sys::path::append(index, "model.safetensors.index.json");
  Error error = llvm::sys::fs::exists(single) ? checkpoint->addFile(single)
                : llvm::sys::fs::exists(index)
                    ? checkpoint->addIndexed(directory, index)
                    : llvm::createStringError(
                          directory + ": holds neither model.safetensors "
                                      "nor model.safetensors.index.json");
  if (error)
    return std::move(error);
  return checkpoint;
}
