//===- Weights.cpp - The mapped file NAME.weights -------------------------===//

#include "Weights.h"

#include "Error.h"
#include "winnow/Runtime/Hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace winnow {
namespace runtime {

/// Reads `count` lower-case hexadecimal digits, most significant first.
static bool parseHex(const uint8_t *text, int count, uint64_t &value) {
  value = 0;
  for (int i = 0; i < count; ++i) {
    uint8_t c = text[i];
    uint64_t digit;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10;
    else
      return false;
    value = value << 4 | digit;
  }
  return true;
}

winnow_status Weights::open(const char *path,
                            const winnow_artifact_info &artifact,
                            winnow_error *error) {
  int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return fail(error, WINNOW_IO_ERROR, "cannot open '%s': %s", path,
                strerror(errno));
  struct stat status;
  if (fstat(file, &status) != 0) {
    int code = errno;
    ::close(file);
    return fail(error, WINNOW_IO_ERROR, "cannot read '%s': %s", path,
                strerror(code));
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(file);
    return fail(error, WINNOW_IO_ERROR, "'%s' is not a file", path);
  }
  if (status.st_size < 8) {
    ::close(file);
    return fail(error, WINNOW_BAD_FILE,
                "'%s' is truncated: %" PRId64
                " bytes, fewer than the 8 of a safetensors header length",
                path, static_cast<int64_t>(status.st_size));
  }
  fileSize = static_cast<uint64_t>(status.st_size);
  void *memory = mmap(nullptr, fileSize, PROT_READ, MAP_PRIVATE, file, 0);
  int code = errno;
  ::close(file);
  if (memory == MAP_FAILED) {
    fileSize = 0;
    return fail(error, WINNOW_IO_ERROR, "cannot map '%s': %s", path,
                strerror(code));
  }
  mapping = static_cast<const uint8_t *>(memory);
  winnow_status result = check(path, artifact, error);
  if (result != WINNOW_OK)
    close();
  else {
    // Hints: pages of 2 MB where the file system has them, and read ahead.
    madvise(memory, fileSize, MADV_HUGEPAGE);
    madvise(memory, fileSize, MADV_WILLNEED);
  }
  return result;
}

winnow_status Weights::check(const char *path,
                             const winnow_artifact_info &artifact,
                             winnow_error *error) {
  uint64_t headerSize = winnow_hash_load(mapping);
  if (headerSize > fileSize - 8)
    return fail(error, WINNOW_BAD_FILE,
                "'%s' is truncated or no safetensors file: header of %" PRIu64
                " bytes in a file of %" PRIu64,
                path, headerSize, fileSize);
  static constexpr char kPrefix[] = WINNOW_WEIGHTS_PREFIX;
  static constexpr uint64_t kPrefixSize = sizeof kPrefix - 1;
  const uint8_t *header = mapping + 8;
  const uint8_t *digits = header + kPrefixSize;
  uint64_t buildId[2];
  if (headerSize < kPrefixSize + 33 ||
      memcmp(header, kPrefix, kPrefixSize) != 0 ||
      !parseHex(digits, 16, buildId[0]) ||
      !parseHex(digits + 16, 16, buildId[1]) || digits[32] != '"')
    return fail(error, WINNOW_BAD_FILE,
                "'%s' is not a Winnow weights file: its header has no build id",
                path);
  if (buildId[0] != artifact.build_id[0] || buildId[1] != artifact.build_id[1])
    return fail(error, WINNOW_MISMATCH,
                "'%s' belongs to another library: build id %016" PRIx64
                "%016" PRIx64 ", expected %016" PRIx64 "%016" PRIx64,
                path, buildId[0], buildId[1], artifact.build_id[0],
                artifact.build_id[1]);
  dataStart = 8 + headerSize;
  if (dataStart % WINNOW_WEIGHTS_ALIGNMENT != 0)
    return fail(error, WINNOW_BAD_FILE,
                "'%s': tensor data start at %" PRIu64
                ", which is no multiple of %d",
                path, dataStart, static_cast<int>(WINNOW_WEIGHTS_ALIGNMENT));
  uint64_t expected = static_cast<uint64_t>(artifact.weight_bytes);
  if (artifact.weight_bytes < 0 || fileSize - dataStart != expected)
    return fail(
        error, WINNOW_BAD_FILE,
        "'%s' is %s: %" PRIu64 " bytes of tensor data, expected %" PRId64, path,
        fileSize - dataStart < expected ? "truncated" : "too long",
        fileSize - dataStart, artifact.weight_bytes);
  return WINNOW_OK;
}

void Weights::close() {
  if (mapping)
    munmap(const_cast<uint8_t *>(mapping), fileSize);
  mapping = nullptr;
  fileSize = dataStart = 0;
}

winnow_status Weights::verify(winnow_error *error) const {
  static constexpr char kKey[] = WINNOW_WEIGHTS_HASH_KEY;
  static constexpr size_t kKeySize = sizeof kKey - 1;
  const uint8_t *header = mapping + 8;
  size_t headerSize = dataStart - 8;
  const uint8_t *found =
      static_cast<const uint8_t *>(memmem(header, headerSize, kKey, kKeySize));
  uint64_t expected;
  if (!found || headerSize - (found - header) < kKeySize + 17 ||
      !parseHex(found + kKeySize, 16, expected))
    return fail(error, WINNOW_BAD_FILE, "the weights carry no hash");
  winnow_hash hash;
  winnow_hash_begin(&hash);
  winnow_hash_update(&hash, data(), dataSize());
  uint64_t actual = winnow_hash_finish(&hash);
  if (actual != expected)
    return fail(error, WINNOW_BAD_FILE,
                "the weights are damaged: hash %016" PRIx64
                ", expected %016" PRIx64,
                actual, expected);
  return succeed(error);
}

} // namespace runtime
} // namespace winnow
