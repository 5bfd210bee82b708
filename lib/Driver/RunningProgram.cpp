//===- RunningProgram.cpp - A compiled candidate that runs ----------------===//

#include "RunningProgram.h"

#include "TemporaryFolder.h"

#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace winnow {

static constexpr StringLiteral kPrefix = "winnow-evaluate";
/// Its name begins those of its functions, so all have the same.
static constexpr StringLiteral kName = "candidate";
static constexpr StringLiteral kLibrary = ".so", kWeights = ".weights";

static Expected<std::unique_ptr<MemoryBuffer>> map(const std::string &path) {
  auto contents = MemoryBuffer::getFile(path, /*IsText=*/false,
                                        /*RequiresNullTerminator=*/false);
  if (!contents)
    return createFileError(path, contents.getError());
  return std::move(*contents);
}

Error RunningProgram::open(const std::string &path) {
  std::string message;
  opened = client::Artifact::open(path, message);
  if (!opened)
    return createStringError(message);
  client::SessionOptions wanted;
  wanted.threads = threads;
  started = client::Session::create(*opened, wanted, message);
  if (!started)
    return createStringError(message);
  if (Error error = map(path + kLibrary.str()).moveInto(library))
    return error;
  return map(path + kWeights.str()).moveInto(weights);
}

Expected<RunningProgram> RunningProgram::compile(const LoadedModel &model,
                                                 const CompileOptions &options,
                                                 int32_t threads) {
  std::unique_ptr<TemporaryFolder> folder;
  if (Error error = TemporaryFolder::create(kPrefix).moveInto(folder))
    return std::move(error);
  std::string path = *folder / kName;
  if (Error error = model.compile(path, options))
    return std::move(error);
  RunningProgram program(threads);
  if (Error error = program.open(path))
    return std::move(error);
  return program;
}

/// In one piece: what is written so lies in large pages, like what is read when
/// an artifact is opened.
static Error write(const MemoryBuffer &contents, const std::string &path) {
  std::error_code code;
  raw_fd_ostream out(path, code);
  if (code)
    return createFileError(path, code);
  out << contents.getBuffer();
  out.close();
  code = out.error();
  out.clear_error();
  return code ? createFileError(path, code) : Error::success();
}

Expected<RunningProgram> RunningProgram::copy() const {
  std::unique_ptr<TemporaryFolder> folder;
  if (Error error = TemporaryFolder::create(kPrefix).moveInto(folder))
    return std::move(error);
  std::string path = *folder / kName;
  if (Error error = write(*library, path + kLibrary.str()))
    return std::move(error);
  if (Error error = write(*weights, path + kWeights.str()))
    return std::move(error);
  RunningProgram program(threads);
  if (Error error = program.open(path))
    return std::move(error);
  return program;
}

} // namespace winnow
