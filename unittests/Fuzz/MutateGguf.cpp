//===- MutateGguf.cpp - Random changes to GGUF files ----------------------===//

#include "MutateFile.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace winnow {
namespace fuzz {

static constexpr size_t alignment = 32;
static constexpr uint32_t stringType = 8, arrayType = 9;

template <typename T> static T load(std::string_view bytes, size_t at) {
  T value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <typename T> static std::string store(T value) {
  return std::string(reinterpret_cast<const char *>(&value), sizeof value);
}

/// The bytes of a fixed-size value, by its type.
static size_t sizeOf(uint32_t type) {
  static constexpr uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < sizeof sizes ? sizes[type] : 0;
}

namespace {

/// A file taken apart; each record is the bytes of a key with its value, or of
/// a tensor's description.
struct Parts {
  std::string version;
  std::vector<std::string> values, tensors;
  std::string data;

  /// False where the file does not have that form.
  bool read(std::string_view file);
  std::string write(Random &random) const;
};

class Walker {
public:
  explicit Walker(std::string_view file) : file(file) {}

  bool skip(size_t size) {
    if (size > file.size() - at)
      return false;
    at += size;
    return true;
  }
  template <typename T> bool take(T &value) {
    if (!skip(sizeof value))
      return false;
    value = load<T>(file, at - sizeof value);
    return true;
  }
  bool skipString() {
    uint64_t size;
    return take(size) && skip(size);
  }
  bool skipValue() {
    uint32_t type;
    uint64_t count = 1;
    if (!take(type) || (type == arrayType && (!take(type) || !take(count))))
      return false;
    if (type != stringType)
      return count <= file.size() && skip(count * sizeOf(type));
    for (uint64_t i = 0; i < count; ++i)
      if (!skipString())
        return false;
    return true;
  }
  bool skipTensor() {
    uint32_t rank;
    return skipString() && take(rank) && rank <= 16 && skip(8 * rank + 4 + 8);
  }

  std::string_view file;
  size_t at = 0;
};

} // namespace

bool Parts::read(std::string_view file) {
  Walker walker(file);
  uint64_t tensorCount, valueCount;
  if (!walker.skip(8) || !walker.take(tensorCount) || !walker.take(valueCount))
    return false;
  version = file.substr(0, 8);
  for (size_t begin; valueCount--;
       values.emplace_back(file.substr(begin, walker.at - begin))) {
    begin = walker.at;
    if (!walker.skipString() || !walker.skipValue())
      return false;
  }
  for (size_t begin; tensorCount--;
       tensors.emplace_back(file.substr(begin, walker.at - begin))) {
    begin = walker.at;
    if (!walker.skipTensor())
      return false;
  }
  size_t end = (walker.at + alignment - 1) / alignment * alignment;
  data = file.substr(std::min(end, file.size()));
  return true;
}

std::string Parts::write(Random &random) const {
  uint64_t counts[] = {tensors.size(), values.size()};
  if (random() % 16 == 0)
    counts[random() % 2] += random() % 2 ? 1 : -1;
  std::string file = version + store(counts[0]) + store(counts[1]);
  for (const auto *records : {&values, &tensors})
    for (const std::string &record : *records)
      file += record;
  if (!tensors.empty())
    file.resize((file.size() + alignment - 1) / alignment * alignment);
  return file + data;
}

static std::string makeString(std::string_view text) {
  return store(uint64_t(text.size())) + std::string(text);
}

/// Changes the string at the front of `record`.
static void mutateString(std::string &record) {
  uint64_t size = load<uint64_t>(record, 0);
  std::string text = mutateBytes(std::string_view(record).substr(8, size), 8);
  record = makeString(text) + record.substr(8 + size);
}

/// Changes what stands behind the key of `record`.
static void mutateValue(std::string &record, Random &random) {
  size_t at = 8 + load<uint64_t>(record, 0);
  std::string value = record.substr(at);
  uint32_t type = load<uint32_t>(value, 0);
  if (random() % 8 == 0) {
    value = mutateBytes(value, 8);
  } else if (type == stringType) {
    std::string text = value.substr(4);
    mutateString(text);
    value = store(type) + text;
  } else if (type == arrayType) {
    uint32_t element = load<uint32_t>(value, 4);
    uint64_t count = load<uint64_t>(value, 8);
    std::string elements = value.substr(16);
    size_t size = sizeOf(element);
    if (size && random() % 2) {
      count = random() % (count + 2);
      elements.resize(count * size, '\1');
    } else if (element == stringType && count) {
      // The first string changes, comes twice or goes.
      std::string first = elements.substr(0, 8 + load<uint64_t>(elements, 0));
      switch (random() % 3) {
      case 0:
        mutateString(elements);
        break;
      case 1:
        elements += first;
        ++count;
        break;
      case 2:
        elements.erase(0, first.size());
        --count;
        break;
      }
    } else if (!elements.empty()) {
      elements = mutateBytes(elements, 0);
      elements.resize(value.size() - 16);
    }
    value = store(type) + store(element) + store(count) + elements;
  } else {
    // Another number, perhaps of another type.
    static constexpr uint64_t numbers[] = {0,
                                           1,
                                           2,
                                           3,
                                           7,
                                           8,
                                           64,
                                           255,
                                           65536,
                                           1u << 31,
                                           uint64_t(1) << 40,
                                           uint64_t(1) << 63,
                                           ~uint64_t(0)};
    uint32_t other = random() % 2 ? type : uint32_t(random() % 13);
    if (!sizeOf(other))
      other = type;
    std::string number =
        random() % 2 ? value.substr(4) : store(numbers[random() % 13]);
    number.resize(sizeOf(other));
    if (random() % 2)
      number = mutateBytes(number, 0);
    number.resize(sizeOf(other));
    value = store(other) + number;
  }
  record = record.substr(0, at) + value;
}

/// Changes a dimension, the type or the place of a tensor.
static void mutateTensor(std::string &record, Random &random) {
  size_t at = 8 + load<uint64_t>(record, 0);
  uint32_t rank = load<uint32_t>(record, at);
  static constexpr uint64_t numbers[] = {
      0, 1, 4, 8, 16, 32, 256, 1u << 31, uint64_t(1) << 62};
  switch (random() % 4) {
  case 0:
    if (rank) {
      std::string dim = store(numbers[random() % 9]);
      record.replace(at + 4 + 8 * (random() % rank), 8, dim);
    }
    break;
  case 1:
    record.replace(record.size() - 12, 4, store(uint32_t(random() % 44)));
    break;
  case 2:
    record.replace(record.size() - 8, 8, store(uint64_t(random() % 64 * 16)));
    break;
  case 3: { // One dimension more or less.
    uint32_t changed = rank && random() % 2 ? rank - 1 : rank + 1;
    std::string dims = record.substr(at + 4, 8 * rank);
    dims.resize(8 * changed, '\0');
    if (changed > rank)
      dims[8 * rank] = 1;
    record = record.substr(0, at) + store(changed) + dims +
             record.substr(record.size() - 12);
    break;
  }
  }
}

std::string mutateGguf(std::string_view file, std::string_view other,
                       Random &random) {
  Parts parts, others;
  if (!parts.read(file))
    return mutateBytes(file, 32);
  bool tensor = random() % 3 == 0;
  std::vector<std::string> &records = tensor ? parts.tensors : parts.values;
  if (!other.empty() && others.read(other)) {
    const auto &theirs = tensor ? others.tensors : others.values;
    if (!theirs.empty())
      records.push_back(theirs[random() % theirs.size()]);
  }
  if (records.empty())
    return parts.write(random);
  size_t i = random() % records.size();
  switch (random() % 8) {
  case 0:
    records.erase(records.begin() + i);
    break;
  case 1:
    records.push_back(records[i]);
    break;
  case 2:
    mutateString(records[i]);
    break;
  case 3:
    parts.data.resize(parts.data.size() / 32 * 32 + random() % 3 * 32);
    break;
  default:
    if (tensor)
      mutateTensor(records[i], random);
    else
      mutateValue(records[i], random);
  }
  return parts.write(random);
}

} // namespace fuzz
} // namespace winnow
