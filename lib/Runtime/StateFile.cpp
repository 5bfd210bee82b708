//===- StateFile.cpp - States in files and in memory ----------------------===//

#include "Error.h"
#include "State.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace winnow {
namespace runtime {

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

namespace {
struct Remaining {
  const uint8_t *next;
  size_t size;
};
} // namespace

static bool writeMemory(void *context, const void *data, size_t size) {
  uint8_t *&next = *static_cast<uint8_t **>(context);
  if (size)
    memcpy(next, data, size);
  next += size;
  return true;
}

static bool readMemory(void *context, void *data, size_t size) {
  Remaining &left = *static_cast<Remaining *>(context);
  if (size > left.size)
    return false;
  if (size)
    memcpy(data, left.next, size);
  left.next += size;
  left.size -= size;
  return true;
}

winnow_status saveSessionTo(const winnow_session *session, void *data,
                            int64_t size, winnow_error *error) {
  if (!session || !data)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "session_save_to: session and data must not be null");
  if (size != stateSize(session))
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "session_save_to: the state takes %lld bytes, not %lld",
                static_cast<long long>(stateSize(session)),
                static_cast<long long>(size));
  uint8_t *next = static_cast<uint8_t *>(data);
  writeState(*session, {writeMemory, static_cast<void *>(&next)});
  return succeed(error);
}

winnow_status loadSessionFrom(winnow_session *session, const void *data,
                              int64_t size, winnow_error *error) {
  if (!session || !data || size < 0)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "session_load_from: session and data must not be null, nor the "
                "size negative");
  Remaining left = {static_cast<const uint8_t *>(data),
                    static_cast<size_t>(size)};
  return readState(*session, {readMemory, &left}, size, "the state", error);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static bool writeDescriptor(void *context, const void *data, size_t size) {
  const uint8_t *bytes = static_cast<const uint8_t *>(data);
  while (size) {
    ssize_t count = write(*static_cast<int *>(context), bytes, size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

static bool readDescriptor(void *context, void *data, size_t size) {
  uint8_t *bytes = static_cast<uint8_t *>(data);
  while (size) {
    ssize_t count = read(*static_cast<int *>(context), bytes, size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

/// Writes the state to the new file `temporary` and gives it the name `path`.
/// On failure errno says why and nothing is left.
static bool writeFile(const winnow_session &session, const char *temporary,
                      const char *path) {
  int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0)
    return false;
  bool good = writeState(session, {writeDescriptor, &file});
  int code = errno;
  if (close(file) != 0 && good) {
    good = false;
    code = errno;
  }
  if (good && rename(temporary, path) != 0) {
    good = false;
    code = errno;
  }
  if (!good)
    unlink(temporary);
  errno = code;
  return good;
}

winnow_status saveSession(const winnow_session *session, const char *path,
                          winnow_error *error) {
  if (!session || !path)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "session_save: session and path must not be null");
  // Processes and sessions that save to one path do not meet.
  size_t size = strlen(path) + 64;
  char *temporary = allocateArray<char>(session->allocator, size);
  if (!temporary)
    return fail(error, WINNOW_OUT_OF_MEMORY, "session_save: out of memory");
  snprintf(temporary, size, "%s.tmp%d.%p", path, static_cast<int>(getpid()),
           static_cast<const void *>(session));
  bool good = writeFile(*session, temporary, path);
  int code = errno;
  releaseArray(session->allocator, temporary, size);
  if (!good)
    return fail(error, WINNOW_IO_ERROR, "cannot write '%s': %s", path,
                strerror(code));
  session->log.write(WINNOW_LOG_INFO, "%s: saved %lld tokens to '%s'",
                     session->model->artifact->name,
                     static_cast<long long>(session->length), path);
  return succeed(error);
}

winnow_status loadSession(winnow_session *session, const char *path,
                          winnow_error *error) {
  if (!session || !path)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "session_load: session and path must not be null");
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat facts;
  if (file < 0 || fstat(file, &facts) != 0) {
    int code = errno;
    if (file >= 0)
      close(file);
    return fail(error, WINNOW_IO_ERROR, "cannot open '%s': %s", path,
                strerror(code));
  }
  winnow_status status;
  if (S_ISREG(facts.st_mode)) {
    char name[300];
    snprintf(name, sizeof name, "'%s'", path);
    status = readState(*session, {readDescriptor, &file}, facts.st_size, name,
                       error);
  } else {
    status = fail(error, WINNOW_IO_ERROR, "'%s' is not a file", path);
  }
  close(file);
  return status;
}

} // namespace runtime
} // namespace winnow
